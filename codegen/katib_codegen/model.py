"""Bundles the schema files into one set of definitions. Knows the dialect's references; renders nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from katib_codegen import kubernetes
from katib_codegen.complaints import Path
from katib_codegen.load import Document, Sources
from katib_codegen.project import Project, Version
from katib_codegen.rules.shape import require_shape

Schema = dict[str, Any]

_HEAD = ("$schema", "$id", "$defs", "title")


@dataclass(frozen=True)
class Definition:
    """One named type. Its references read `#/$defs/<name>`; `origin` is Kubernetes' full name of a type that is its own."""

    name: str
    file: str
    schema: Schema
    origin: str | None
    version: str
    path: Path = ()
    """Where it stands in its file."""

    @property
    def borrowed(self) -> bool:
        return self.origin is not None


@dataclass(frozen=True)
class PrinterColumn:
    name: str
    type: str
    json_path: str


@dataclass(frozen=True)
class Kind:
    """A kind that the API server stores."""

    name: str
    group: str
    version: str
    plural: str
    singular: str
    scope: str
    categories: tuple[str, ...]
    subresources: tuple[str, ...]
    columns: tuple[PrinterColumn, ...]
    file: str

    @property
    def crd_name(self) -> str:
        return f"{self.plural}.{self.group}"


@dataclass(frozen=True)
class Api:
    """Everything that one version's sources say, with references resolved to names."""

    sources: Sources
    definitions: Mapping[str, Definition]
    kinds: tuple[Kind, ...]

    @property
    def version(self) -> str:
        return self.sources.version

    @property
    def project(self) -> Project:
        return self.sources.project

    @property
    def models(self) -> str:
        """The folder of this version's models, names and stubs."""
        return f"{self.project.models.path}/{self.version}"

    @property
    def clients(self) -> str:
        """The folder of this version's clients, listers and informers."""
        return f"{self.project.clients.path}/{self.version}"

    @property
    def components(self) -> str:
        """The folder of what is installed."""
        return f"{self.project.manifests}/{self.version}/components"

    @property
    def standing(self) -> Version:
        """Whether this version is served and stored."""
        return next(version for version in self.project.versions if version.name == self.version)


def bundle(sources: Sources) -> Api:
    """One set of definitions; raises SourceError for each fault of shape, reference or name."""
    require_shape(sources)
    titles = {file: str(document.get("title", file)) for file, document in sources.schemas.items()}
    borrowed = _borrowed_names(sources)
    definitions: dict[str, Definition] = {}
    for file, document in sources.schemas.items():
        for name, schema in _named_schemas(document):
            path = ("$defs", name) if name in document.get("$defs", {}) else ()
            settled = _settle(schema, file, titles, borrowed)
            definitions[name] = Definition(name, file, *settled, sources.version, path)
    kinds = tuple(
        _kind(name, definition) for name, definition in definitions.items() if "x-katib-resource" in definition.schema
    )
    return Api(sources, definitions, kinds)


def target_name(schema: Mapping[str, Any]) -> str:
    """The name of the type that a reference leads to; empty where the schema is none."""
    return str(schema["$ref"]).rsplit("/", 1)[1] if "$ref" in schema else ""


def properties(api: Api, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an object, its own ones before those of the types that it extends."""
    found: dict[str, Any] = dict(schema.get("properties", {}))
    for parent in schema.get("allOf", ()):
        inherited = properties(api, api.definitions[target_name(parent)].schema)
        found |= {name: field for name, field in inherited.items() if name not in found}
    return found


def references(schema: Any) -> Iterator[str]:
    """The names that a schema refers to."""
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield target_name(schema)
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def _borrowed_names(sources: Sources) -> dict[str, str]:
    return {
        schema["x-katib-from"]: name
        for document in sources.schemas.values()
        for name, schema in document.get("$defs", {}).items()
        if "x-katib-from" in schema
    }


def _named_schemas(document: Document) -> Iterator[tuple[str, Schema]]:
    yield from document.get("$defs", {}).items()
    if "type" in document:
        yield document["title"], {key: value for key, value in document.items() if key not in _HEAD}


def _settle(
    schema: Schema, file: str, titles: Mapping[str, str], borrowed: Mapping[str, str]
) -> tuple[Schema, str | None]:
    """The schema with its references settled, and Kubernetes' full name of the type."""
    origin = schema.get("x-katib-from")
    if origin is None or "x-katib-python" in schema:
        return _local(schema, file, titles), origin
    cut = kubernetes.cut(origin, borrowed)
    own = {key: value for key, value in schema.items() if key != "x-katib-from"}
    return {**cut, **own}, origin


def _local(node: Any, file: str, titles: Mapping[str, str]) -> Any:
    """The schema with each `other.yaml#/$defs/Name` and each `#` turned into `#/$defs/Name`."""
    if isinstance(node, list):
        return [_local(item, file, titles) for item in node]
    if not isinstance(node, dict):
        return node
    local = {key: _local(value, file, titles) for key, value in node.items()}
    if isinstance(node.get("$ref"), str):
        target_file, _, pointer = node["$ref"].partition("#")
        name = pointer.rsplit("/", 1)[1] if pointer.strip("/") else titles[target_file or file]
        local["$ref"] = f"#/$defs/{name}"
    return local


def _kind(name: str, definition: Definition) -> Kind:
    resource = definition.schema["x-katib-resource"]
    identity = definition.schema["x-kubernetes-group-version-kind"]
    columns = tuple(
        PrinterColumn(column["name"], column["type"], column["jsonPath"]) for column in resource["printerColumns"]
    )
    return Kind(
        name=name,
        group=identity["group"],
        version=identity["version"],
        plural=resource["plural"],
        singular=resource["singular"],
        scope=resource["scope"],
        categories=tuple(resource["categories"]),
        subresources=tuple(resource["subresources"]),
        columns=columns,
        file=definition.file,
    )
