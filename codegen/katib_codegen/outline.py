"""Which documents people write and read, and the types that these are made of. Renders nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from katib_codegen.model import Api, Definition, Kind, references, target_name


@dataclass(frozen=True)
class Document:
    """A type that stands alone in a file: a kind that the API server stores, or a configuration."""

    name: str
    file: str
    api_version: str
    kind: Kind | None

    @property
    def stem(self) -> str:
        """What files about the document are called."""
        return self.file.removesuffix(".yaml")


def documents(api: Api) -> list[Document]:
    """Every document, by file."""
    kinds = {kind.name: kind for kind in api.kinds}
    found = []
    for file, source in api.sources.schemas.items():
        identity = source.get("x-kubernetes-group-version-kind")
        if identity is not None:
            api_version = f"{identity['group']}/{identity['version']}"
            found.append(Document(identity["kind"], file, api_version, kinds.get(identity["kind"])))
    return found


def types_of(api: Api, document: Document) -> list[Definition]:
    """The types that a document is made of, in the order in which a reader meets them; itself is the first."""
    seen: dict[str, Definition] = {}
    waiting = [document.name]
    while waiting:
        name = waiting.pop(0)
        if name not in seen:
            seen[name] = api.definitions[name]
            waiting = [*references(seen[name].schema), *waiting]
    return list(seen.values())


def target_of(api: Api, schema: Mapping[str, Any]) -> Definition | None:
    """The type that a field, the items of its list or the values of its map are of, where that is a named one."""
    for part in (schema, schema.get("items"), schema.get("additionalProperties")):
        if isinstance(part, Mapping) and "$ref" in part:
            return api.definitions[target_name(part)]
    return None


def is_enumeration(definition: Definition | None) -> bool:
    return definition is not None and "enum" in definition.schema


def required_of(definition: Definition) -> Sequence[str]:
    """The fields without which nothing takes the object."""
    schema = definition.schema
    return list(dict.fromkeys([*schema.get("required", ()), *schema.get("x-katib-required", ())]))


def rules_of(schema: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What admission asks of a type or a field beside its type: `says`, and `schema` where a schema can say it."""
    rules: Sequence[Mapping[str, Any]] = schema.get("x-katib-rules", ())
    return rules


def values_of(api: Api, field: Mapping[str, Any]) -> Sequence[str]:
    """The known values of a field, as its rules narrow them; empty where it takes any."""
    target = target_of(api, field)
    values: Sequence[str] = target.schema["enum"] if target is not None and is_enumeration(target) else ()
    for rule in rules_of(field):
        values = rule.get("schema", {}).get("enum", values)
    return values


def full_name(api: Api, definition: Definition) -> str:
    """What Kubernetes calls a borrowed type."""
    return str(api.sources.schemas[definition.file]["$defs"][definition.name].get("x-katib-from", definition.name))
