"""What a schema takes just as it is: the quick answer is never another one than that of the walks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from katib_local.apiserver.kinds import Catalog, Kind
from katib_local.apiserver.schema import fill_defaults, prune
from katib_local.apiserver.shapes import Shape
from katib_local.apiserver.values import same, value_errors

Json = dict[str, Any]
ROOT = Path(__file__).parents[4]
CRDS = sorted((ROOT / "manifests/v1beta1/components/crd").glob("*.yaml"))
EXAMPLES = sorted((ROOT / "examples/v1beta1").glob("**/*.yaml"))
NAMES = some.sampled_from("abc")

SCALARS = some.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "maxLength": 1},
        {"type": "string", "enum": ["x"]},
        {"type": "string", "format": "date"},
        {"type": "integer"},
        {"type": "integer", "minimum": 1, "nullable": True},
        {"type": "number"},
        {"type": "boolean", "default": True},
        {"type": "string", "nullable": True, "default": "x"},
        {"x-kubernetes-int-or-string": True},
        {"x-kubernetes-preserve-unknown-fields": True},
        {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        {},
    ]
)


def _composed(parts: some.SearchStrategy[Json]) -> some.SearchStrategy[Json]:
    lists = some.fixed_dictionaries(
        {"type": some.just("array")},
        optional={"items": parts, "maxItems": some.just(2), "minItems": some.just(1), "nullable": some.booleans()},
    )
    apart = some.sampled_from(
        [
            {"x-kubernetes-list-type": "set"},
            {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"]},
            {"x-kubernetes-list-type": "atomic"},
        ]
    )
    objects = some.fixed_dictionaries(
        {"type": some.just("object")},
        optional={
            "properties": some.dictionaries(NAMES, parts, max_size=3),
            "required": some.lists(NAMES, max_size=1),
            "additionalProperties": some.one_of(parts, some.booleans()),
            "x-kubernetes-preserve-unknown-fields": some.booleans(),
            "nullable": some.booleans(),
            "maxProperties": some.just(2),
        },
    )
    return some.one_of(lists, some.builds(lambda one, two: {**one, **two}, lists, apart), objects)


VALUES = some.recursive(
    some.one_of(some.none(), some.booleans(), some.integers(0, 2), some.sampled_from([0.5, 1.0, "", "x", "xyz"])),
    lambda parts: some.one_of(some.lists(parts, max_size=3), some.dictionaries(NAMES, parts, max_size=3)),
    max_leaves=8,
)
PROPERTIES = some.dictionaries(NAMES, some.recursive(SCALARS, _composed, max_leaves=6), min_size=1, max_size=3)


def custom_kind(file: Path) -> Kind:
    catalog = Catalog()
    (kind,) = catalog.define(yaml.safe_load(file.read_text()))
    return kind


KINDS = {kind.kind: kind for kind in map(custom_kind, CRDS)}


@settings(max_examples=600, deadline=None)
@given(PROPERTIES, some.dictionaries(some.sampled_from(["a", "b", "c", "kind", "metadata"]), VALUES, max_size=4))
def test_what_is_taken_is_neither_pruned_nor_filled_in_nor_refused(properties: Json, value: Json) -> None:
    schema = {"type": "object", "properties": properties}
    if Shape.of(schema).takes(value):
        pruned, dropped = prune(value, schema)
        assert (dropped, list(value_errors(value, schema))) == ([], [])
        assert same(value, pruned) and same(value, fill_defaults(value, schema))


def documents() -> list[Json]:
    found = [one for file in EXAMPLES for one in yaml.safe_load_all(file.read_text()) if isinstance(one, dict)]
    return [one for one in found if one.get("kind") in KINDS]


@pytest.mark.parametrize("document", documents(), ids=lambda one: str(one["metadata"].get("name")))
def test_every_example_is_taken(document: Json) -> None:
    """So that what people write passes without a walk."""
    assert KINDS[document["kind"]].shape.takes(document)


def test_a_suggestion_with_a_status_is_taken_and_one_with_a_number_for_a_text_is_not() -> None:
    entry = {"name": "t-1", "parameterAssignments": [{"name": "x", "value": "0.1"}]}
    suggestion = {"metadata": {"name": "s"}, "spec": {"requests": 1}, "status": {"suggestions": [entry]}}
    takes = KINDS["Suggestion"].shape.takes
    assert takes(suggestion)
    assert not takes({**suggestion, "status": {"suggestions": [{"name": 1}]}})
    assert not takes({**suggestion, "status": {"suggestions": [{"nme": "t-1"}]}})
    assert not takes({**suggestion, "spec": {"requests": 1.0}})


def test_a_rule_anywhere_in_a_schema_is_known() -> None:
    rule = {"type": "string", "x-kubernetes-validations": [{"rule": "self != ''"}]}
    deep = {"type": "object", "properties": {"a": {"type": "array", "items": rule}}}
    assert Shape.of(deep).has_rules
    assert not Shape.of({"type": "object", "properties": {"a": {"type": "array"}}}).has_rules
