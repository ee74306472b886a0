"""Whether the values that a schema states fit it: defaults, examples, known values."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from katib_codegen.complaints import Complaint, near_hint
from katib_codegen.dialect import BOUNDS
from katib_codegen.model import Api, properties
from katib_codegen.rules.bounds import number_fault
from katib_codegen.rules.formats import format_fault
from katib_codegen.rules.nodes import Node, nodes, target
from katib_codegen.rules.patterns import matches, pattern_fault
from katib_codegen.words import upper

_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def value_complaints(api: Api) -> Iterator[Complaint]:
    """Values that are not of their type, not known, out of bounds, or stated twice."""
    for node in nodes(api):
        yield from _enum_complaints(node)
        if "default" in node.schema:
            fault = misfit(api, node.schema, node.schema["default"])
            if fault:
                yield node.complain(f"has the default {_shown(node.schema['default'])}, {fault}", "default")
        examples = node.schema.get("examples", ())
        for position, example in enumerate(examples):
            fault = misfit(api, node.schema, example)
            if not fault and _is_among(example, examples[:position]):
                fault = "which stands there twice; remove one"
            if fault:
                yield node.complain(f"has the example {_shown(example)}, {fault}", "examples", position)


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
    if isinstance(value, date):
        return "which YAML reads as a time and no text; write it in quotes"
    if not isinstance(value, _PYTHON_TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return f"which is not of its type; write {with_article(kind)}"
    return (
        _out_of_bounds(schema, value)
        or _bad_text(schema, value)
        or _inner_misfit(api, schema, value)
        or _doubled(schema, value)
    )


def _shown(value: Any) -> str:
    """The value as a person wrote it, or nearly so."""
    return value.isoformat() if isinstance(value, date) else repr(value)


def with_article(kind: str) -> str:
    """`an integer`, `a string`."""
    return f"{'an' if kind[0] in 'aio' else 'a'} {kind}"


def _out_of_bounds(schema: Mapping[str, Any], value: Any) -> str:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    fault = number_fault(schema, value) if is_number else ""
    for low, high in BOUNDS:
        if not fault and (low in schema or high in schema):
            size = value if is_number else len(value)
            if low in schema and size < schema[low]:
                return f"which is below its {low} {schema[low]}"
            if high in schema and size > schema[high]:
                return f"which is above its {high} {schema[high]}"
    return fault


def _bad_text(schema: Mapping[str, Any], value: Any) -> str:
    if not isinstance(value, str):
        return ""
    if fault := format_fault(schema.get("format"), value):
        return fault
    if "pattern" in schema and not pattern_fault(schema["pattern"]) and not matches(schema["pattern"], value):
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
    missing = [name for name in schema.get("required", ()) if name not in value]
    return f"which is without {missing[0]}, and that is required; give it" if missing else ""


def _doubled(schema: Mapping[str, Any], value: Any) -> str:
    """What stands twice in a list whose items are told apart."""
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys", ())
    if not isinstance(value, list) or kind not in ("set", "map"):
        return ""
    marks = [[item.get(key) for key in keys] if kind == "map" else item for item in value]
    twice = [mark for position, mark in enumerate(marks) if _is_among(mark, marks[:position])]
    if not twice:
        return ""
    shown = (
        twice[0] if kind == "set" else ", ".join(f"{key} {mark!r}" for key, mark in zip(keys, twice[0], strict=True))
    )
    return (
        f"which holds {shown!r} twice, and it is a {kind}; remove one"
        if kind == "set"
        else f"in which two items have the {shown}, and it is a map by that; remove one"
    )


def _is_among(value: Any, others: Any) -> bool:
    """Whether the same stands there; 1 is not true, and 0 is not false."""
    return any(type(value) is type(other) and value == other for other in others)


def _enum_complaints(node: Node) -> Iterator[Complaint]:
    enum = node.schema.get("enum")
    if enum is None:
        return
    if "." in node.place or node.place[-1] in "]}":
        yield node.complain("has an enum of its own; give it a name under $defs, and refer to that", "enum")
    if not enum:
        yield node.complain("has an empty enum; list its values, or remove it", "enum")
    if node.schema.get("type", "string") != "string":
        cure = "known values are texts; write type: string, or bounds in place of the enum"
        yield node.complain(f"has an enum and is of type {node.schema['type']}; {cure}", "enum")
        return
    for position, value in enumerate(enum):
        fault = _known_value_fault(node.schema, value, enum[:position])
        if fault:
            yield node.complain(f"has {value!r} {fault}", "enum", position)


def _known_value_fault(schema: Mapping[str, Any], value: Any, earlier: Sequence[Any]) -> str:
    if value in earlier:
        return "twice in its enum; remove one"
    if not isinstance(value, str):
        return "in its enum, which YAML reads as no text; write it in quotes"
    if not upper(value).isidentifier():
        return "in its enum, of which no constant's name can be made; begin with a letter"
    if upper(value) in [upper(str(other)) for other in earlier]:
        return f"in its enum, and another value that would be {upper(value)} in Python too; keep one"
    fault = _out_of_bounds(schema, value) or _bad_text(schema, value)
    return f"in its enum, {fault}; mend one of the two" if fault else ""
