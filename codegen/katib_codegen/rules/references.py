"""Whether every $ref leads to a type, every name stands for one type, and no type holds itself."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from katib_codegen import kubernetes
from katib_codegen.complaints import Complaint, Path, near_hint

if TYPE_CHECKING:
    from katib_codegen.load import Document, Sources


def reference_complaints(sources: "Sources") -> Iterator[Complaint]:
    """Names that stand twice, references to nowhere, references in a circle."""
    owners: dict[str, str] = {}
    for file, document in sources.schemas.items():
        for name, path in named_types(document):
            if name in owners:
                text = f"{name} is defined in {owners[name]} already; give one of them another name"
                yield Complaint(file, path, text)
            owners.setdefault(name, file)
            origin = document.get("$defs", {}).get(name, {}).get("x-katib-from")
            own = document.get("$defs", {}).get(name, {})
            if origin is not None and "x-katib-python" not in own:
                for keyword in [key for key in own if key not in ("x-katib-from", "description")]:
                    text = f"{name} has {keyword} beside x-katib-from, which gives it; remove it"
                    yield Complaint(file, (*path, keyword), text)
            if origin is not None and not kubernetes.knows(origin):
                text = f"{name} is from {origin}: Kubernetes {kubernetes.RELEASE} has no type of that name"
                yield Complaint(file, (*path, "x-katib-from"), f"{text}{kubernetes.near(origin)}; write one of its own")
    titles = {file: str(document.get("title", file)) for file, document in sources.schemas.items()}
    uses: dict[str, list[tuple[str, str, Path]]] = {}
    for file, document in sources.schemas.items():
        for owner, path, reference in _references(document):
            home, _, pointer = reference.partition("#")
            home = home or file
            name = pointer.rsplit("/", 1)[1] if pointer.strip("/") else titles.get(home, "")
            fault = _fault(reference, home, name, titles, owners)
            if fault:
                yield Complaint(file, path, f"{owner} refers to {fault}")
            uses.setdefault(owner, []).append((name, file, path))
    yield from _circles(uses)


def _fault(reference: str, home: str, name: str, titles: Mapping[str, str], owners: Mapping[str, str]) -> str:
    """What is wrong with a reference to `name` in the file `home`; empty when it leads to a type."""
    if home not in titles:
        return f"{reference!r}, which leads to no file of ours{near_hint(home, titles)}; write one of ours, or define the type"
    if name not in owners:
        return f"{name}, which nothing defines{near_hint(name, owners)}; define it under $defs"
    if owners[name] != home:
        return f"{name} in {home}, where it does not stand; write '{owners[name]}#/$defs/{name}'"
    return ""


def named_types(document: "Document") -> Iterator[tuple[str, Path]]:
    """Each type that the document names, and where."""
    for name in document.get("$defs", {}):
        yield str(name), ("$defs", name)
    if "type" in document:
        yield str(document["title"]), ()


def _references(document: "Document") -> Iterator[tuple[str, Path, str]]:
    """The type that refers, where, and to what."""
    for name, schema in document.get("$defs", {}).items():
        yield from ((str(name), path, text) for path, text in _references_below(schema, ("$defs", name)))
    if "type" in document:
        top = {key: value for key, value in document.items() if key != "$defs"}
        yield from ((str(document["title"]), path, text) for path, text in _references_below(top, ()))


def _references_below(node: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield (*path, key), value
            elif key not in ("default", "examples"):
                yield from _references_below(value, (*path, key))
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from _references_below(value, (*path, position))


def _circles(uses: Mapping[str, list[tuple[str, str, Path]]]) -> Iterator[Complaint]:
    """One complaint per circle, where it closes. A structural schema has its references written out: it cannot recur."""
    done: set[str] = set()

    def walk(owner: str, above: tuple[str, ...]) -> Iterator[Complaint]:
        for name, file, path in uses.get(owner, ()):
            if name in (*above, owner):
                circle = [*above, owner, name]
                text = f"{' holds '.join(circle[circle.index(name):])}: a circle, which no structural schema can have"
                yield Complaint(file, path, text + "; write a free object (x-kubernetes-preserve-unknown-fields) here")
            elif name not in done:
                yield from walk(name, (*above, owner))
        done.add(owner)

    for owner in uses:
        if owner not in done:
            yield from walk(owner, ())
