"""Loading, dumping, copying and freezing of models."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, StrictFloat, StrictInt, StrictStr, ValidationError

from katib_machinery.enums import StrEnum
from katib_machinery.model import (
    FrozenError,
    KatibModel,
    KatibObject,
    ObjectKey,
    OwnerRef,
    deep_copy,
    describe_validation_error,
    freeze,
)
from katib_machinery.scalars import format_micro_time, format_time, parse_duration, parse_quantity
from katib_machinery.types import Duration, IntOrString, MicroTime, Quantity, Time, Unstructured


class Color(StrEnum):
    RED = "red"


class Owner(KatibModel):
    api_version: Annotated[StrictStr | None, Field(alias="apiVersion")] = None
    kind: StrictStr | None = None
    name: StrictStr | None = None
    uid: StrictStr | None = None
    controller: bool | None = None


class Meta(KatibModel):
    name: StrictStr | None = None
    namespace: StrictStr | None = None
    labels: dict[str, StrictStr] | None = None
    creation_timestamp: Annotated[Time | None, Field(alias="creationTimestamp")] = None
    owner_references: Annotated[list[Owner] | None, Field(alias="ownerReferences")] = None


class Space(KatibModel):
    min: StrictStr | None = None
    ports: list[IntOrString] | None = None


class Parameter(KatibModel):
    name: StrictStr | None = None
    feasible_space: Annotated[Space | None, Field(alias="feasibleSpace")] = None


class Spec(KatibModel):
    parameters: list[Parameter] | None = None
    parallel_count: Annotated[StrictInt | None, Field(alias="parallelCount")] = None
    goal: StrictFloat | None = None
    color: Color | None = None
    memory: Quantity | None = None
    pause: Duration | None = None
    seen_at: Annotated[MicroTime | None, Field(alias="seenAt")] = None
    template: Unstructured | None = None


class Thing(KatibObject):
    metadata: Meta | None = None
    spec: Spec | None = None


def a_thing() -> dict[str, Any]:
    return {
        "metadata": {
            "name": "one",
            "namespace": "ns",
            "labels": {"a": "b"},
            "creationTimestamp": "2026-01-31T12:00:00Z",
            "ownerReferences": [
                {"kind": "Other", "name": "x"},
                {"kind": "Boss", "name": "b", "uid": "u", "controller": True},
            ],
            "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
        },
        "spec": {
            "parameters": [
                {"name": "lr", "feasibleSpace": {"min": "0.1", "ports": [80, "http"], "later": [1, {"x": None}]}}
            ]
            * 5,
            "parallelCount": None,
            "goal": 1.5,
            "color": "ultraviolet",
            "memory": "1Gi",
            "seenAt": "2026-01-31T12:00:00.000001Z",
            "template": {"kind": "Job", "list": [{"deep": [1, 2, 3]}], "null": None},
        },
        "unknown": {"kept": [True]},
    }


def test_unknown_fields_unknown_enum_values_and_nulls_survive_a_round_trip() -> None:
    assert Thing.from_dict(a_thing()).to_dict() == a_thing()
    assert orjson.dumps(Thing.from_dict(a_thing()).to_dict(), option=orjson.OPT_SORT_KEYS) == orjson.dumps(
        a_thing(), option=orjson.OPT_SORT_KEYS
    )


def test_an_unknown_enum_value_equals_its_text_and_says_that_it_is_unknown() -> None:
    color = Thing.from_dict(a_thing()).spec.color
    assert color == "ultraviolet" and not color.known and Color.RED.known and Color("red") is Color.RED
    assert copy.deepcopy(color) == color


def test_attributes_may_be_given_by_name_or_by_json_name() -> None:
    assert Spec(parallel_count=3) == Spec.from_dict({"parallelCount": 3})
    assert Spec(parallel_count=3).to_dict() == {"parallelCount": 3}


def test_metadata_is_read_in_short_ways() -> None:
    thing = Thing.from_dict(a_thing())
    assert thing.key == ObjectKey("ns", "one") and str(thing.key) == "ns/one"
    assert thing.controller_owner == OwnerRef("", "Boss", "b", "u")
    assert thing.labels == {"a": "b"} and thing.creation_timestamp == datetime(2026, 1, 31, 12, tzinfo=UTC)
    empty = Thing()
    assert (empty.name, empty.uid, empty.labels, empty.annotations, tuple(empty.finalizers)) == ("", "", {}, {}, ())
    assert empty.deletion_timestamp is None and empty.controller_owner is None and str(empty.key) == ""


@pytest.mark.parametrize(
    ("wrong", "path", "message"),
    [
        ({"spec": {"parallelCount": "3"}}, "spec.parallelCount", "Input should be a valid integer, not '3': write it without quotes: 3"),
        ({"spec": {"parallelCount": True}}, "spec.parallelCount", "Input should be a valid integer, not true: write a whole number without quotes"),
        ({"spec": {"parameters": [{}, {"feasibleSpace": {"min": 1}}]}}, "spec.parameters[1].feasibleSpace.min", 'Input should be a valid string, not 1: write it in quotes: "1"'),
        ({"spec": {"parameters": {}}}, "spec.parameters", "Input should be a valid list, not an object: write a list, such as [a, b]"),
        ({"spec": {"parameters": [{"feasibleSpace": {"ports": [1, 2.5]}}]}}, "spec.parameters[0].feasibleSpace.ports[1]", "should be an integer or a string, not 2.5"),
        ({"spec": {"memory": "much"}}, "spec.memory", "'much' should be a quantity such as 500m, 2 or 1Gi, not 'much'"),
        ({"spec": {"pause": "1h 30m"}}, "spec.pause", "should be a duration such as 1h30m, 1.5s or 300ms, not '1h 30m'"),
        ({"spec": {"pause": 90}}, "spec.pause", "should be a duration such as 1h30m, 1.5s or 300ms, not 90"),
        ({"spec": {"color": 3}}, "spec.color", "Input should be 'red', not 3"),
        ({"spec": {"seenAt": "yesterday"}}, "spec.seenAt", "should be an RFC 3339 time such as 2026-01-31T12:00:00Z, not 'yesterday'"),
        ({"metadata": {"creationTimestamp": 5}}, "metadata.creationTimestamp", "should be an RFC 3339 time such as 2026-01-31T12:00:00Z, not 5"),
        ({"metadata": {"creationTimestamp": "2026-01-31T12:00:00"}}, "metadata.creationTimestamp", "should be an RFC 3339 time such as 2026-01-31T12:00:00Z, not '2026-01-31T12:00:00'"),
        ({"metadata": {"labels": {"a": 1}}}, "metadata.labels.a", 'Input should be a valid string, not 1: write it in quotes: "1"'),
        ({"spec": "x"}, "spec", "Input should be a valid dictionary or instance of Spec, not 'x': write a mapping, one `name: value` on each line"),
    ],
)  # fmt: skip
def test_a_refused_value_names_its_path_in_json_names(wrong: Any, path: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Thing.from_dict(wrong)
    assert describe_validation_error(caught.value) == [(path, message)]


def test_every_refused_value_is_described() -> None:
    with pytest.raises(ValidationError) as caught:
        Thing.from_dict({"spec": {"parallelCount": "3", "goal": "x" * 100}})
    paths = [path for path, _ in describe_validation_error(caught.value)]
    assert paths == ["spec.parallelCount", "spec.goal"]
    assert all(len(message) < 120 for _, message in describe_validation_error(caught.value))


def test_times_are_dumped_in_utc_with_whole_seconds() -> None:
    thing = Thing.from_dict({"metadata": {"creationTimestamp": "2026-01-31T14:00:00.9+02:00"}})
    assert thing.to_dict() == {"metadata": {"creationTimestamp": "2026-01-31T12:00:00Z"}}
    assert format_time(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"
    assert format_micro_time(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", "2"), (2, "2"), (0.5, "0.5"), ("500m", "0.5"), ("1Ki", "1024"), ("1.5Gi", str(1024**3 * 3 // 2)), ("1e3", "1000"),
     ("1E", str(10**18)), ("1E2", "100"), ("-1k", "-1000"), (".5", "0.5"), ("1n", "1e-9"), ("1u", "1e-6")],
)  # fmt: skip
def test_a_quantity_is_a_number(text: Any, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "m", "1 Gi", "1GiB", "x", "1e", "--1", "1ki"])
def test_a_wrong_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="should be a quantity"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1h30m", "5400"), ("1.5s", "1.5"), ("300ms", "0.3"), ("0", "0"), ("-1m", "-60"), ("+.5h", "1800"), ("2.s", "2"),
     ("1m1m", "120"), ("7µs", "0.000007"), ("7μs", "0.000007"), ("8us", "0.000008"), ("1500ns", "0.000001"),
     ("2562047h47m16s", "9223372036")],
)  # fmt: skip
def test_a_duration_is_a_span_of_time_and_is_written_back_as_it_was(text: str, seconds: str) -> None:
    assert parse_duration(text) == timedelta(microseconds=int(Decimal(seconds) * 10**6))
    assert Spec.from_dict({"pause": text}).to_dict() == {"pause": text}


@pytest.mark.parametrize(
    "text", ["", "1", "s", "1d", "1 h", "1h\n", "1.2.3s", ".s", "--1s", "1e3s", "P1D", "٣s", "2562048h"]
)
def test_a_wrong_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="should be a duration such as 1h30m"):
        parse_duration(text)


# ---- copies


def mutable_parts(value: Any) -> set[int]:
    """Ids of everything that can be changed in an object."""
    if isinstance(value, KatibModel):
        inside = [value.__dict__, value.__pydantic_extra__, value.__pydantic_fields_set__]
        return {id(value)}.union(*(mutable_parts(part) for part in inside))
    if isinstance(value, dict):
        return {id(value)}.union(*(mutable_parts(part) for part in value.values()))
    if isinstance(value, list):
        return {id(value)}.union(*(mutable_parts(part) for part in value))
    return {id(value)} if isinstance(value, set) else set()


def test_a_deep_copy_equals_pydantics_own_and_shares_nothing() -> None:
    thing = Thing.from_dict(a_thing())
    copied = thing.deep_copy()
    assert copied == thing == thing.model_copy(deep=True) and type(copied) is Thing
    assert copied.to_dict() == thing.to_dict()
    assert copied.model_fields_set == thing.model_fields_set and copied.model_extra == thing.model_extra
    assert not mutable_parts(thing) & mutable_parts(copied)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(
    st.dictionaries(st.text(min_size=1).filter(lambda key: key not in ("metadata", "spec")), json_values), json_values
)
def test_any_content_is_copied_and_frozen_without_a_difference(extra: dict[str, Any], template: Any) -> None:
    thing = Thing.from_dict({**extra, "spec": {"template": {"any": template}, "more": template}})
    copied = thing.deep_copy()
    assert copied == thing.model_copy(deep=True) and not mutable_parts(thing) & mutable_parts(copied)
    dumped = thing.to_dict()
    assert freeze(thing) == copied and thing.to_dict() == dumped
    assert not mutable_parts(thing.deep_copy()) & mutable_parts(thing)


# ---- frozen objects

CHANGES: list[Callable[[Any], Any]] = [
    lambda t: setattr(t, "spec", None),
    lambda t: setattr(t, "new", 1),
    lambda t: delattr(t, "spec"),
    lambda t: setattr(t.metadata, "name", "x"),
    lambda t: setattr(t.spec.parameters[0].feasible_space, "min", "1"),
    lambda t: t.spec.parameters.append(Parameter()),
    lambda t: t.spec.parameters.sort(),
    lambda t: t.spec.parameters.__setitem__(0, None),
    lambda t: t.spec.parameters.__iadd__([1]),
    lambda t: t.spec.template.update(a=1),
    lambda t: t.spec.template["list"][0]["deep"].pop(),
    lambda t: t.spec.template.__ior__({"a": 1}),
    lambda t: t.spec.template.setdefault("a", 1),
    lambda t: t.metadata.labels.clear(),
    lambda t: t.metadata.managedFields[0]["fieldsV1"].__setitem__("x", 1),
    lambda t: t.unknown["kept"].__delitem__(0),
    lambda t: t.model_extra.__setitem__("y", 1),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_a_frozen_object_cannot_be_changed(number: int) -> None:
    thing = freeze(Thing.from_dict(a_thing()))
    with pytest.raises(FrozenError, match="deep_copy"):
        CHANGES[number](thing)
    assert thing.to_dict() == a_thing()


def test_a_frozen_object_equals_the_same_object_unfrozen() -> None:
    thing, frozen = Thing.from_dict(a_thing()), freeze(Thing.from_dict(a_thing()))
    assert frozen.frozen and not thing.frozen
    assert frozen == thing and thing == frozen and frozen.spec.template == thing.spec.template
    assert freeze(frozen) is frozen


@pytest.mark.parametrize(
    "thaw", [Thing.deep_copy, deep_copy, copy.deepcopy, lambda t: t.model_copy(deep=True), lambda t: pickle.loads(pickle.dumps(t))]
)  # fmt: skip
def test_a_copy_of_a_frozen_object_may_be_changed(thaw: Callable[[Any], Any]) -> None:
    frozen = freeze(Thing.from_dict(a_thing()))
    thawed = thaw(frozen)
    assert thawed == frozen and not thawed.frozen
    thawed.spec.parameters.append(Parameter())
    thawed.spec.template["list"].clear()
    thawed.metadata.labels["x"] = "y"
    thawed.unknown["kept"].clear()
    thawed.spec.parameters[0].feasible_space.min = "7"
    assert frozen.to_dict() == a_thing()


def test_a_shallow_copy_of_a_frozen_object_has_frozen_parts() -> None:
    shallow = freeze(Thing.from_dict(a_thing())).model_copy(update={"spec": None})
    shallow.new = 1
    with pytest.raises(FrozenError):
        shallow.metadata.name = "x"


def test_reading_models_imports_no_client() -> None:
    code = (
        "import sys, katib_machinery.model, katib_machinery.types, katib_machinery.enums, katib_machinery.plan;"
        "print([m for m in ('aiohttp', 'kubernetes', 'asyncio', 'yaml', 'orjson') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
