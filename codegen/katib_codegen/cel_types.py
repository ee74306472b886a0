"""CEL's types as kube-apiserver's checker sees them: what may stand where a type is asked for. Knows no expressions."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

_SIMPLE = ("bool", "bytes", "double", "int", "list", "map", "string", "type", "uint")
_SPELLED = {
    "bool": "boolean",
    "bytes": "bytes value",
    "double": "number",
    "int": "integer",
    "list": "array",
    "uint": "unsigned integer",
}


@dataclass(frozen=True)
class CelType:
    """One type. Objects are of one type if they stand in one place of a kind; `schema` says how large a value may be."""

    name: str
    of: tuple["CelType", ...] = ()
    place: str = ""
    schema: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def spelled(self) -> str:
        """What people call it."""
        return _SPELLED.get(self.name, self.name)


DYN = CelType("dyn")
NULL = CelType("null")
BOOL = CelType("bool")
INT = CelType("int")
DOUBLE = CelType("double")
STRING = CelType("string")


def list_of(item: CelType, schema: Mapping[str, Any] | None = None) -> CelType:
    """A list of such items."""
    return CelType("list", (item,), schema=schema)


def optional(inner: CelType) -> CelType:
    """A value that may be absent; one that may be absent already stays as it is."""
    return inner if inner.name == "optional" else CelType("optional", (inner,))


def parsed(text: str) -> CelType:
    """The type that is written as `map(string,list(A))`; a single capital stands for any type."""
    name, _, rest = text.strip().partition("(")
    return CelType(name, tuple(parsed(part) for part in split(rest.removesuffix(")"))))


def split(text: str) -> list[str]:
    """The parts between commas that stand in no brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts if text else []


def fits(wanted: CelType, found: CelType, bound: MutableMapping[str, CelType]) -> bool:
    """Whether such a value may stand there; `bound` learns what the capitals stand for."""
    if len(wanted.name) == 1:
        if wanted.name not in bound or bound[wanted.name] == DYN:
            bound[wanted.name] = found
            return True
        return fits(bound[wanted.name], found, {})
    if "dyn" in (wanted.name, found.name):
        return True
    if "null" in (wanted.name, found.name):
        other = found if wanted.name == "null" else wanted
        return other.name not in _SIMPLE
    if (wanted.name, wanted.place, len(wanted.of)) != (found.name, found.place, len(found.of)):
        return False
    return all(fits(one, other, bound) for one, other in zip(wanted.of, found.of, strict=True))


def filled(declared: CelType, bound: Mapping[str, CelType]) -> CelType:
    """The type with what its capitals stand for."""
    if len(declared.name) == 1:
        return bound.get(declared.name, DYN)
    return CelType(declared.name, tuple(filled(part, bound) for part in declared.of))


def joined(one: CelType, other: CelType) -> CelType | None:
    """The type of what is one or the other; None where CEL has none."""
    if not fits(one, other, {}):
        return None
    return DYN if DYN in (one, other) else other if one == NULL else one
