"""Models of the Python SDK, under the names and in the style of the SDK that programs know: a module per type.

Knows how that style writes types down. What all models can do is no print: it is `model` in the same package.
"""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from katib_codegen.model import Api, Definition, target_name
from katib_codegen.public import Field, PublicType, public_name, public_types
from katib_codegen.render import Files, python_header
from katib_codegen.render.templating import fill
from katib_codegen.words import words

_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_WIDTH = 120


@dataclass(frozen=True)
class _Attribute:
    """A field as the template wants it."""

    name: str
    json_name: str
    openapi_type: str
    hint: str
    default: str
    required: bool
    added: bool


def render_sdk_models(*apis: Api) -> Files:
    """One module per type of each version, and the package that imports each when it is asked for."""
    package = apis[0].project.sdk
    if package is None:
        return {}
    folder = f"{package.path}/models"
    printed: dict[str, bytes] = {}
    for api in apis:
        types = TypeNames(api)
        for public in public_types(api):
            printed[f"{folder}/{public.module}.py"] = _module(api, public, types, package.name)
    published = sorted((public for api in apis for public in public_types(api)), key=lambda public: public.name)
    head = python_header(*(f"{api.sources.folder}/*.yaml" for api in apis))
    index = fill("sdk_models.py.j2", header=head, types=published, package=package.name)
    return {**printed, f"{folder}/__init__.py": index}


class TypeNames:
    """How fields' types are written down, as text for `deserialize` and as a hint for type checkers."""

    def __init__(self, api: Api) -> None:
        self._definitions = api.definitions

    def openapi(self, schema: Mapping[str, Any]) -> str:
        """`list[V1beta1Metric]`, `dict(str, str)`, `datetime`, `object`."""
        return self._write(schema, "dict(str, {})", "object")

    def hint(self, schema: Mapping[str, Any]) -> str:
        """`list[V1beta1Metric]`, `dict[str, str]`, `datetime`, `dict[str, Any]`."""
        return self._write(schema, "dict[str, {}]", "dict[str, Any]")

    def named(self, schema: Mapping[str, Any]) -> Iterator[Definition]:
        """The types with fields of their own that a field is made of."""
        target = self.target(schema)
        if isinstance(target, Definition):
            yield target
        else:
            for inner in ("items", "additionalProperties"):
                if isinstance(target.get(inner), Mapping):
                    yield from self.named(target[inner])

    def values(self, schema: Mapping[str, Any]) -> list[str]:
        """The known values of a field."""
        target = self.target(schema)
        return [] if isinstance(target, Definition) else list(target.get("enum", ()))

    def target(self, schema: Mapping[str, Any]) -> Definition | Mapping[str, Any]:
        """The definition that a reference leads to; what it says where it has no fields: an enum is a text."""
        if "$ref" not in schema:
            return schema
        definition = self._definitions[target_name(schema)]
        return definition if "properties" in definition.schema else definition.schema

    def _write(self, schema: Mapping[str, Any], mapping: str, free: str) -> str:
        target = self.target(schema)
        if isinstance(target, Definition):
            return public_name(target)
        if target.get("format") == "date-time":
            return "datetime"
        if target.get("type") == "array":
            return f"list[{self._write(target['items'], mapping, free)}]"
        if isinstance(target.get("additionalProperties"), Mapping):
            return mapping.format(self._write(target["additionalProperties"], mapping, free))
        return _SCALARS.get(str(target.get("type")), free)


def described(public: PublicType, types: TypeNames) -> str:
    """The docstring's text of a type: what it is, and what each attribute is."""
    parts = [_wrapped(words(public.definition.schema), "    ", '"""'), "", "    Attributes:"]
    for field in public.fields:
        text = words(field.schema, types.values(field.schema))
        parts.append(_wrapped(f"{field.name}: {text}", "        ", "", "            "))
    return "\n".join(parts)


def _wrapped(text: str, indent: str, opening: str, further: str = "    ") -> str:
    return textwrap.fill(
        text.replace("\\", "\\\\").replace('"""', "'''"),
        _WIDTH,
        initial_indent=indent + opening,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _module(api: Api, public: PublicType, types: TypeNames, package: str) -> bytes:
    attributes = [_attribute(field, types) for field in public.fields]
    return fill(
        "sdk_model.py.j2",
        header=python_header(f"{api.sources.folder}/{public.definition.file}"),
        public=public,
        described=described(public, types),
        attributes=attributes,
        imports=list(_imports(public, types, package)),
        free=any("Any" in attribute.hint for attribute in attributes),
        package=package,
    )


def _attribute(field: Field, types: TypeNames) -> _Attribute:
    hint = types.hint(field.schema)
    is_text = field.required and hint == "str"
    return _Attribute(
        name=field.name,
        json_name=field.json_name,
        openapi_type=types.openapi(field.schema),
        hint=hint if is_text else f"{hint} | None",
        default='""' if is_text else "None",
        required=field.required,
        added=field.added,
    )


def _imports(public: PublicType, types: TypeNames, package: str) -> Iterator[str]:
    named = {
        public_name(definition): definition
        for field in public.fields
        for definition in types.named(field.schema)
        if definition.name != public.definition.name
    }
    if any("datetime" in types.hint(field.schema) for field in public.fields):
        yield "from datetime import datetime"
    borrowed = sorted(name for name, definition in named.items() if definition.borrowed)
    if borrowed:
        yield f"from kubernetes.client import {', '.join(borrowed)}"
    yield f"from {package}.configuration import Configuration"
    for name in sorted(name for name, definition in named.items() if not definition.borrowed):
        yield f"from {package}.models.{PublicType(name, named[name], ()).module} import {name}"
