"""What apis/project.yaml says: which versions there are, and where what is printed of them goes.

Knows the file's form; reads no file. It is the only source that names packages: the press prints any API that has one.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from katib_codegen.complaints import Complaint, Lines, Path, near, refused
from katib_codegen.errors import SourceError
from katib_codegen.rules.projects import project_faults

FILE = "project.yaml"
# What a version may have beside its schemas.
FACTS = ("names.yaml", "permissions.yaml", "webhooks.yaml", "api.proto")
_MESSAGES = re.compile(r"(?:[a-z][a-z0-9_]*/)*api\.proto")
_VERSION = re.compile(r"v([0-9]+)(?:(alpha|beta)([0-9]+))?")
# Packages that every project has, and those for programs of users, which it may have.
_PACKAGES = ("models", "clients")
_SDKS = ("sdk", "strict_sdk")
_STAGES = {"alpha": 0, "beta": 1, None: 2}


@dataclass(frozen=True)
class Package:
    """A Python package that is printed, and the distribution's folder that it lies in."""

    folder: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name.replace('.', '/')}"


@dataclass(frozen=True)
class KubernetesTypes:
    """Kubernetes' own kinds whose types are printed, by their full names, and the file that they are printed to."""

    file: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """One version of the API: whether the API server offers it, and whether it is the one that objects are stored in."""

    name: str
    served: bool
    stored: bool
    messages: str | None = None
    """The name under which its api.proto is known in a process, where it is said and not `<version>/api.proto`."""


@dataclass(frozen=True)
class Project:
    """The whole of apis/project.yaml."""

    name: str
    models: Package
    clients: Package
    sdk: Package | None
    strict_sdk: Package | None
    manifests: str
    openapi: str | None
    facts: tuple[str, ...]
    versions: tuple[Version, ...]
    kubernetes_types: KubernetesTypes | None = None

    @property
    def stored(self) -> Version:
        """The version that is installed; its objects are what the API server keeps."""
        return next(version for version in self.versions if version.stored)


def parse_project(document: Mapping[str, Any], folders: Collection[str], lines: Mapping[str, Lines]) -> Project:
    """The project whose versions lie in these folders; raises SourceError with one line per fault."""
    faults = [*_faults(document), *_version_faults(document.get("versions"), folders)]
    faults = faults or list(project_faults(document))
    if faults:
        raise refused((Complaint(FILE, path, text) for path, text in faults), "apis", lines)
    packages = {role: Package(entry["folder"], entry["name"]) for role, entry in document["packages"].items()}
    versions = [
        Version(name, entry["served"], entry["stored"], entry.get("messages"))
        for name, entry in document["versions"].items()
    ]
    types = document.get("kubernetes_types")
    return Project(
        name=document["name"],
        models=packages["models"],
        clients=packages["clients"],
        sdk=packages.get("sdk"),
        strict_sdk=packages.get("strict_sdk"),
        manifests=document["manifests"],
        openapi=document.get("openapi"),
        facts=tuple(document["facts"]),
        versions=tuple(sorted(versions, key=lambda version: version_priority(version.name), reverse=True)),
        kubernetes_types=KubernetesTypes(types["file"], tuple(types["kinds"])) if types else None,
    )


def version_priority(name: str) -> tuple[int, int, int]:
    """How Kubernetes orders versions: v2 over v1 over v1beta2 over v1beta1 over v1alpha1."""
    match = _VERSION.fullmatch(name)
    if match is None:
        raise SourceError(f"{FILE}: {name!r} is no version; write v1, v1beta1 or v1alpha1")
    return _STAGES[match[2]], int(match[1]), int(match[3] or 0)


def _faults(document: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    for word in ("name", "manifests"):
        if not isinstance(document.get(word), str):
            yield (word,), f"has no {word}; write `{word}: <text>`"
    if not isinstance(document.get("openapi", ""), str):
        yield ("openapi",), "has an openapi that is no text; write `openapi: <folder>`, or nothing for no such document"
    facts = document.get("facts")
    if not isinstance(facts, list) or not all(isinstance(fact, str) and fact in FACTS for fact in facts):
        yield ("facts",), f"has no facts; write `facts: [...]` with those of {', '.join(FACTS)} that each version has"
    types = document.get("kubernetes_types")
    if types is not None and not _names_types(types):
        form = "write `kubernetes_types: {file: <path>, kinds: [<full names>]}`"
        yield ("kubernetes_types",), f"has kubernetes_types of a wrong form; {form}"
    packages = document.get("packages")
    yield from _role_faults(packages if isinstance(packages, Mapping) else {})


def _role_faults(packages: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    roles = (*_PACKAGES, *_SDKS)
    missing = [role for role in roles if role not in packages]
    unknown = {role: near(role, missing) for role in packages if role not in roles}
    for role, meant in unknown.items():
        cure = f"write {meant}" if meant else f"write one of {', '.join(roles)}"
        yield ("packages", role), f"packages.{role} means nothing here; {cure}"
    needed = [role for role in _PACKAGES if role not in unknown.values()]
    for role in [role for role in roles if role in packages or role in needed]:
        entry = packages.get(role)
        if not isinstance(entry, Mapping) or not all(isinstance(entry.get(key), str) for key in ("folder", "name")):
            form = f"write `{role}: {{folder: pkg/<component>, name: <package>}}`"
            yield ("packages", role), f"has no packages.{role}; {form}"


def _names_types(types: Any) -> bool:
    if not isinstance(types, Mapping) or not isinstance(types.get("file"), str):
        return False
    kinds = types.get("kinds")
    return isinstance(kinds, list) and all(isinstance(name, str) for name in kinds)


def _version_faults(versions: Any, folders: Collection[str]) -> Iterator[tuple[Path, str]]:
    if not isinstance(versions, Mapping) or not versions:
        yield (
            "versions",
        ), "has no versions; write `<version>: {served: true, stored: true}` for each folder beside it"
        return
    for name, entry in versions.items():
        if not _VERSION.fullmatch(str(name)):
            yield ("versions", name), f"versions has {name!r}, which is no version; write v1, v1beta1 or v1alpha1"
        if name not in folders:
            yield (
                "versions",
                name,
            ), f"versions has {name}, but there is no folder apis/{name}; remove the line or restore the folder"
        if not isinstance(entry, Mapping) or not all(isinstance(entry.get(key), bool) for key in ("served", "stored")):
            yield (
                "versions",
                name,
            ), f"versions.{name} must say served and stored; write {{served: true, stored: false}}"
        elif not _MESSAGES.fullmatch(str(entry.get("messages", "api.proto"))):
            text = f"versions.{name} calls its messages {entry['messages']!r}"
            yield ("versions", name, "messages"), f"{text}; write api.proto or <folder>/api.proto, or nothing"
    for name in sorted(set(folders) - set(versions)):
        yield ("versions",), f"versions does not name apis/{name}; add `{name}: {{served: true, stored: false}}`"
    stored = [name for name, entry in versions.items() if isinstance(entry, Mapping) and entry.get("stored") is True]
    if len(stored) != 1:
        yield ("versions",), f"versions has {len(stored)} stored versions; Kubernetes stores objects in exactly one"
