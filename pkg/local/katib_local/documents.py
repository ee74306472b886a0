"""Reads YAML documents as values that JSON can hold, and says on which line each field stands. Pure.

Reads as kubectl does: a date is text, 1e-3 is a number. Must not know what an Experiment is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor

TAGS = "tag:yaml.org,2002:"
PLAIN = frozenset(TAGS + kind for kind in ("null", "bool", "int", "float", "str"))
MERGE = f"{TAGS}merge"
MOST_VALUES = 100_000
MOST_LEVELS = 100
INTEGER = re.compile(r"[-+]?(?:0b[01_]+|0[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$")
NUMBER = re.compile(
    r"(?:[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)


class InputError(Exception):
    """The input cannot be used; the message is one readable line (or one per error)."""


class RefusedError(InputError):
    """The cluster has not taken the input: nothing of it was stored."""


@dataclass(frozen=True)
class Document:
    """One document of a file: its value, and the text that it was read from."""

    file: str
    value: Any
    node: yaml.Node

    def line(self, field: str) -> int:
        """The line of a field such as `spec.parameters[2].name`, or of its nearest parent that is written."""
        return find_line(self.node, field)

    def refused(self, field: str, text: str) -> InputError:
        """An error about a field: it names file and line."""
        return InputError(f"{self.file}:{self.line(field)}: {text}")


class _Loader(yaml.SafeLoader):
    """Resolves plain text as kubectl does."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag in {f"{TAGS}null", f"{TAGS}bool", MERGE}]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(f"{TAGS}int", INTEGER, list("-+0123456789"))
_Loader.add_implicit_resolver(f"{TAGS}float", NUMBER, list("-+.0123456789"))


def read_documents(file: str, text: str) -> list[Document]:
    """The documents of a file that are not empty; raises InputError."""
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=_Loader) if node is not None]
        documents = [Document(file, _Reader(file).read(node), node) for node in nodes]
    except yaml.MarkedYAMLError as error:
        raise InputError(_syntax_error(file, error)) from error
    except yaml.YAMLError as error:
        raise InputError(f"{file}: is not YAML: {' '.join(str(error).split())}") from error
    except RecursionError:
        raise InputError(f"{file}: is nested too deeply: {MOST_LEVELS} levels are the most") from None
    return [document for document in documents if document.value is not None]


def _syntax_error(file: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    line = f":{mark.line + 1}" if mark else ""
    context = f" ({error.context})" if error.context else ""
    return (
        f"{file}{line}: is not YAML: {error.problem or 'cannot be parsed'}{context}; mend this line or the one above it"
    )


@dataclass
class _Reader:
    """Turns the nodes of one document into values; the first thing that JSON cannot hold raises InputError."""

    file: str
    left: int = MOST_VALUES
    parents: list[yaml.Node] = field(default_factory=list)

    def read(self, node: yaml.Node, place: str = "") -> Any:
        self.left -= 1
        if self.left < 0:
            raise InputError(f"{self.file}: grows to more than {MOST_VALUES} values by its aliases: write fewer")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        if any(node is parent for parent in self.parents):
            raise self._refused(node, place, "contains itself by an alias: write its values out")
        if len(self.parents) >= MOST_LEVELS:
            raise self._refused(node, "", f"is nested too deeply: {MOST_LEVELS} levels are the most")
        self.parents.append(node)
        try:
            if isinstance(node, yaml.SequenceNode) and node.tag == f"{TAGS}seq":
                return [self.read(entry, f"{place}[{index}]") for index, entry in enumerate(node.value)]
            if isinstance(node, yaml.MappingNode) and node.tag == f"{TAGS}map":
                return self._mapping(node, place)
        finally:
            self.parents.pop()
        raise self._refused(node, place, self._foreign(node))

    def _scalar(self, node: yaml.ScalarNode, place: str) -> Any:
        if node.tag not in PLAIN:
            raise self._refused(node, place, self._foreign(node))
        try:
            value = SafeConstructor().construct_object(node)
        except (ValueError, KeyError, ConstructorError):
            kind = node.tag.removeprefix(TAGS)
            raise self._refused(node, place, f"{node.value[:40]!r} cannot be read as {kind}: correct it") from None
        if isinstance(value, float) and not math.isfinite(value):
            raise self._refused(node, place, f"{node.value} is no number that JSON can hold: give a finite one")
        return value

    def _mapping(self, node: yaml.MappingNode, place: str) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                for part in self._merged(value_node, place):
                    merged = {**part, **merged}
                continue
            key = self._key(key_node, place)
            line = key_node.start_mark.line + 1
            if key in own:
                first = lines[key]
                raise self._refused(key_node, _below(place, key), f"stands here again, after line {first}: remove one")
            lines[key] = line
            own[key] = self.read(value_node, _below(place, key))
        return {**merged, **own}

    def _merged(self, node: yaml.Node, place: str) -> Iterator[dict[str, Any]]:
        for entry in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            part = self.read(entry, _below(place, "<<"))
            if not isinstance(part, dict):
                raise self._refused(entry, _below(place, "<<"), "merges something that is no mapping")
            yield part

    def _key(self, node: yaml.Node, place: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag not in PLAIN:
            raise self._refused(node, place, "has a key that is no plain text: put it in quotes")
        return str(node.value)

    def _foreign(self, node: yaml.Node) -> str:
        kind = node.tag.replace(TAGS, "!!")
        return f"has the type {kind}, which no field has: write text, a number, true, false, a list or a mapping"

    def _refused(self, node: yaml.Node, place: str, text: str) -> InputError:
        return InputError(f"{self.file}:{node.start_mark.line + 1}: {f'{place}: ' if place else ''}{text}")


def _below(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def find_line(node: yaml.Node, field: str) -> int:
    """The line (from 1) at which a field is written; for a missing field that of its nearest written parent."""
    found = node
    line = node.start_mark.line + 1
    for part in re.findall(r"[^.\[\]]+", field):
        step = _step(found, part)
        if step is None:
            break
        line, found = step
    return line


def find_text(node: yaml.Node, text: str) -> int | None:
    """The line (from 1) at which a text stands first in what the node says; None when no value or key holds it."""
    if isinstance(node, yaml.ScalarNode):
        return _line_within(node, text) if text in node.value else None
    parts = [part for entry in node.value for part in (entry if isinstance(entry, tuple) else (entry,))]
    return next((line for part in parts if (line := find_text(part, text)) is not None), None)


def _line_within(node: yaml.ScalarNode, text: str) -> int:
    """A text may go over many lines; where escapes hide what is sought, its first line is named."""
    first, last = node.start_mark.line, node.end_mark.line
    lines = (node.start_mark.buffer or "").split("\n")[first : last + 1]
    return 1 + next((first + index for index, line in enumerate(lines) if text in line), first)


def _step(node: yaml.Node, part: str) -> tuple[int, yaml.Node] | None:
    """The line and the value of a key or an index; None when it is not written."""
    if isinstance(node, yaml.MappingNode):
        pair = next(((key, value) for key, value in node.value if key.value == part), None)
        return (pair[0].start_mark.line + 1, pair[1]) if pair else None
    if isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
        return node.value[int(part)].start_mark.line + 1, node.value[int(part)]
    return None


def is_written(node: yaml.Node, field: str) -> bool:
    """Whether a field stands in the text itself."""
    found: yaml.Node = node
    for part in re.findall(r"[^.\[\]]+", field):
        step = _step(found, part)
        if step is None:
            return False
        found = step[1]
    return True
