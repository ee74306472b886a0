"""Whether bounds, formats and patterns are ones that a value can keep, here and in kube-apiserver."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from katib_codegen.complaints import Complaint
from katib_codegen.dialect import BOUNDS, FORMATS, NUMBERS
from katib_codegen.model import Api
from katib_codegen.outline import rules_of
from katib_codegen.rules.nodes import Node, nodes
from katib_codegen.rules.patterns import pattern_fault

# The largest number of each format. Whole numbers above 2^53 lose digits in every reader that counts in doubles.
_EXACT = 2.0**53 - 1
_LARGEST = {"int32": 2.0**31 - 1, "int64": _EXACT, "float": 3.4028234663852886e38}


def bound_complaints(api: Api) -> Iterator[Complaint]:
    """Bounds that contradict each other or their type, unknown formats, patterns that not every reader takes."""
    for node in nodes(api):
        yield from _bound_complaints(node)
        yield from _format_complaints(node)
        if fault := pattern_fault(node.schema["pattern"]) if "pattern" in node.schema else "":
            yield node.complain(f"has the pattern {node.schema['pattern']!r}, {fault}", "pattern")
        for position, rule in enumerate(rules_of(node.schema)):
            for pattern in _patterns(rule.get("schema") if isinstance(rule, Mapping) else None):
                # Only editors read it, and what white space is, they know.
                if fault := pattern_fault(pattern, spaces=True):
                    text = f"has a rule with the pattern {pattern!r}, {fault}"
                    yield node.complain(text, "x-katib-rules", position)


def number_fault(schema: Mapping[str, Any], value: float) -> str:
    """Why the number is none that its format and every reader of JSON can keep, as `which …`; empty when it is."""
    if not math.isfinite(value):
        return "which JSON cannot write; write a number"
    kind = schema.get("format", "int64" if schema.get("type") == "integer" else "")
    limit = _LARGEST.get(kind, math.inf)
    if not -limit - (kind == "int32") <= value <= limit:
        if kind == "int64":
            return f"which programs that read JSON numbers as doubles round; write one up to {int(_EXACT)}"
        return f"which does not fit into {kind}"
    return ""


def _bound_complaints(node: Node) -> Iterator[Complaint]:
    schema = node.schema
    faulty = dict(_faulty_bounds(schema))
    for keyword, fault in faulty.items():
        yield node.complain(f"has the {keyword} {schema[keyword]}{fault}", keyword)
    for low, high in BOUNDS:
        if low in schema and high in schema and not faulty.keys() & {low, high} and schema[low] > schema[high]:
            text = f"has the {low} {schema[low]} above its {high} {schema[high]}; exchange them"
            yield node.complain(text, low)


def _faulty_bounds(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for keyword in [keyword for pair in BOUNDS for keyword in pair if keyword in schema]:
        value = schema[keyword]
        if keyword in ("minimum", "maximum"):
            fault = number_fault(schema, value)
            if fault:
                yield keyword, f", {fault}"
            elif schema.get("type") == "integer" and isinstance(value, float):
                yield keyword, "; an integer's bound is an integer"
        elif value < 0:
            yield keyword, "; write 0 or more"


def _format_complaints(node: Node) -> Iterator[Complaint]:
    kind, known = node.schema.get("type"), FORMATS.get(str(node.schema.get("type")), ())
    if "format" in node.schema and kind in (*NUMBERS, "string") and node.schema["format"] not in known:
        text = f"has the format {node.schema['format']!r}; write one of {', '.join(known)}, or none"
        yield node.complain(text, "format")


def _patterns(schema: Any) -> Iterator[str]:
    """The patterns of a rule's schema, at every depth."""
    if isinstance(schema, list):
        for part in schema:
            yield from _patterns(part)
    elif isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "pattern" and isinstance(value, str):
                yield value
            elif key not in ("const", "enum"):
                yield from _patterns(value)
