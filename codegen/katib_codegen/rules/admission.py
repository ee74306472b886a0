"""Whether required fields and rules of the schemas (apis/README.md) speak of fields that are there. Renders nothing."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from katib_codegen.complaints import Complaint, near_hint
from katib_codegen.model import Api, properties
from katib_codegen.outline import rules_of
from katib_codegen.rules.nodes import Node, fields, target, types

_BOUNDS = (
    "exclusiveMaximum", "exclusiveMinimum", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum",
    "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf",
)  # fmt: skip
# What a rule's schema may say; references are not for it.
_KEYWORDS = (
    *_BOUNDS, "additionalProperties", "allOf", "anyOf", "const", "contains", "dependentRequired", "dependentSchemas",
    "else", "enum", "format", "if", "items", "not", "oneOf", "pattern", "patternProperties", "prefixItems", "properties",
    "propertyNames", "required", "then", "type", "unevaluatedItems", "unevaluatedProperties", "uniqueItems",
)  # fmt: skip


def admission_complaints(api: Api) -> Iterator[Complaint]:
    """What is wrong with required fields and rules: no words, or a field that is not there."""
    for node in types(api):
        known = node.schema.get("properties", {})
        needed = node.schema.get("x-katib-required", ())
        for position, name in enumerate(needed):
            if name in needed[:position] or name in node.schema.get("required", ()):
                yield node.complain(f"requires {name} twice; remove one", "x-katib-required", position)
            elif name not in known:
                text = f"requires {name}, which is no field of it{near_hint(name, known)}; name one of its fields"
                yield node.complain(text, "x-katib-required")
            elif "default" in known[name]:
                text = f"requires {name}, which has a default; remove one of the two"
                yield node.complain(text, "x-katib-required")
        yield from _rule_complaints(api, node)
    for field in fields(api):
        yield from _rule_complaints(api, field)


def _rule_complaints(api: Api, node: Node) -> Iterator[Complaint]:
    rules = rules_of(node.schema)
    if node.schema.get("x-katib-rules", True) == []:
        yield node.complain("has an empty x-katib-rules; write a rule, or remove it", "x-katib-rules")
    for number, rule in enumerate(rules):
        if rule in rules[:number]:
            yield node.complain("has a rule twice; remove one", "x-katib-rules", number)
            continue
        if not isinstance(rule, Mapping) or not str(rule.get("says", "")).strip():
            yield node.complain("has a rule that says nothing; write `says:` and a sentence", "x-katib-rules", number)
            continue
        for key in rule.keys() - {"says", "schema"}:
            yield node.complain(f"has a rule with {key}; write says and schema only", "x-katib-rules", number, key)
        if not isinstance(rule.get("schema", {}), Mapping):
            text = f"has a rule with the schema {rule['schema']!r}; write JSON Schema"
            yield node.complain(text, "x-katib-rules", number, "schema")
            continue
        for fault in _schema_faults(rule.get("schema", {})):
            yield node.complain(f"has a rule with {fault}", "x-katib-rules", number)
        for path in _lost(api, node.schema, rule.get("schema", {})):
            text = f"has a rule about {path}, which is no field: {rule['says']} Name a field"
            yield node.complain(text, "x-katib-rules", number)


def _schema_faults(schema: Any) -> Iterator[str]:
    """Keywords that JSON Schema does not have, and bounds that are no numbers, at every depth."""
    if isinstance(schema, list):
        for part in schema:
            yield from _schema_faults(part)
    for keyword, value in schema.items() if isinstance(schema, Mapping) else ():
        if keyword not in _KEYWORDS:
            yield f"{keyword}, which JSON Schema does not have{near_hint(keyword, _KEYWORDS)}; write a keyword of 2020-12"
        elif keyword in _BOUNDS and (not isinstance(value, (int, float)) or not math.isfinite(value)):
            yield f"the {keyword} {value!r}; write a number"
        elif keyword == "properties" and isinstance(value, Mapping):
            for inner in value.values():
                yield from _schema_faults(inner)
        elif keyword not in ("const", "enum"):
            yield from _schema_faults(value)


def _lost(api: Api, schema: Mapping[str, Any], rule: Any, path: str = "") -> Iterator[str]:
    """The fields that a rule names and that its type does not have; a free object has every field."""
    if isinstance(rule, list):
        for part in rule:
            yield from _lost(api, schema, part, path)
        return
    if not isinstance(rule, Mapping) or not rule:
        return
    known = properties(api, target(api, schema))
    for name, part in _named(rule).items():
        if name in known:
            yield from _lost(api, known[name], part, f"{path}.{name}")
        elif known:
            yield f"{path}.{name}".removeprefix(".")
    if "items" in rule:
        yield from _lost(api, schema.get("items", {}), rule["items"], f"{path}[]")
    for keyword in ("if", "then", "else", "not", "allOf", "anyOf", "oneOf"):
        yield from _lost(api, schema, rule.get(keyword, {}), path)


def _named(rule: Mapping[str, Any]) -> dict[str, Any]:
    required, inner = rule.get("required"), rule.get("properties")
    named: dict[str, Any] = {str(name): {} for name in required} if isinstance(required, list) else {}
    return named | (dict(inner) if isinstance(inner, Mapping) else {})
