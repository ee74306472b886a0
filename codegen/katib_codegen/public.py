"""What programs outside this repository call our types and their fields: the names of the SDKs that they know.

Knows those SDKs' rules for names, and which types they publish. Renders nothing.
"""

import keyword
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from katib_codegen.model import Api, Definition
from katib_codegen.words import snake

_RESERVED = {*keyword.kwlist, "exec", "print"}
_MARK = "x-katib-sdk"


@dataclass(frozen=True)
class Field:
    """A field of a published type. `added` ones are unknown to the SDK that programs know."""

    name: str
    json_name: str
    schema: Mapping[str, Any]
    required: bool
    added: bool


@dataclass(frozen=True)
class PublicType:
    """A type that the SDKs publish; its fields stand in the alphabetical order of their Python names."""

    name: str
    definition: Definition
    fields: tuple[Field, ...]

    @property
    def module(self) -> str:
        return snake(self.name)


def public_types(api: Api) -> tuple[PublicType, ...]:
    """Every object type that an API server may hold or list, by name. How a program is set up is no such type."""
    unstored = {
        file
        for file, document in api.sources.schemas.items()
        if "type" in document and "x-katib-resource" not in document
    }
    found = [
        PublicType(public_name(definition), definition, _fields(definition.schema))
        for definition in api.definitions.values()
        if "properties" in definition.schema and not definition.borrowed and definition.file not in unstored
    ]
    return tuple(sorted(found, key=lambda public: public.name))


def public_name(definition: Definition) -> str:
    """V1beta1Trial for a Trial of v1beta1; V1Container for Kubernetes' container of v1."""
    if definition.origin is None:
        return f"{definition.version.capitalize()}{definition.name}"
    version, name = definition.origin.split(".")[-2:]
    return f"{version.capitalize()}{name}"


def attribute(json_name: str, mark: str = "_") -> str:
    """The Python name of a field; a word that Python keeps for itself gets the mark before it."""
    name = snake(json_name)
    return f"{mark}{name}" if name in _RESERVED else name


def _fields(schema: Mapping[str, Any]) -> tuple[Field, ...]:
    fields = [
        Field(attribute(name), name, field, field.get(_MARK) == "required", field.get(_MARK) == "added")
        for name, field in schema["properties"].items()
    ]
    return tuple(sorted(fields, key=lambda field: field.name))
