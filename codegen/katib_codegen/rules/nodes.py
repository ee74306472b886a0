"""The schemas of the sources one by one, each with its place, for the rules to look at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from katib_codegen.complaints import Complaint, Path
from katib_codegen.model import Api, Definition, target_name


@dataclass(frozen=True)
class Node:
    """A type, a field, or what a list or map holds. `place` is what people call it."""

    place: str
    file: str
    path: Path
    schema: Mapping[str, Any]

    def complain(self, text: str, *steps: str | int) -> Complaint:
        """A complaint about this node; `steps` lead to the keyword in question."""
        return Complaint(self.file, (*self.path, *steps), f"{self.place} {text}")


def types(api: Api) -> Iterator[Node]:
    """Our own types; those borrowed from Kubernetes are not ours to judge."""
    for definition in api.definitions.values():
        if not definition.borrowed:
            yield as_node(definition)


def as_node(definition: Definition) -> Node:
    """The type itself."""
    return Node(definition.name, definition.file, definition.path, definition.schema)


def fields(api: Api) -> Iterator[Node]:
    """Every field of every type of ours."""
    for node in types(api):
        yield from fields_of(node)


def fields_of(node: Node) -> Iterator[Node]:
    """The fields that a type has itself."""
    for name, schema in node.schema.get("properties", {}).items():
        yield Node(f"{node.place}.{name}", node.file, (*node.path, "properties", name), schema)


def nodes(api: Api) -> Iterator[Node]:
    """Types, fields, and what lists and maps hold."""
    for node in types(api):
        yield from _with_inner(node)


def _with_inner(node: Node) -> Iterator[Node]:
    yield node
    for field in fields_of(node):
        yield from _with_inner(field)
    for keyword, mark in (("items", "[]"), ("additionalProperties", "{}")):
        inner = node.schema.get(keyword)
        if isinstance(inner, Mapping):
            yield from _with_inner(Node(node.place + mark, node.file, (*node.path, keyword), inner))


def target(api: Api, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a reference leads to; the schema itself where it is none."""
    return api.definitions[target_name(schema)].schema if "$ref" in schema else schema
