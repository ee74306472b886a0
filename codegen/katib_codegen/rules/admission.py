"""Whether required fields and rules of the schemas (apis/README.md) speak of fields that are there. Renders nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

from katib_codegen.complaints import Complaint, near_hint
from katib_codegen.model import Api, properties
from katib_codegen.outline import rules_of
from katib_codegen.rules.nodes import Node, fields, target, types


def admission_complaints(api: Api) -> Iterator[Complaint]:
    """What is wrong with required fields and rules: no words, or a field that is not there."""
    for node in types(api):
        known = node.schema.get("properties", {})
        for name in node.schema.get("x-katib-required", ()):
            if name not in known:
                text = f"requires {name}, which is no field of it{near_hint(name, known)}; name one of its fields"
                yield node.complain(text, "x-katib-required")
            elif "default" in known[name]:
                text = f"requires {name}, which has a default; remove one of the two"
                yield node.complain(text, "x-katib-required")
        yield from _rule_complaints(api, node)
    for field in fields(api):
        yield from _rule_complaints(api, field)


def _rule_complaints(api: Api, node: Node) -> Iterator[Complaint]:
    for number, rule in enumerate(rules_of(node.schema)):
        if not isinstance(rule, Mapping) or not str(rule.get("says", "")).strip():
            yield node.complain("has a rule that says nothing; write `says:` and a sentence", "x-katib-rules", number)
            continue
        for key in rule.keys() - {"says", "schema"}:
            yield node.complain(f"has a rule with {key}; write says and schema only", "x-katib-rules", number, key)
        if not isinstance(rule.get("schema", {}), Mapping):
            text = f"has a rule with the schema {rule['schema']!r}; write JSON Schema"
            yield node.complain(text, "x-katib-rules", number, "schema")
            continue
        for path in _lost(api, node.schema, rule.get("schema", {})):
            text = f"has a rule about {path}, which is no field: {rule['says']} Name a field"
            yield node.complain(text, "x-katib-rules", number)


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
