"""Reads the hand-written sources under apis/<version>/. Knows files and YAML; knows nothing of what they mean."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from filecmp import cmp
from pathlib import Path
from typing import Any

import yaml

from katib_codegen.complaints import Complaint, Lines, refused
from katib_codegen.errors import SourceError
from katib_codegen.project import FACTS, FILE, Project, parse_project
from katib_codegen.rules.scalars import scalar_complaints
from katib_codegen.rules.text import text_complaints

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
    messages: str = PROTO
    """The name under which api.proto is known in a process: no two that differ may have the same."""
    lines: Mapping[str, Lines] = field(default_factory=dict, compare=False, repr=False)

    @property
    def folder(self) -> str:
        return f"apis/{self.version}"


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeyLoader(_Loader):  # type: ignore[misc]
    """Refuses a mapping that says the same key twice: the first would be lost without a word."""

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError as error:
            problem = f"{node.value} looks like a time and is none; write it in quotes"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            key, line = self.construct_object(key_node, deep=True), key_node.start_mark.line + 1
            if key in seen:
                problem = f"the key {key!r} stands here twice, first in line {seen[key]}; remove one"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen[key] = line
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


_UniqueKeyLoader.add_constructor("tag:yaml.org,2002:timestamp", _UniqueKeyLoader.construct_yaml_timestamp)


def load_project(root: Path) -> Project:
    """What the workspace prints; raises SourceError."""
    path = root / "apis" / FILE
    if not path.is_file():
        raise SourceError(f"apis/{FILE}: no such file under {root}; give the workspace with --root")
    texts, complaints = _texts([path])
    complaints += [
        Complaint(other.name, (), "nobody reads this file; move it into the folder of a version, or remove it", 1)
        for other in sorted(path.parent.iterdir())
        if not other.is_dir() and other != path and not _is_nobodys(other)
    ]
    documents, lines = _documents(texts, complaints, "apis")
    folders = {folder.name for folder in path.parent.iterdir() if folder.is_dir()}
    return parse_project(documents[FILE], folders, lines)


def load(root: Path, version: str | None = None) -> Sources:
    """Every source of one version (of the stored one, unless said); raises SourceError if one is missing or no YAML."""
    project = load_project(root)
    return _load(root, project, version or project.stored.name)


def load_all(root: Path) -> list[Sources]:
    """Every source of every version, the newest first; raises SourceError as `load` does."""
    project = load_project(root)
    return [_load(root, project, version.name) for version in project.versions]


def _load(root: Path, project: Project, version: str) -> Sources:
    folder = root / "apis" / version
    missing = [name for name in project.facts if not (folder / name).is_file()]
    if missing:
        raise SourceError(
            f"apis/{version}: {', '.join(missing)} is missing; add it, or take it out of facts in apis/{FILE}"
        )
    proto = [folder / PROTO] if PROTO in project.facts else []
    texts, complaints = _texts([*sorted(folder.glob("*.yaml")), *proto])
    complaints += _unread(folder, project.facts)
    documents, lines = _documents(texts, complaints, f"apis/{version}")
    names, permissions, webhooks = (documents.pop(name, {}) for name in FACTS if name != PROTO)
    messages = _messages(root, project, version) if proto else PROTO
    return Sources(project, version, documents, names, permissions, webhooks, texts.get(PROTO, ""), messages, lines)


def _is_nobodys(path: Path) -> bool:
    """Whether nobody takes the file for a source: one for people, or one that an editor or a system left."""
    return path.name == "README.md" or path.name.startswith(".") or path.name.endswith("~")


def _unread(folder: Path, facts: Collection[str]) -> Iterator[Complaint]:
    """What lies in a version's folder and is no source: its author thinks that it counts."""
    for path in sorted(folder.iterdir()):
        name = path.name
        if name in FACTS and name not in facts:
            yield Complaint(name, (), f"nobody reads this file; name it under facts in apis/{FILE}, or remove it", 1)
        elif not (name.endswith(".yaml") or name in FACTS or _is_nobodys(path)):
            cure = f"call it {path.stem}.yaml if it holds schemas, or remove it"
            text = "nobody reads this folder; remove it" if path.is_dir() else f"nobody reads this file; {cure}"
            yield Complaint(name, (), text, 1)


def _messages(root: Path, project: Project, version: str) -> str:
    """Versions that have the very same api.proto share its name, because they share its messages."""
    protos = {one: root / "apis" / one.name / PROTO for one in project.versions}
    own = root / "apis" / version / PROTO
    alike = [one for one, path in protos.items() if path == own or _alike(path, own)]
    said = [one.messages for one in alike if one.messages]
    return said[0] if said else f"{alike[-1].name}/{PROTO}"


def _alike(path: Path, other: Path) -> bool:
    try:
        return cmp(path, other, shallow=False)
    except OSError:
        return False  # Whoever loads that version says that its file is missing, or cannot be read.


def _documents(
    texts: Mapping[str, str], complaints: list[Complaint], folder: str
) -> tuple[dict[str, Document], dict[str, Lines]]:
    """What the YAML files hold; raises SourceError with these complaints and those about them."""
    documents: dict[str, Document] = {}
    lines: dict[str, Lines] = {}
    for name, text in texts.items():
        found = list(text_complaints(name, text))
        if not found and name != PROTO:
            found = list(_parse(name, text, documents, lines))
        complaints += found
    if complaints:
        raise refused(complaints, folder, lines)
    return documents, lines


def _texts(paths: Iterable[Path]) -> tuple[dict[str, str], list[Complaint]]:
    """Each source as text, and a complaint for each that is none."""
    texts: dict[str, str] = {}
    complaints: list[Complaint] = []
    for path in paths:
        try:
            content = path.read_bytes()
            texts[path.name] = content.decode("utf-8")
        except OSError as error:
            text = f"it cannot be read ({error.strerror}); put a file here that you may read, or nothing"
            complaints.append(Complaint(path.name, (), text, 1))
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            text = f"byte {error.start} is no UTF-8; save the file as UTF-8"
            complaints.append(Complaint(path.name, (), text, line))
    return texts, complaints


def _parse(name: str, text: str, documents: dict[str, Document], lines: dict[str, Lines]) -> Iterator[Complaint]:
    """Adds the document and its lines; tells why it could not."""
    loader = _UniqueKeyLoader(text)
    try:
        node = loader.get_single_node()
        faults = list(scalar_complaints(name, node)) if node else []
        if faults:
            yield from faults
            return
        document = loader.construct_document(node) if node else None
    except yaml.YAMLError as error:
        yield _as_complaint(name, error)
        return
    finally:
        loader.dispose()
    if not isinstance(document, dict):
        yield Complaint(name, (), "this is no mapping; write `key: value` at the top", 1)
        return
    documents[name], lines[name] = document, Lines(node)


def _as_complaint(name: str, error: yaml.YAMLError) -> Complaint:
    if not isinstance(error, yaml.MarkedYAMLError):
        return Complaint(name, (), f"{' '.join(str(error).split())}; remove that character", 1)
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem or error.context)
    if not isinstance(error, yaml.constructor.ConstructorError):
        column = f" at column {mark.column + 1}" if mark else ""
        problem = (
            f"no YAML{column}: {problem}; look at the quotes, brackets and indentation of this line and the one above"
        )
    return Complaint(name, (), problem, mark.line + 1 if mark else 1)
