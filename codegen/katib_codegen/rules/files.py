"""What a source says as a file, before anybody asks about its types: its head, and that it comes to an end."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from katib_codegen.complaints import Complaint, Path

if TYPE_CHECKING:
    from katib_codegen.load import Document, Sources

HEAD = ("$schema", "$id", "$defs", "title")
_SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def circle_complaints(sources: "Sources") -> Iterator[Complaint]:
    """Values that hold themselves by an alias of YAML: whoever walks such a document never comes to an end."""
    facts = {"names.yaml": sources.names, "permissions.yaml": sources.permissions, "webhooks.yaml": sources.webhooks}
    for file, document in {**sources.schemas, **facts}.items():
        for path in _circles(document, (), ()):
            yield Complaint(file, path, "this value holds itself by an alias; write it out")


def _circles(node: Any, path: Path, above: tuple[int, ...]) -> Iterator[Path]:
    if id(node) in above:
        yield path
    elif isinstance(node, (Mapping, list)):
        for key, inner in node.items() if isinstance(node, Mapping) else enumerate(node):
            yield from _circles(inner, (*path, key), (*above, id(node)))


def head_faults(file: str, document: "Document") -> Iterator[tuple[Path, str]]:
    """What stands above the types of a file, and is no keyword of a type that the file is itself."""
    for keyword, value in (("$schema", _SCHEMA), ("$id", file)):
        if document.get(keyword) != value:
            yield (keyword,), f"{keyword} is {document.get(keyword)!r}; write {value}"
    for key in [key for key in document if "type" not in document and key not in HEAD]:
        yield (key,), f"{key} is said of nothing; move it into a type under $defs, or write the type of this one"
