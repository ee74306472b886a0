"""Reads the hand-written sources under apis/<version>/. Knows files and YAML; knows nothing of what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from katib_codegen.errors import SourceError
from katib_codegen.project import FACTS, FILE, Project, parse_project

Document = Mapping[str, Any]

PROTO = "api.proto"


@dataclass(frozen=True)
class Sources:
    """One API version as a person wrote it: parsed, nothing resolved."""

    project: Project
    version: str
    schemas: Mapping[str, Document]
    names: Document
    permissions: Document
    webhooks: Document
    proto: str

    @property
    def folder(self) -> str:
        return f"apis/{self.version}"


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeyLoader(_Loader):  # type: ignore[misc]
    """Refuses a mapping that says the same key twice: the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.constructor.ConstructorError(None, None, f"line {line}: the key {key!r} stands here twice")
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def load_project(root: Path) -> Project:
    """What the workspace prints; raises SourceError."""
    path = root / "apis" / FILE
    if not path.is_file():
        raise SourceError(f"apis/{FILE}: no such file under {root}; give the workspace with --root")
    return parse_project(_parse(path), {folder.name for folder in path.parent.iterdir() if folder.is_dir()})


def load(root: Path, version: str | None = None) -> Sources:
    """Every source of one version (of the stored one, unless said); raises SourceError if one is missing or no YAML."""
    project = load_project(root)
    version = version or project.stored.name
    folder = root / "apis" / version
    missing = [name for name in project.facts if not (folder / name).is_file()]
    if missing:
        raise SourceError(f"apis/{version}: {', '.join(missing)} is missing")
    documents = {path.name: _parse(path) for path in sorted(folder.glob("*.yaml"))}
    names, permissions, webhooks = (documents.pop(name, {}) for name in FACTS if name != PROTO)
    proto = (folder / PROTO).read_text(encoding="utf-8") if PROTO in project.facts else ""
    return Sources(project, version, documents, names, permissions, webhooks, proto)


def _parse(path: Path) -> Document:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 (a safe loader)
    except UnicodeDecodeError as error:
        raise SourceError(f"{path.name}: byte {error.start} is no UTF-8; save the file as UTF-8") from error
    except yaml.YAMLError as error:
        raise SourceError(f"{path.name}: {_in_one_line(error)}") from error
    if not isinstance(document, dict):
        raise SourceError(f"{path.name}: a mapping is wanted at the top")
    return document


def _in_one_line(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    mark = error.problem_mark or error.context_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{place}{error.problem or error.context}"
