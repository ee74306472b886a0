"""Rules of custom kinds (`x-kubernetes-validations`): when they are asked, and what is said of those that are broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.definitions import CRDS, a_definition, create, define, fields, spec_of
from contracts.kubernetes.servers import MERGE, Answer, Server, by_version, until

Fresh = Callable[[], str]
Json = dict[str, Any]
RULES = "x-kubernetes-validations"
TEXT: Json = {"type": "string", "maxLength": 30}
NUMBER: Json = {"type": "integer"}


def ruled(schema: Json, rule: str, **more: Any) -> Json:
    return {**schema, RULES: [*schema.get(RULES, ()), {"rule": rule, **more}]}


def a_ruled_spec() -> Json:
    words = {"type": "array", "maxItems": 5, "items": TEXT}
    entry = {**fields(k=TEXT, v=ruled(TEXT, "self == oldSelf")), "required": ["k"]}
    keyed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}
    spec = fields(
        **{"with-dash": TEXT},
        min={**NUMBER, "default": 0},
        max={**NUMBER, "default": 9},
        fixed=ruled(TEXT, "self == oldSelf", message="fixed is immutable"),
        lock=ruled(TEXT, "oldSelf.orValue('none') != 'locked'", optionalOldSelf=True, message="it is locked"),
        words=words,
        entries={"type": "array", "maxItems": 5, "items": entry, **keyed},
        divisor=ruled(NUMBER, "10 / self > 1"),
        counts={"type": "object", "maxProperties": 5, "additionalProperties": ruled(NUMBER, "self > 0")},
        letter=ruled(TEXT, "self == 'a' ||\n self == 'b'", message="a or b"),
        when=ruled({**TEXT, "format": "date-time"}, "self > timestamp('2020-01-01T00:00:00Z')"),
        either=ruled(
            {"x-kubernetes-int-or-string": True}, "type(self) == int ? self > 1 : self.endsWith('%')", message="either"
        ),
    )
    spec = ruled(spec, "self.min <= self.max", message="min above max")
    spec = ruled(spec, "!has(oldSelf.fixed) || has(self.fixed)", message="fixed is kept")
    spec = ruled(
        spec,
        "self.max < 100",
        messageExpression="self.max > 200 ? 'far too large' : 'too large'",
        reason="FieldValueForbidden",
        fieldPath=".max",
    )
    spec = ruled(spec, "!has(self.words) || self.words.all(x, x.startsWith('a'))", message="words begin with a")
    spec = ruled(spec, "!has(self.words) || self.words.isSorted()", message="words are sorted")
    return ruled(spec, "!has(self.with__dash__dash) || self.with__dash__dash != 'no'", message="no dash")


@pytest.fixture(scope="module")
def laws(server: Server) -> str:
    """The path of a kind with rules."""
    crd = a_definition("laws", a_ruled_spec())
    root = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    root[RULES] = [{"rule": "self.metadata.name.startsWith('case')", "message": "cases only"}]
    return define(server, crd)


BROKEN: dict[str, tuple[Json, str, str, str]] = {
    "of two fields": ({"min": 10}, "spec", "Invalid", "min above max"),
    "with a place, a reason and a message of their own": (
        {"max": 100},
        "spec.max",
        "Forbidden",
        "Forbidden: too large",
    ),
    "with a message that is computed": ({"max": 300}, "spec.max", "Forbidden", "Forbidden: far too large"),
    "for all of a list": ({"words": ["b"]}, "spec", "Invalid", "words begin with a"),
    "of Kubernetes' own library": ({"words": ["ab", "aa"]}, "spec", "Invalid", "words are sorted"),
    "of a map's value": ({"counts": {"x": 0}}, "spec.counts[x]", "Invalid", "Invalid value: 0: failed rule: self > 0"),
    "of a text": ({"letter": "c"}, "spec.letter", "Invalid", 'Invalid value: "c": a or b'),
    "of a time": ({"when": "2019-01-01T00:00:00Z"}, "spec.when", "Invalid", "failed rule: self > timestamp("),
    "of a number that may be a text": ({"either": 1}, "spec.either", "Invalid", "Invalid value: 1: either"),
    "of a text that may be a number": ({"either": "5"}, "spec.either", "Invalid", 'Invalid value: "5": either'),
    "of a field whose name is no word": ({"with-dash": "no"}, "spec", "Invalid", "no dash"),
    "that cannot be told": (
        {"divisor": 0},
        "spec.divisor",
        "Invalid",
        'Invalid value: "integer": division by zero evaluating rule: 10 / self > 1',
    ),
}


ONCE = {
    "of a map's value": 'Invalid value: "integer": failed rule: self > 0',
    "of a text": 'Invalid value: "string": a or b',
    "of a number that may be a text": 'Invalid value: "": either',
    "of a text that may be a number": 'Invalid value: "": either',
}
"""What 1.34 says: it names a value's type and not the value."""


@pytest.mark.parametrize("case", BROKEN)
def test_rules_are_kept(server: Server, laws: str, fresh: Fresh, case: str) -> None:
    spec, field, reason, words = BROKEN[case]
    answer = create(server, laws, fresh(), spec)
    assert answer.code == 422, answer.body
    [(found_field, found_reason, text)] = answer.causes
    words = by_version(server, newest=words, oldest=ONCE.get(case, words))
    assert (found_field, found_reason) == (field, f"FieldValue{reason}") and words in text


def test_a_rule_of_the_whole_object_sees_its_name(server: Server, laws: str) -> None:
    answer = create(server, laws, "other", {})
    assert [(field, "cases only" in text) for field, _, text in answer.causes] == [("<nil>", True)]


def test_an_object_whose_fields_are_wrong_is_not_asked_for_its_rules(server: Server, laws: str, fresh: Fresh) -> None:
    answer = create(server, laws, fresh(), {"min": "x", "max": 300})
    assert {field for field, _, _ in answer.causes} == {"spec.min", "<nil>"}
    assert "some validation rules were not checked because the object was invalid" in answer.body["message"]


def changed(server: Server, laws: str, name: str, before: Json, after: Json) -> Answer:
    assert create(server, laws, name, before).code == 201
    return server.call("PATCH", f"{laws}/{name}", {"spec": after}, MERGE)


REFUSED_CHANGES: dict[str, tuple[Json, Json, str, str]] = {
    "what is fixed": ({"fixed": "a"}, {"fixed": "b"}, "spec.fixed", "fixed is immutable"),
    "what may not go": ({"fixed": "a"}, {"fixed": None}, "spec", "fixed is kept"),
    "an entry that moved in its list": (
        {"entries": [{"k": "a", "v": "1"}]},
        {"entries": [{"k": "b", "v": "2"}, {"k": "a", "v": "2"}]},
        "spec.entries[1].v",
        "failed rule: self == oldSelf",
    ),
    "what an optional old value locks": ({"lock": "locked"}, {"lock": "x"}, "spec.lock", "it is locked"),
}


@pytest.mark.parametrize("case", REFUSED_CHANGES)
def test_rules_of_changes_compare_with_the_old_value(server: Server, laws: str, fresh: Fresh, case: str) -> None:
    before, after, field, words = REFUSED_CHANGES[case]
    answer = changed(server, laws, fresh(), before, after)
    assert answer.code == 422, answer.body
    assert [(place, words in text) for place, _, text in answer.causes] == [(field, True)]


@pytest.mark.parametrize("after", [{"fixed": "b"}, {"lock": "locked"}], ids=["plain", "optional"])
def test_rules_of_changes_do_not_hold_for_what_is_new(server: Server, laws: str, fresh: Fresh, after: Json) -> None:
    assert changed(server, laws, fresh(), {}, after).code == 200


@pytest.fixture(scope="module")
def stricter(server: Server) -> str:
    """A kind that has become stricter than its object `old`, whose letter is b and size is 50."""
    spec = fields(letter=ruled(TEXT, "self in ['a', 'b']", message="wrong letter"), size=NUMBER, note=TEXT)
    path = define(server, a_definition("habits", spec))
    assert create(server, path, "old", {"letter": "b", "size": 50}).code == 201
    crd = server.good("GET", f"{CRDS}/habits.food.example.com").body
    spec_of(crd)["properties"]["letter"][RULES][0]["rule"] = "self == 'a'"
    spec_of(crd)["properties"]["size"]["maximum"] = 20
    server.good("PUT", f"{CRDS}/habits.food.example.com", crd)
    until(lambda: server.call("POST", path, {**a_habit("new"), "spec": {"size": 21}}, dryRun="All").code == 422)
    return path


def a_habit(name: str) -> Json:
    return {"apiVersion": "food.example.com/v1", "kind": "Habits", "metadata": {"name": name}}


def test_what_was_allowed_and_stays_is_only_warned_of(server: Server, stricter: str) -> None:
    answer = server.good("PATCH", f"{stricter}/old", {"spec": {"note": "x"}}, MERGE)
    assert answer.body["spec"] == {"letter": "b", "size": 50, "note": "x"}
    assert ["wrong letter" in text for text in answer.warnings] == [True]


@pytest.mark.parametrize("change", [{"letter": "c"}, {"size": 51}], ids=["a rule", "a maximum"])
def test_what_was_allowed_is_refused_once_it_changes(server: Server, stricter: str, change: Json) -> None:
    answer = server.call("PATCH", f"{stricter}/old", {"spec": change}, MERGE)
    assert answer.code == 422
    assert {field for field, _, _ in answer.causes} == {f"spec.{name}" for name in change}
