"""Whether the values that a schema states fit it: defaults, examples, known values, bounds."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_codegen.complaints import Complaint, near_hint
from katib_codegen.dialect import BOUNDS, FORMATS, NUMBERS
from katib_codegen.model import Api, properties
from katib_codegen.rules.nodes import Node, nodes, target
from katib_codegen.words import upper

_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_RANGES = {"int32": 2**31, "int64": 2**63}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def value_complaints(api: Api) -> Iterator[Complaint]:
    """Values that are not of their type, not known, out of bounds, or stated twice."""
    for node in nodes(api):
        yield from _enum_complaints(node)
        yield from _bound_complaints(node)
        yield from _pattern_complaints(node)
        if "default" in node.schema:
            fault = misfit(api, node.schema, node.schema["default"])
            if fault:
                yield node.complain(f"has the default {node.schema['default']!r}, {fault}", "default")
        for position, example in enumerate(node.schema.get("examples", ())):
            fault = misfit(api, node.schema, example)
            if fault:
                yield node.complain(f"has the example {example!r}, {fault}", "examples", position)


def misfit(api: Api, schema: Mapping[str, Any], value: Any) -> str:
    """Why the value is none that the schema allows, as `which is …`; empty when it is one."""
    schema = target(api, schema)
    enum = schema.get("enum")
    if enum is not None and value not in enum:
        return f"which is not one of {', '.join(map(str, enum))}{near_hint(value, enum)}"
    if schema.get("x-kubernetes-int-or-string"):
        fits = isinstance(value, (int, float, str)) and not isinstance(value, bool)
        return "" if fits else "which is neither a number nor a text"
    kind = schema.get("type")
    if kind is None:
        return ""
    if not isinstance(value, _PYTHON_TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return f"which is not of its type; write {with_article(kind)}"
    return _out_of_bounds(schema, value) or _bad_text(schema, value) or _inner_misfit(api, schema, value)


def with_article(kind: str) -> str:
    """`an integer`, `a string`."""
    return f"{'an' if kind[0] in 'aio' else 'a'} {kind}"


def _out_of_bounds(schema: Mapping[str, Any], value: Any) -> str:
    for low, high in BOUNDS:
        if low in schema or high in schema:
            size = value if isinstance(value, (int, float)) else len(value)
            if low in schema and size < schema[low]:
                return f"which is below its {low} {schema[low]}"
            if high in schema and size > schema[high]:
                return f"which is above its {high} {schema[high]}"
    limit = _RANGES.get(schema.get("format", ""))
    if limit and not -limit <= value < limit:
        return f"which does not fit into {schema['format']}"
    return ""


def _bad_text(schema: Mapping[str, Any], value: Any) -> str:
    if not isinstance(value, str):
        return ""
    if schema.get("format") == "date-time" and not _TIME.fullmatch(value):
        return "which is no RFC 3339 time; write one like 2026-01-31T12:00:00Z"
    if "pattern" in schema and _compiles(schema["pattern"]) and not re.search(schema["pattern"], value):
        return f"which does not match its pattern {schema['pattern']}"
    return ""


def _inner_misfit(api: Api, schema: Mapping[str, Any], value: Any) -> str:
    if isinstance(value, list):
        return next((fault for item in value if (fault := misfit(api, schema["items"], item))), "")
    if not isinstance(value, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return ""
    values, known = schema.get("additionalProperties"), properties(api, schema)
    for key, item in value.items():
        inner = values if isinstance(values, Mapping) else known.get(key)
        if inner is None:
            return f"whose {key} is no field of it{near_hint(key, known)}"
        fault = misfit(api, inner, item)
        if fault:
            return f"whose {key} is {item!r}, {fault}"
    return ""


def _enum_complaints(node: Node) -> Iterator[Complaint]:
    enum = node.schema.get("enum")
    if enum is None:
        return
    if "." in node.place or node.place[-1] in "]}":
        yield node.complain("has an enum of its own; give it a name under $defs, and refer to that", "enum")
    if not enum:
        yield node.complain("has an empty enum; list its values, or remove it", "enum")
    for position, value in enumerate(enum):
        if value in enum[:position]:
            yield node.complain(f"has {value!r} twice in its enum; remove one", "enum", position)
        elif not isinstance(value, str):
            text = f"has {value!r} in its enum, which YAML reads as no text; write it in quotes"
            yield node.complain(text, "enum", position)
        elif not upper(value).isidentifier():
            text = f"has {value!r} in its enum, of which no constant's name can be made; begin with a letter"
            yield node.complain(text, "enum", position)
        elif upper(value) in [upper(str(other)) for other in enum[:position]]:
            text = f"has {value!r} in its enum, and another value that would be {upper(value)} in Python too; keep one"
            yield node.complain(text, "enum", position)


def _bound_complaints(node: Node) -> Iterator[Complaint]:
    schema = node.schema
    for low, high in BOUNDS:
        if low in schema and high in schema and schema[low] > schema[high]:
            text = f"has the {low} {schema[low]} above its {high} {schema[high]}; exchange them"
            yield node.complain(text, low)
        for keyword in (low, high):
            if low != "minimum" and schema.get(keyword, 0) < 0:
                yield node.complain(f"has the {keyword} {schema[keyword]}; write 0 or more", keyword)
    kind = schema.get("type")
    for keyword in ("minimum", "maximum"):
        if kind == "integer" and isinstance(schema.get(keyword), float):
            yield node.complain(f"has the {keyword} {schema[keyword]}; an integer's bound is an integer", keyword)
    known = FORMATS.get(str(kind), ())
    if "format" in schema and kind in (*NUMBERS, "string") and schema["format"] not in known:
        text = f"has the format {schema['format']!r}; write one of {', '.join(known)}, or none"
        yield node.complain(text, "format")


def _pattern_complaints(node: Node) -> Iterator[Complaint]:
    pattern = node.schema.get("pattern")
    if pattern is not None and not _compiles(pattern):
        yield node.complain(
            f"has the pattern {pattern!r}, which is no regular expression; close its brackets", "pattern"
        )


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
