"""CustomResourceDefinitions: which can be, what becomes of them, and what their kinds do."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.definitions import (
    CRDS,
    a_definition,
    a_version,
    an_object,
    create,
    define,
    fields,
    path_of,
    spec_of,
)
from contracts.kubernetes.servers import MERGE, Server, by_version, laptop_differs, until

Fresh = Callable[[], str]
Json = dict[str, Any]
Change = Callable[[Json], object]
TEXT: Json = {"type": "string"}
ITEMS = fields(k=TEXT)
WHOLE = "spec.validation.openAPIV3Schema"
FIELD = f"{WHOLE}.properties[spec].properties[a]"


def a_field(**schema: Any) -> Change:
    """Gives the field `a` another schema."""
    return lambda crd: spec_of(crd).update(properties={"a": schema})


def a_rule(text: str) -> Change:
    return a_field(**TEXT, maxLength=9, **{"x-kubernetes-validations": [{"rule": text}]})


def in_spec(**values: Any) -> Change:
    return lambda crd: crd["spec"].update(values)


def in_version(**values: Any) -> Change:
    return lambda crd: crd["spec"]["versions"][0].update(values)


def in_names(**values: Any) -> Change:
    return lambda crd: crd["spec"]["names"].update(values)


def in_root(**values: Any) -> Change:
    return lambda crd: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].update(values)


def twice(crd: Json) -> None:
    crd["spec"]["versions"] *= 2


def a_column(**values: str) -> Change:
    return in_version(additionalPrinterColumns=[{"name": "A", "type": "string", "jsonPath": ".spec.a", **values}])


RULE = f"{FIELD}.x-kubernetes-validations[0].rule"
REFUSED: dict[str, tuple[Change, str, str, str]] = {
    "a field without type": (a_field(description="?"), f"{FIELD}.type", "Required", "must not be empty for specified"),
    "an unknown type": (a_field(type="text"), f"{FIELD}.type", "NotSupported", 'Unsupported value: "text"'),
    "a root that is no object": (in_root(type="string"), f"{WHOLE}.type", "Invalid", "must be object at the root"),
    "no schema": (
        lambda crd: crd["spec"]["versions"][0].pop("schema"),
        "spec.versions[0].schema.openAPIV3Schema",
        "Required",
        "Required value",
    ),
    "a default of another type": (
        a_field(type="integer", default="x"),
        f"{FIELD}.default",
        "TypeInvalid",
        'in body must be of type integer: "string"',
    ),
    "a default with unknown fields": (
        a_field(**ITEMS, default={"c": 1}),
        f"{FIELD}.default",
        "Invalid",
        'Invalid value: {"c":1}: must not have unknown fields',
    ),
    "known and other fields": (
        a_field(**ITEMS, additionalProperties=TEXT),
        f"{FIELD}.additionalProperties",
        "Forbidden",
        "additionalProperties and properties are mutual exclusive",
    ),
    "a reference": (a_field(**{"$ref": "#/x"}), f"{FIELD}.$ref", "Forbidden", "$ref is not supported"),
    "unique items": (
        a_field(type="array", items=TEXT, uniqueItems=True),
        f"{FIELD}.uniqueItems",
        "Forbidden",
        "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
    ),
    "a list of nothing": (a_field(type="array"), f"{FIELD}.items", "Required", "must be specified"),
    "a map without keys": (
        a_field(type="array", items=ITEMS, **{"x-kubernetes-list-type": "map"}),
        f"{FIELD}.x-kubernetes-list-map-keys",
        "Required",
        "must not be empty if x-kubernetes-list-type is map",
    ),
    "a map whose key may be absent": (
        a_field(type="array", items=ITEMS, **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}),
        f"{FIELD}.items.properties[k].default",
        "Required",
        "so it must have a default or be a required property",
    ),
    "a set of objects": (
        a_field(type="array", items=ITEMS, **{"x-kubernetes-list-type": "set"}),
        f"{FIELD}.items.x-kubernetes-map-type",
        "Invalid",
        "must be atomic as item of a list with x-kubernetes-list-type=set",
    ),
    "a type in an alternative": (
        a_field(**TEXT, anyOf=[TEXT]),
        f"{FIELD}.anyOf[0].type",
        "Forbidden",
        "must be empty to be structural",
    ),
    "a pattern that is none": (a_field(**TEXT, pattern="("), f"{FIELD}.pattern", "Invalid", "must be a valid regular"),
    "a pattern that looks ahead": (a_field(**TEXT, pattern="^(?!x)"), f"{FIELD}.pattern", "Invalid", "(?!"),
    "an embedded object without fields": (
        a_field(type="object", **{"x-kubernetes-embedded-resource": True}),
        f"{FIELD}.properties",
        "Required",
        "must not be empty if x-kubernetes-embedded-resource is true",
    ),
    "labels in the schema": (
        in_root(properties={"metadata": fields(labels={"type": "object"})}),
        f"{WHOLE}.properties[metadata]",
        "Forbidden",
        "must not specify anything other than name and generateName",
    ),
    "a rule with a typing mistake": (
        a_rule("self.foo > 1"),
        RULE,
        "Invalid",
        "compilation failed: ERROR: <input>:1:5:",
    ),
    "a rule that ends early": (a_rule("self =="), RULE, "Invalid", "Syntax error: mismatched input '<EOF>'"),
    "a rule that is no question": (a_rule("self.size()"), RULE, "Invalid", "cel expression must evaluate to a bool"),
    "a rule of changes in a plain list": (
        a_field(
            type="array",
            maxItems=3,
            items={**TEXT, "maxLength": 9, "x-kubernetes-validations": [{"rule": "self == oldSelf"}]},
        ),
        f"{FIELD}.items.x-kubernetes-validations[0].rule",
        "Invalid",
        "oldSelf cannot be used on the uncorrelatable portion of the schema",
    ),
    "a name of something else": (
        lambda crd: crd["metadata"].update(name="x.food.example.com"),
        "metadata.name",
        "Invalid",
        'must be spec.names.plural+"."+spec.group',
    ),
    "a kind with a space": (in_names(kind="no kind"), "spec.names.kind", "Invalid", "may have mixed case"),
    "a short name in capitals": (
        in_names(shortNames=["UP"]),
        "spec.names.shortNames[0]",
        "Invalid",
        "a DNS-1035 label",
    ),
    "a scope that is none": (in_spec(scope="World"), "spec.scope", "NotSupported", 'Unsupported value: "World"'),
    "a version that is no label": (in_version(name="V1"), "spec.versions[0].name", "Invalid", "a DNS-1035 label"),
    "no version to store": (
        in_version(storage=False),
        "spec.versions",
        "Invalid",
        "must have exactly one version marked",
    ),
    "a version twice": (twice, "spec.versions", "Invalid", "must contain unique version names"),
    "no version": (in_spec(versions=[]), "spec.versions", "Invalid", "must have exactly one version marked"),
    "a column of an unknown type": (
        a_column(type="text"),
        "spec.additionalPrinterColumns[0].type",
        "Invalid",
        "must be one of boolean,date,integer,number,string",
    ),
    "a column that leads nowhere": (
        a_column(jsonPath="spec.a"),
        "spec.additionalPrinterColumns[0].JSONPath",
        "Invalid",
        "must be a simple json path starting with .",
    ),
    "replicas in the status": (
        in_version(subresources={"scale": {"specReplicasPath": ".status.a", "statusReplicasPath": ".status.b"}}),
        "spec.subresources.scale.specReplicasPath",
        "Invalid",
        "should be a json path under .spec",
    ),
    "a selectable field that is not there": (
        in_version(selectableFields=[{"jsonPath": ".spec.zzz"}]),
        "spec.selectableFields[0].jsonPath",
        "Invalid",
        "is an invalid path: does not refer to a valid field",
    ),
    "everything preserved as of old": (
        in_spec(preserveUnknownFields=True),
        "spec.preserveUnknownFields",
        "Invalid",
        "cannot set to true",
    ),
    "an unknown conversion": (
        in_spec(conversion={"strategy": "Odd"}),
        "spec.conversion.strategy",
        "NotSupported",
        'Unsupported value: "Odd": supported values: "None", "Webhook"',
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_definition_that_cannot_be_is_refused_by_name(server: Server, case: str) -> None:
    change, field, reason, words = REFUSED[case]
    crd = a_definition("breads", fields(a=TEXT))
    change(crd)
    answer = server.call("POST", CRDS, crd, dryRun="All")
    assert answer.code == 422, answer.body
    found = [text for place, why, text in answer.causes if (place, why) == (field, f"FieldValue{reason}")]
    assert any(words in text for text in found), answer.causes


def test_a_group_of_kubernetes_needs_its_approval(server: Server) -> None:
    crd = a_definition("breads", fields(a=TEXT))
    crd["spec"]["group"] = "food.k8s.io"
    crd["metadata"]["name"] = "breads.food.k8s.io"
    answer = server.call("POST", CRDS, crd, dryRun="All")
    assert {field for field, _, _ in answer.causes} == {"metadata.annotations[api-approved.kubernetes.io]"}


def test_a_rule_that_may_cost_too_much_is_refused(server: Server) -> None:
    nested = {"type": "array", "items": {"type": "array", "items": TEXT}}
    rule = {"rule": "self.all(x, x.all(y, self.exists(z, z.exists(w, w == y))))"}
    crd = a_definition("breads", fields(a={**nested, "x-kubernetes-validations": [rule]}))
    answer = server.call("POST", CRDS, crd, dryRun="All")
    expected = laptop_differs(
        server, real=422, laptop=201, why="rules are run for one user, whose own time it is", row="rules of definitions"
    )
    assert answer.code == expected


def test_unknown_fields_of_a_definition_are_warned_of(server: Server) -> None:
    crd = a_definition("breads", fields(a=TEXT))
    crd["spec"]["odd"] = 1
    assert server.good("POST", CRDS, crd, dryRun="All").warnings == ['unknown field "spec.odd"']


FORMATS: dict[str, Json] = {
    "date": {"type": "string", "format": "date-time"},
    "id": {"type": "string", "format": "uuid4"},
    "count": {"type": "integer", "format": "int64"},
    "share": {"type": "number", "format": "double"},
    "entries": {"type": "array", "items": {"type": "string", "format": "int32"}},
    "rest": {"type": "object", "additionalProperties": {"type": "string", "format": "odd"}},
}
WORDLESS = {"whole": {"type": "integer", "format": "int65"}, "real": {"type": "number", "format": "int64"}}


def test_formats_that_nobody_checks_are_warned_of(server: Server) -> None:
    told = server.good("POST", CRDS, a_definition("meals", fields(**FORMATS, **WORDLESS)), dryRun="All").warnings
    of_numbers = by_version(server, newest={"int64", "int65"}, oldest=set())  # 1.34 knows formats of texts alone
    assert set(told) == {f'unrecognized format "{name}"' for name in {"int32", "odd"} | of_numbers}
    assert len(told) == len(set(told))


def test_a_definition_that_is_deleted_is_answered_as_it_ends(server: Server) -> None:
    created = server.good("POST", CRDS, a_definition("crumbs")).body
    answer = server.good("DELETE", f"{CRDS}/crumbs.food.example.com").body
    assert (answer["kind"], answer["metadata"]["uid"]) == (created["kind"], created["metadata"]["uid"])
    assert answer["metadata"]["deletionTimestamp"]
    until(lambda: server.call("GET", f"{CRDS}/crumbs.food.example.com").code == 404)


def test_a_definition_gets_its_names_first_and_then_its_conditions(server: Server) -> None:
    crd = a_definition("cakes")
    for name in ("singular", "listKind"):
        del crd["spec"]["names"][name]
    created = server.good("POST", CRDS, crd).body
    assert created["spec"]["names"] == {
        "plural": "cakes",
        "kind": "Cakes",
        "singular": "cakes",
        "listKind": "CakesList",
    }
    assert created["spec"]["conversion"] == {"strategy": "None"}
    assert created["status"] == {
        "conditions": None,
        "acceptedNames": {"kind": "", "plural": ""},
        "storedVersions": ["v1"],
    }
    until(lambda: server.call("GET", path_of("cakes")).code == 200)
    status = server.good("GET", f"{CRDS}/cakes.food.example.com").body["status"]
    said = [(entry["type"], entry["status"], entry["reason"], entry["message"]) for entry in status["conditions"]]
    assert said == [
        ("NamesAccepted", "True", "NoConflicts", "no conflicts found"),
        ("Established", "True", "InitialNamesAccepted", "the initial names have been accepted"),
    ]
    assert status["acceptedNames"] == created["spec"]["names"]


def _conditions(server: Server, name: str) -> list[tuple[str, str, str, str]]:
    listed = server.good("GET", f"{CRDS}/{name}").body["status"]["conditions"] or []
    return [(entry["type"], entry["status"], entry["reason"], entry["message"]) for entry in listed]


def test_a_definition_whose_kind_is_taken_waits_until_it_is_free(server: Server) -> None:
    first, second = a_definition("tarts"), a_definition("flans")
    define(server, first)
    second["spec"]["names"]["kind"] = "Tarts"
    server.good("POST", CRDS, second)
    name = "flans.food.example.com"
    until(lambda: _conditions(server, name))
    assert _conditions(server, name) == [
        ("NamesAccepted", "False", "KindConflict", '"Tarts" is already in use'),
        ("Established", "False", "NotAccepted", "not all names are accepted"),
    ]
    assert server.call("GET", path_of("flans")).code == 404
    server.good("DELETE", f"{CRDS}/tarts.food.example.com")
    until(lambda: server.call("GET", path_of("flans")).code == 200)


FIXED: dict[str, tuple[Change, str]] = {
    "scope": (in_spec(scope="Cluster"), "spec.scope"),
    "group": (in_spec(group="x.example.com"), "spec.group"),
    "plural": (in_names(plural="xs"), "spec.names.plural"),
    "kind": (in_names(kind="X"), "spec.names.kind"),
}


@pytest.mark.parametrize("case", FIXED)
def test_what_of_a_served_definition_cannot_be_changed(server: Server, pizzas: str, case: str) -> None:
    change, field = FIXED[case]
    path = f"{CRDS}/pizzas.food.example.com"
    crd = server.good("GET", path).body
    change(crd)
    answer = server.call("PUT", path, crd)
    assert answer.code == 422
    assert any(place == field and "field is immutable" in text for place, _, text in answer.causes), answer.causes


def two_versions(server: Server, plural: str) -> str:
    """A kind whose second version has one more field, with a default, and is stored; returns its definition's path."""
    define(server, a_definition(plural, fields(a=TEXT)))
    create(server, path_of(plural), "first", {"a": "x"})
    path = f"{CRDS}/{plural}.food.example.com"
    crd = server.good("GET", path).body
    crd["spec"]["versions"][0]["storage"] = False
    schema = fields(spec=fields(a=TEXT, more={**TEXT, "default": "d"}))
    crd["spec"]["versions"].append(a_version("v2", schema, storage=True))
    server.good("PUT", path, crd)
    until(lambda: server.call("GET", path_of(plural, "v2")).code == 200)
    return path


def test_an_object_is_served_in_each_version_of_its_kind(server: Server) -> None:
    two_versions(server, "soups")
    second = path_of("soups", "v2")
    assert server.good("GET", f"{second}/first").body["apiVersion"] == "food.example.com/v2"
    server.good("POST", second, an_object("soups", "second", {}, "v2"))
    held = server.good("GET", f"{path_of('soups')}/second").body
    assert (held["apiVersion"], held["spec"]) == ("food.example.com/v1", {})
    listed = [(item["apiVersion"], item["metadata"]["name"]) for item in server.good("GET", second).body["items"]]
    assert listed == [("food.example.com/v2", "first"), ("food.example.com/v2", "second")]
    patched = server.good("PATCH", f"{second}/first", {"spec": {"a": "y"}}, MERGE).body
    assert patched["apiVersion"] == "food.example.com/v2" and patched["spec"]["a"] == "y"


def test_an_object_of_one_version_is_not_taken_by_another(server: Server) -> None:
    two_versions(server, "stews")
    answer = server.call("POST", path_of("stews", "v2"), an_object("stews", "a", {}, "v1"))
    said = "the API version in the data (food.example.com/v1) does not match the expected API version (food.example.com/v2)"
    assert answer.code == 400 and answer.body["message"] == said


def test_a_version_that_was_stored_stays_but_may_be_served_no_more(server: Server) -> None:
    path = two_versions(server, "curries")
    crd = server.good("GET", path).body
    assert crd["status"]["storedVersions"] == ["v1", "v2"]
    shorter = copy.deepcopy(crd)
    del shorter["spec"]["versions"][0]
    answer = server.call("PUT", path, shorter)
    assert answer.code == 422
    assert any(
        field == "status.storedVersions[0]" and "missing from spec.versions" in text for field, _, text in answer.causes
    )
    crd["spec"]["versions"][0]["served"] = False
    server.good("PUT", path, crd)
    until(lambda: server.call("GET", path_of("curries")).code == 404)
    assert server.good("GET", f"{path_of('curries', 'v2')}/first").body["spec"]["a"] == "x"


def test_the_newest_finished_version_of_a_group_is_preferred(server: Server) -> None:
    crd = a_definition("wines")
    crd["spec"]["group"] = "drink.example.com"
    crd["metadata"]["name"] = "wines.drink.example.com"
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    names = ("v1alpha1", "v2", "v1", "v10", "v3beta1", "foo")
    crd["spec"]["versions"] = [a_version(name, schema, storage=name == "v1") for name in names]
    server.good("POST", CRDS, crd)

    def told() -> list[str]:
        answer = server.call("GET", "/apis/drink.example.com")
        return [entry["version"] for entry in answer.body["versions"]] if answer.code == 200 else []

    until(lambda: len(told()) == len(names))
    group = server.good("GET", "/apis/drink.example.com").body
    assert told() == ["v10", "v2", "v1", "v3beta1", "v1alpha1", "foo"]
    assert group["preferredVersion"] == {"groupVersion": "drink.example.com/v10", "version": "v10"}


@pytest.fixture(scope="module")
def teams(server: Server) -> str:
    """A kind with a status, a scale and a field to select by."""
    crd = a_definition("teams")
    schema = fields(
        spec=fields(colour=TEXT, size={"type": "integer"}),
        status=fields(size={"type": "integer"}, selector=TEXT),
    )
    scale = {
        "specReplicasPath": ".spec.size",
        "statusReplicasPath": ".status.size",
        "labelSelectorPath": ".status.selector",
    }
    crd["spec"]["versions"] = [
        a_version(
            "v1",
            schema,
            storage=True,
            subresources={"status": {}, "scale": scale},
            selectableFields=[{"jsonPath": ".spec.colour"}],
        )
    ]
    return define(server, crd)


def test_a_generation_counts_changes_of_all_but_metadata_and_status(server: Server, teams: str, fresh: Fresh) -> None:
    path = f"{teams}/{(name := fresh())}"
    assert create(server, teams, name, {"size": 1}).body["metadata"]["generation"] == 1
    labelled = server.good("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, MERGE)
    assert labelled.body["metadata"]["generation"] == 1
    both = {"spec": {"size": 9}, "status": {"size": 1}}
    stated = server.good("PATCH", f"{path}/status", both, MERGE).body
    assert (stated["metadata"]["generation"], stated["spec"], stated["status"]) == (1, {"size": 1}, {"size": 1})
    wanted = server.good("PATCH", path, {"spec": {"size": 2}, "status": {"size": 7}}, MERGE).body
    assert (wanted["metadata"]["generation"], wanted["spec"], wanted["status"]) == (2, {"size": 2}, {"size": 1})


def test_a_scale_shows_and_sets_what_its_kind_says(server: Server, teams: str, fresh: Fresh) -> None:
    path = f"{teams}/{(name := fresh())}"
    create(server, teams, name, {"size": 3})
    server.good("PATCH", f"{path}/status", {"status": {"size": 2, "selector": "a=b"}}, MERGE)
    scale = server.good("GET", f"{path}/scale").body
    assert scale["kind"] == "Scale" and scale["spec"] == {"replicas": 3}
    assert scale["status"] == {"replicas": 2, "selector": "a=b"}
    server.good("PUT", f"{path}/scale", {**scale, "spec": {"replicas": 5}})
    held = server.good("GET", path).body
    assert held["spec"]["size"] == 5 and held["metadata"]["generation"] == 2


def test_a_scale_below_zero_or_of_nothing_is_refused(server: Server, teams: str, fresh: Fresh) -> None:
    name, other = fresh(), fresh()
    create(server, teams, name, {"size": 3})
    answer = server.call("PATCH", f"{teams}/{name}/scale", {"spec": {"replicas": -1}}, MERGE)
    text = "Invalid value: -1: should be a non-negative integer"
    assert answer.code == 422 and answer.causes == {(".spec.size", "FieldValueInvalid", text)}
    create(server, teams, other, {})
    assert (
        'the spec replicas field ".spec.size" does not exist'
        in server.call("GET", f"{teams}/{other}/scale").body["message"]
    )


def test_kubectl_scales_a_custom_kind(server: Server, teams: str, fresh: Fresh) -> None:
    create(server, teams, name := fresh(), {"size": 3})
    done = server.kubectl("scale", f"teams/{name}", "--replicas=4")
    assert done.returncode == 0, done.stderr
    assert server.good("GET", f"{teams}/{name}").body["spec"]["size"] == 4


def test_objects_are_selected_by_the_fields_that_their_kind_names(server: Server, teams: str, fresh: Fresh) -> None:
    red, blue = fresh(), fresh()
    create(server, teams, red, {"colour": "red"})
    create(server, teams, blue, {"colour": "blue"})
    found = server.good("GET", teams, fieldSelector="spec.colour=red").body["items"]
    assert [item["metadata"]["name"] for item in found] == [red]
    refused = server.call("GET", teams, fieldSelector="spec.size=1")
    assert refused.code == 400 and refused.body["message"] == "field label not supported: spec.size"
