"""The gRPC API for people: a page of services, messages and enumerations with the words of api.proto."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from katib_codegen.load import PROTO
from katib_codegen.model import Api
from katib_codegen.protoc import compiled
from katib_codegen.render import Files
from katib_codegen.render.markdown import code, link, markdown_header, prose
from katib_codegen.render.templating import fill

_Place = tuple[int, ...]
_Row = tuple[str, ...]
# Numbers of the fields in Google's descriptor.proto, by which a place in a file is told.
_MESSAGE, _ENUM, _SERVICE = 4, 5, 6
_FIELD, _NESTED, _NESTED_ENUM, _VALUE, _METHOD = 2, 3, 4, 2, 2


@dataclass(frozen=True)
class Block:
    """A service, a message or an enumeration."""

    title: str
    words: str
    rows: Sequence[_Row]


def render_grpc_reference(api: Api) -> Files:
    """docs/reference/<version>/grpc.md, where there is a gRPC API."""
    if not api.sources.proto:
        return {}
    source = f"{api.sources.folder}/{PROTO}"
    page = _Page(compiled(api.sources).file)
    messages, enumerations = page.types()
    text = fill(
        "reference/grpc.md.j2",
        header=markdown_header(source),
        source=source,
        package=page.file.package,
        words=page.introduction(),
        services=list(page.services()),
        messages=messages,
        enumerations=enumerations,
    )
    return {f"docs/reference/{api.version}/grpc.md": text}


class _Page:
    """Reads the description of one file."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self.file = file
        self._locations = {tuple(location.path): location for location in file.source_code_info.location}

    def introduction(self) -> list[str]:
        """The paragraphs at the top of the file."""
        syntax = self._locations.get((12,))
        texts = [*syntax.leading_detached_comments, syntax.leading_comments] if syntax else []
        return [prose(part) for text in texts for part in text.split("\n\n") if part.strip()]

    def services(self) -> Iterator[Block]:
        for index, service in enumerate(self.file.service):
            place = (_SERVICE, index)
            rows = [
                (
                    code(method.name),
                    self._link(method.input_type),
                    self._link(method.output_type),
                    self._words((*place, _METHOD, number)),
                )
                for number, method in enumerate(service.method)
            ]
            yield Block(f"Service {service.name}", self._words(place), rows)

    def types(self) -> tuple[list[Block], list[Block]]:
        """Messages and enumerations, those inside a message after it."""
        messages: list[Block] = []
        enumerations: list[Block] = []
        for index, message in enumerate(self.file.message_type):
            self._add(message, "", (_MESSAGE, index), messages, enumerations)
        for index, enumeration in enumerate(self.file.enum_type):
            enumerations.append(self._enumeration(enumeration, "", (_ENUM, index)))
        return messages, enumerations

    def _add(
        self, message: DescriptorProto, outer: str, place: _Place, messages: list[Block], enumerations: list[Block]
    ) -> None:
        title = f"{outer}{message.name}"
        entries = {
            f".{self.file.package}.{title}.{one.name}": one for one in message.nested_type if one.options.map_entry
        }
        rows = [
            (
                str(field.number),
                code(field.name),
                self._type(field, entries),
                self._words((*place, _FIELD, number)),
            )
            for number, field in enumerate(message.field)
        ]
        messages.append(Block(title, self._words(place), rows))
        for number, nested in enumerate(message.nested_type):
            if not nested.options.map_entry:
                self._add(nested, f"{title}.", (*place, _NESTED, number), messages, enumerations)
        for number, enumeration in enumerate(message.enum_type):
            enumerations.append(self._enumeration(enumeration, f"{title}.", (*place, _NESTED_ENUM, number)))

    def _enumeration(self, enumeration: EnumDescriptorProto, outer: str, place: _Place) -> Block:
        rows = [
            (str(entry.number), code(entry.name), self._words((*place, _VALUE, number)))
            for number, entry in enumerate(enumeration.value)
        ]
        return Block(f"{outer}{enumeration.name}", self._words(place), rows)

    def _type(self, field: FieldDescriptorProto, entries: Mapping[str, DescriptorProto]) -> str:
        if field.type_name in entries:
            key, value = entries[field.type_name].field
            return f"map of {self._type(key, {})} to {self._type(value, {})}"
        scalar = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
        name = self._link(field.type_name) if field.type_name else scalar
        return f"list of {name}" if field.label == FieldDescriptorProto.LABEL_REPEATED else name

    def _link(self, type_name: str) -> str:
        return link(type_name.removeprefix(f".{self.file.package}."))

    def _words(self, place: _Place) -> str:
        location = self._locations.get(place)
        return prose(location.leading_comments or location.trailing_comments) if location else ""
