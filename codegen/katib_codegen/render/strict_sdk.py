"""Pydantic models with strict fields: the API's types, and the Kubernetes types around them, a module per class.

Knows the names that programs have known them by. What all models can do is no print: it is `model` in the same
package.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from katib_codegen import kubernetes
from katib_codegen.model import Api, target_name
from katib_codegen.project import FILE
from katib_codegen.public import attribute, public_name, public_types
from katib_codegen.render import Files, python_header
from katib_codegen.render.templating import fill
from katib_codegen.words import docstring, snake, words

_PREFIXES = ("io.k8s.api.core.v1.", "io.k8s.apimachinery.pkg.apis.meta.v1.")
# Types that are one of two scalars, in the order in which Pydantic tries them.
_UNIONS = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "float, str",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int, str",
}
_SCALARS = {
    "boolean": "StrictBool",
    "integer": "StrictInt",
    "number": "Union[StrictFloat, StrictInt]",
    "string": "StrictStr",
}
_FORMATS = {"date-time": "datetime", "byte": "Union[StrictBytes, StrictStr]"}
_TYPING = ("Annotated", "Any", "Dict", "List", "Optional", "Union")
_PYDANTIC = ("Field", "StrictBool", "StrictBytes", "StrictFloat", "StrictInt", "StrictStr")
_ACRONYMS = re.compile(r"([A-Z]{2,}s)(?![a-z])")
_CLASS = re.compile(r"\b(?:IoK8s|V\d)\w+")


@dataclass(frozen=True)
class _Class:
    """A class as the template wants it; `union` has the alternatives of one that stands for a scalar."""

    name: str
    source: str
    described: str
    fields: tuple[str, ...]
    union: str = ""

    @property
    def module(self) -> str:
        return snake(self.name)

    @property
    def imports(self) -> Iterator[str]:
        """The import lines that the fields need."""
        used = set(re.findall(r"\w+", " ".join(self.fields)))
        if "datetime" in used:
            yield "from datetime import datetime"
        for module, names in (("typing", _TYPING), ("pydantic", _PYDANTIC)):
            if used.intersection(names):
                yield f"from {module} import {', '.join(name for name in names if name in used)}"

    @property
    def neighbours(self) -> list[str]:
        """The classes that the fields are made of."""
        return sorted(set(_CLASS.findall(" ".join(self.fields))) - {self.name})


def render_strict_sdk(*apis: Api) -> Files:
    """One module per class of each version, and the package that imports each when it is asked for."""
    package = apis[0].project.strict_sdk
    if package is None:
        return {}
    own = [found for api in apis for found in _own(api)]
    classes = sorted([*own, *_kubernetes(apis[0])], key=lambda found: found.name)
    folder = f"{package.path}/models"
    modules = {found.name: found.module for found in classes}
    printed = {
        f"{folder}/{found.module}.py": fill(
            "strict_sdk_model.py.j2",
            header=python_header(found.source),
            found=found,
            imports=[f"from {package.name}.models.{modules[name]} import {name}" for name in found.neighbours],
            package=package.name,
        )
        for found in classes
    }
    head = python_header(*(f"{api.sources.folder}/*.yaml" for api in apis))
    index = fill("strict_sdk_models.py.j2", header=head, classes=classes, package=package.name)
    return {**printed, f"{folder}/__init__.py": index}


def class_name(origin: str) -> str:
    """IoK8sApiCoreV1Container for io.k8s.api.core.v1.Container."""
    return "".join(part[:1].upper() + part[1:] for part in origin.split("."))


def _own(api: Api) -> Iterator[_Class]:
    for public in public_types(api):
        schemas = {field.json_name: field.schema for field in public.fields}
        required = [field.json_name for field in public.fields if field.required]
        source = f"{api.sources.folder}/{public.definition.file}"
        described = docstring(words(public.definition.schema))
        yield _Class(public.name, source, described, tuple(_fields(api, schemas, required, own=True)))


def _kubernetes(api: Api) -> Iterator[_Class]:
    # Which types there are is Kubernetes' matter; that they are printed is said here.
    source = f"apis/{FILE}"
    for origin in kubernetes.names(*_PREFIXES):
        schema = kubernetes.definition(origin)
        if "properties" in schema:
            fields = _fields(api, schema["properties"], schema.get("required", ()))
            yield _Class(class_name(origin), source, docstring(f"Kubernetes' {origin}."), tuple(fields))
    for origin, union in _UNIONS.items():
        yield _Class(class_name(origin), source, docstring(f"Kubernetes' {origin}."), (), union)


def _fields(
    api: Api, schemas: Mapping[str, Mapping[str, Any]], required: Collection[str], own: bool = False
) -> Iterator[str]:
    """The lines of a class's fields; those of our `own` types with their words."""
    for json_name in sorted(schemas):
        name, hint = _attribute(json_name), _hint(api, schemas[json_name])
        hint = hint if json_name in required or hint == "Any" else f"Optional[{hint}]"
        if name != json_name:
            hint = f'Annotated[{hint}, Field(alias="{json_name}")]'
        yield f"    {name}: {hint}" + ("" if json_name in required else " = None")
        if own:
            yield docstring(words(schemas[json_name])).rstrip("\n")


def _attribute(json_name: str) -> str:
    """The name of a field: as elsewhere, but pod_ips for podIPs, and one more word is reserved."""
    name = attribute(_ACRONYMS.sub(lambda match: match[1].capitalize(), json_name), "var_")
    return "var_field" if name == "field" else name


def _hint(api: Api, schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _reference(api, target_name(schema))
    kind = kubernetes.single_type(schema) if "type" in schema else "any"
    if kind == "array":
        return f"List[{_hint(api, schema['items'])}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"Dict[str, {_hint(api, values) if isinstance(values, Mapping) else 'Any'}]"
    return _FORMATS.get(schema.get("format", ""), _SCALARS.get(kind, "Any"))


def _reference(api: Api, name: str) -> str:
    """What a reference leads to: a definition of ours, or one that Kubernetes knows by its full name."""
    if name in api.definitions:
        definition = api.definitions[name]
        if definition.origin is None:
            return public_name(definition) if "properties" in definition.schema else _hint(api, definition.schema)
        name = definition.origin
    if name in _UNIONS:
        return class_name(name)
    schema = kubernetes.definition(name)
    if "properties" not in schema:
        return _hint(api, schema)
    return class_name(name) if name.startswith(_PREFIXES) else "Dict[str, Any]"
