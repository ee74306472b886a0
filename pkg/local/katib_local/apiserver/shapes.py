"""What a structural schema takes just as it is, as a test that is made once. Pure.

Most of what is written is complete and right. Where the test says so, nothing is to be pruned, filled in or refused, and
the walks that would find out what (`schema`, `values`) need not begin. Where it says no, they have the word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from katib_local.apiserver.schema import PRESERVE, TOP, fill_defaults, prune
from katib_local.apiserver.values import Schema, same, value_errors

Test = Callable[[Any], bool]
RULES = "x-kubernetes-validations"
SAYS_NOTHING = {"type", "description", "title", "default", "nullable", "example", "externalDocs", RULES}
OBJECTS = {*SAYS_NOTHING, "properties", "additionalProperties", "required", PRESERVE, "x-kubernetes-map-type"}
ARRAYS = {*SAYS_NOTHING, "items", "minItems", "maxItems", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"}
SCALARS: Mapping[str, Test] = {
    "string": lambda value: type(value) is str,
    "boolean": lambda value: type(value) is bool,
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) is int or (type(value) is float and not value.is_integer()),
}
"""A whole number that is written as a float is not stored just as it is."""


@dataclass(frozen=True)
class Shape:
    """What is known of a schema before there is an object: the test, and whether there is any rule in it."""

    takes: Test
    has_rules: bool

    @classmethod
    def of(cls, schema: Schema) -> Shape:
        """The shape of a whole object: what it is and its metadata are nobody's to prune."""
        properties = {**(schema.get("properties") or {})}
        properties |= {name: {**(properties.get(name) or {}), PRESERVE: True} for name in TOP}
        return cls(_test({**schema, "properties": properties}), has_rules(schema))


def has_rules(schema: Schema) -> bool:
    """Whether there is any rule in a schema."""
    parts = [*(schema.get("properties") or {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return bool(schema.get(RULES)) or any(has_rules(part) for part in parts if isinstance(part, Mapping))


def _test(schema: Schema) -> Test:
    test = _own_test(schema)
    return (lambda value: value is None or test(value)) if schema.get("nullable") else test


def _own_test(schema: Schema) -> Test:
    """What is not understood here is walked through: an answer that is late is better than a wrong one."""
    name, said = str(schema.get("type")), schema.keys()
    if name == "object" and said <= OBJECTS:
        return _object_test(schema)
    if name == "array" and said <= ARRAYS and isinstance(schema.get("items"), Mapping):
        return _array_test(schema)
    if name in SCALARS and said - {PRESERVE} <= SAYS_NOTHING:
        return SCALARS[name]
    return lambda value: _walked(value, schema)


def _walked(value: Any, schema: Schema) -> bool:
    if value is None:
        return False  # of a field it would be absent
    pruned, dropped = prune(value, schema, "part")
    untouched = not dropped and same(value, pruned) and same(value, fill_defaults(value, schema))
    return untouched and not any(value_errors(value, schema))


def _object_test(schema: Schema) -> Test:
    properties, rest = schema.get("properties") or {}, schema.get("additionalProperties")
    tests = {name: _test(part) for name, part in properties.items()}
    needed = {*(schema.get("required") or ()), *(name for name, part in properties.items() if "default" in part)}
    others: Test = lambda _: rest is True or bool(schema.get(PRESERVE))  # noqa: E731
    if isinstance(rest, Mapping):
        others = _test(rest)

    def test(value: Any) -> bool:
        if not isinstance(value, dict) or not needed <= value.keys():
            return False
        return all(tests.get(name, others)(part) for name, part in value.items())

    return test


def _array_test(schema: Schema) -> Test:
    entry, keys = _test(schema["items"]), schema.get("x-kubernetes-list-map-keys") or ()
    least, most = schema.get("minItems") or 0, schema.get("maxItems")
    match schema.get("x-kubernetes-list-type"):
        case "set":
            return lambda value: _walked(value, schema)
        case "map":
            told_apart: Test = lambda value: _differ(value, keys)  # noqa: E731
        case _:
            told_apart = lambda _: True  # noqa: E731

    def test(value: Any) -> bool:
        if type(value) is not list or len(value) < least or (most is not None and len(value) > most):
            return False
        return all(map(entry, value)) and told_apart(value)

    return test


def _differ(entries: list[Any], keys: tuple[str, ...]) -> bool:
    """Whether all entries of a list that is a map have other keys."""
    try:
        return len({tuple(entry.get(key) for key in keys) for entry in entries}) == len(entries)
    except (AttributeError, TypeError):  # no object, or no scalar as its key
        return False
