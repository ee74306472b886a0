"""Whether the names and folders of apis/project.yaml are ones that can be printed to. Knows its form is right already."""

import keyword
import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_codegen import kubernetes
from katib_codegen.complaints import Path, near_hint

_KEYS = ("name", "packages", "manifests", "openapi", "facts", "kubernetes_types", "versions")
_PACKAGE = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*")
_FOLDER = re.compile(r"[A-Za-z0-9_][-\w.]*(/[A-Za-z0-9_][-\w.]*)*", re.ASCII)

_Fault = tuple[Path, str]


def project_faults(document: Mapping[str, Any]) -> Iterator[_Fault]:
    """Keys without a meaning, names that Python cannot import, folders outside the workspace, types that are not there."""
    if not document["name"].strip():
        yield ("name",), "has an empty name; write what people call the project"
    yield from _unknown(document, _KEYS, ())
    places: dict[str, str] = {}
    for role, entry in document["packages"].items():
        yield from _package_faults(role, entry)
        place = f"{entry['folder']}/{entry['name'].replace('.', '/')}"
        if place in places:
            text = (
                f"packages.{role} is {place}, which is packages.{places[place]} already; write another folder or name"
            )
            yield ("packages", role), text
        places.setdefault(place, role)
    for word in [word for word in ("manifests", "openapi") if word in document]:
        yield from _folder_faults(document[word], word, (word,))
    for position, fact in enumerate(document["facts"]):
        if fact in ("permissions.yaml", "webhooks.yaml") and "names.yaml" not in document["facts"]:
            yield ("facts", position), f"facts has {fact} without names.yaml, to which it refers; add that"
        if fact in document["facts"][:position]:
            yield ("facts", position), f"facts has {fact} twice; remove one"
    for version, entry in document["versions"].items():
        yield from _unknown(entry, ("served", "stored", "messages"), ("versions", version))
    if document.get("kubernetes_types"):
        yield from _type_faults(document["kubernetes_types"])


def _package_faults(role: str, entry: Mapping[str, Any]) -> Iterator[_Fault]:
    place: Path = ("packages", role)
    yield from _unknown(entry, ("folder", "name"), place)
    yield from _folder_faults(entry["folder"], f"packages.{role}.folder", (*place, "folder"))
    name = entry["name"]
    if not _PACKAGE.fullmatch(name) or any(keyword.iskeyword(part) for part in name.split(".")):
        text = f"packages.{role}.name is {name!r}, which Python cannot import; write lower case letters and underscores"
        yield (*place, "name"), text


def _folder_faults(folder: str, word: str, path: Path) -> Iterator[_Fault]:
    if not _FOLDER.fullmatch(folder) or ".." in folder.split("/"):
        cure = "write names with a slash between them, such as pkg/apis"
        yield path, f"{word} is {folder!r}, which is no folder in the workspace; {cure}"


def _type_faults(types: Mapping[str, Any]) -> Iterator[_Fault]:
    place: Path = ("kubernetes_types",)
    yield from _unknown(types, ("file", "kinds"), place)
    yield from _folder_faults(types["file"], "kubernetes_types.file", (*place, "file"))
    for position, name in enumerate(types["kinds"]):
        path = (*place, "kinds", position)
        if not kubernetes.knows(name):
            text = f"kubernetes_types has {name}: Kubernetes {kubernetes.RELEASE} has no type of that name"
            yield path, f"{text}{kubernetes.near(name)}; write one of its own"
        elif name in types["kinds"][:position]:
            yield path, f"kubernetes_types has {name} twice; remove one"


def _unknown(entry: Mapping[Any, Any], known: tuple[str, ...], path: Path) -> Iterator[_Fault]:
    for key in [key for key in entry if key not in known]:
        where = ".".join(map(str, (*path, key)))
        yield (*path, key), f"{where} means nothing here{near_hint(key, known)}; remove it"
