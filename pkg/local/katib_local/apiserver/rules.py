"""Rules of custom kinds (`x-kubernetes-validations`): which of them an object breaks. Pure.

What each rule may cost is not estimated here; a date inside an object is a text to its rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from katib_local.apiserver.expressions import Expression, ExpressionError, compile_expression
from katib_local.apiserver.formats import has_format
from katib_local.apiserver.shapes import RULES
from katib_local.apiserver.values import (
    ABSENT,
    INT_OR_STRING,
    NOWHERE,
    Schema,
    entry_of,
    inside,
    part_of,
    part_schema,
    same,
    type_name,
)

OLD = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\boldSelf\b""")
ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))
REASONS = {"FieldValueForbidden": "Forbidden: ", "FieldValueRequired": "Required value: "}


@dataclass(frozen=True)
class Breach:
    """A rule that an object breaks, and whether it did so before the change that is asked for."""

    field: str
    text: str
    kept: bool = False


def breaches(value: Any, schema: Schema, old: Any = ABSENT, path: str = "") -> Iterator[Breach]:
    """The rules that a value and its parts break; those of their first kind before those of their parts."""
    if value is None:
        return
    for rule in schema.get(RULES) or ():
        yield from _breach(rule, value, schema, old, path)
    if isinstance(value, Mapping):
        for key, part in value.items():
            inner = part_schema(schema, key)
            if inner is not None:
                known = key in (schema.get("properties") or {})
                place = inside(path, key) if known else f"{path}[{key}]"
                yield from breaches(part, inner, part_of(old, key), place)
    elif isinstance(value, list):
        items = schema.get("items") or {}
        for index, entry in enumerate(value):
            yield from breaches(entry, items, entry_of(old, entry, schema), f"{path}[{index}]")


def _breach(rule: Mapping[str, Any], value: Any, schema: Schema, old: Any, path: str) -> Iterator[Breach]:
    if looks_back(rule) and old is ABSENT and not rule.get("optionalOldSelf"):
        return
    place = (path + str(rule.get("fieldPath") or "")).removeprefix(".") or NOWHERE
    kept = same(value, old) and not looks_back(rule)
    try:
        variables = _variables(rule, value, schema, old)
        if compiled(rule["rule"], schema, rule).evaluate(variables) is not True:
            yield Breach(place, _reason(rule, value, _message(rule, schema, variables)), kept)
    except ExpressionError as error:
        text = f"Invalid value: {json.dumps(type_name(value))}: {error} evaluating rule: {_one_line(rule['rule'])}"
        yield Breach(place, text, kept)


def looks_back(rule: Mapping[str, Any]) -> bool:
    """Whether a rule speaks of the value before a change."""
    return any(found[1] is None for found in OLD.finditer(rule.get("rule") or ""))


def compiled(text: str, schema: Schema, rule: Mapping[str, Any]) -> Expression:
    """A rule, or the expression of its message; raises ExpressionError."""
    kind = _kind(schema)
    if rule.get("optionalOldSelf"):
        text = OLD.sub(lambda found: found[1] or "oldSelves[?0]", text)
        return compile_expression(text, (("self", kind), ("oldSelves", "array")))
    return compile_expression(text, (("self", kind), ("oldSelf", kind)))


def _kind(schema: Schema) -> str:
    if schema.get(INT_OR_STRING) or schema.get("nullable"):
        return "dyn"
    kind = str(schema.get("type") or "dyn")
    return "timestamp" if (kind, schema.get("format")) == ("string", "date-time") else kind


def _variables(rule: Mapping[str, Any], value: Any, schema: Schema, old: Any) -> Mapping[str, Any]:
    own = _as_seen(value, schema)
    if rule.get("optionalOldSelf"):
        return {"self": own, "oldSelves": [] if old is ABSENT else [_as_seen(old, schema)]}
    return {"self": own} if old is ABSENT else {"self": own, "oldSelf": _as_seen(old, schema)}


def _as_seen(value: Any, schema: Schema) -> Any:
    """A value with names of fields that an expression can write."""
    if isinstance(value, Mapping):
        known = schema.get("properties") or {}
        return {
            (_escaped(key) if key in known else key): _part_as_seen(part, part_schema(schema, key) or {})
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [_part_as_seen(entry, schema.get("items") or {}) for entry in value]
    if isinstance(value, str) and _kind(schema) == "timestamp" and has_format(value, "date-time"):
        return datetime.fromisoformat(value)
    return float(value) if schema.get("type") == "number" and isinstance(value, int) else value


def _part_as_seen(value: Any, schema: Schema) -> Any:
    return value if isinstance(value, str) else _as_seen(value, schema)


def _escaped(name: str) -> str:
    for sign, word in ESCAPES:
        name = name.replace(sign, word)
    return name


def _message(rule: Mapping[str, Any], schema: Schema, variables: Mapping[str, Any]) -> str:
    if rule.get("messageExpression"):
        try:
            found = compiled(rule["messageExpression"], schema, rule).evaluate(variables)
        except ExpressionError:
            found = None
        if isinstance(found, str) and found.strip() and "\n" not in found:
            return found
    return str(rule.get("message") or f"failed rule: {_one_line(rule['rule'])}")


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))


def _reason(rule: Mapping[str, Any], value: Any, message: str) -> str:
    words = REASONS.get(rule.get("reason") or "")
    if words:
        return words + message
    if rule.get("reason") == "FieldValueDuplicate":
        return f"Duplicate value: {_shown(value)}"
    scalar = not isinstance(value, Mapping | list)
    return f"Invalid value: {_shown(value)}: {message}" if scalar else f"Invalid value: {message}"


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
