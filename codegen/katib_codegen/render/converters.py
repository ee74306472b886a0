"""Converters between models and messages: one pair of functions for each type that names its message.

Knows how a field of a schema and a field of a message belong together (apis/README.md, "Messages"). What depends on more
than one object (strategies of metrics, pending trials) is written by hand in the domain.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from katib_codegen.complaints import Complaint, refused
from katib_codegen.dialect import SCALARS
from katib_codegen.errors import SourceError
from katib_codegen.load import PROTO
from katib_codegen.model import Api, Definition, target_name
from katib_codegen.protoc import compiled
from katib_codegen.render import Files, python_header
from katib_codegen.render.templating import fill
from katib_codegen.words import snake, upper

_SHADOWS = ("dict", "list", "set")


@dataclass(frozen=True)
class Pair:
    """A field of a model and the field of its message. `way` says how one becomes the other."""

    way: str  # scalar, goal, enum, texts, map, one, many, wrapped
    json: str
    attribute: str
    field: str
    inner: str = ""  # the wrapper's only field
    function: str = ""  # the converters' name for what the field holds
    enum: str = ""  # the message's enumeration, and its values by those of the schema
    values: tuple[tuple[str, str], ...] = ()

    @property
    def table(self) -> str:
        return f"_{upper(self.enum)}"


@dataclass(frozen=True)
class Conversion:
    """A model, its message and their pairs."""

    model: str
    message: str
    function: str
    pairs: tuple[Pair, ...]


def render_converters(api: Api) -> Files:
    """converters.py: to_<type> and from_<type> for each definition with x-katib-message."""
    paired = {
        name: definition for name, definition in api.definitions.items() if "x-katib-message" in definition.schema
    }
    if not paired:
        return {}
    proto = compiled(api.sources)
    pool = _messages(proto.described)
    conversions = [_conversion(api, definition, pool, proto.file.package) for definition in paired.values()]
    tables = {pair.table: pair for conversion in conversions for pair in conversion.pairs if pair.way == "enum"}
    text = fill(
        "converters.py.j2",
        header=python_header(f"{api.sources.folder}/*.yaml", f"{api.sources.folder}/{PROTO}"),
        package=f"{api.project.models.name}.{api.version}",
        conversions=conversions,
        tables=[tables[name] for name in sorted(tables)],
    )
    return {f"{api.models}/converters.py": text}


def _messages(described: FileDescriptorSet) -> DescriptorPool:
    pool = DescriptorPool()
    for file in described.file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


def _conversion(api: Api, definition: Definition, pool: DescriptorPool, package: str) -> Conversion:
    message = definition.schema["x-katib-message"]
    place = f"{definition.file}: {definition.name}"
    try:
        descriptor = pool.FindMessageTypeByName(f"{package}.{message}")
    except KeyError:
        raise SourceError(f"{place} names the message {message}, which {PROTO} does not define") from None
    pairs = tuple(_pairs(api, definition, descriptor, place))
    return Conversion(definition.name, message, snake(definition.name), pairs)


def _pairs(api: Api, definition: Definition, descriptor: Descriptor, place: str) -> Iterator[Pair]:
    properties: Mapping[str, Mapping[str, Any]] = definition.schema["properties"]
    names = {schema.get("x-katib-message-field", snake(name)): name for name, schema in properties.items()}
    for field in descriptor.fields:
        if field.name not in names:
            if field.name.removesuffix("_set") in names:
                continue
            raise SourceError(
                f"{place} has no field for {descriptor.name}.{field.name}; add one, or write x-katib-message-field: "
                f"{field.name} at the field that it belongs to"
            )
        name = names[field.name]
        goal = f"{field.name}_set" in descriptor.fields_by_name
        pair = _pair(api, name, properties[name], field, goal=goal)
        if pair is None:
            text = f"{definition.name}.{name} and {PROTO}'s {field.name} are of different make; give them like types"
            complaint = Complaint(definition.file, (*definition.path, "properties", name), text)
            raise refused([complaint], api.sources.folder, api.sources.lines)
        yield pair


def _pair(api: Api, name: str, schema: Mapping[str, Any], field: FieldDescriptor, *, goal: bool) -> Pair | None:
    """How the two belong together; None where they cannot."""
    attribute = snake(name) + ("_" if name in _SHADOWS else "")
    item = schema.get("items", schema)
    target = target_name(item)
    enum = "enum" in api.definitions[target].schema if target else False
    function = snake(target) if target else ""
    many = "items" in schema
    wrapper = field.message_type if many and not field.is_repeated else None
    if wrapper is not None:
        return Pair("wrapped", name, attribute, field.name, inner=wrapper.fields[0].name, function=function)
    if field.enum_type is not None and enum:
        known = api.definitions[target].schema["enum"]
        values = tuple((value, upper(value)) for value in known if upper(value) in field.enum_type.values_by_name)
        return Pair("enum", name, attribute, field.name, enum=field.enum_type.name, values=values)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return Pair("map", name, attribute, field.name)
    if field.message_type is not None and function:
        return Pair("many" if many else "one", name, attribute, field.name, function=function)
    if many and field.is_repeated:
        return Pair("texts", name, attribute, field.name)
    if not many and (target or schema.get("type") in SCALARS) and field.message_type is None:
        return Pair("goal" if goal else "scalar", name, attribute, field.name)
    return None
