"""Reads api.proto as far as rules need it: messages, enums, services, their members and numbers, each with its line.

protoc judges the syntax; what this reader does not know it passes over. What the files of several versions must not have
in common is said here, because no rule sees two versions.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from katib_codegen.complaints import Complaint, told
from katib_codegen.load import PROTO, Sources

_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|[A-Za-z_][\w.]*|\d+|\S|\n', re.DOTALL)
_WORDS_BEFORE_A_TYPE = ("repeated", "optional", "required")
_Token = tuple[str, int]


@dataclass(frozen=True)
class Member:
    """A field of a message, a value of an enum or a call of a service."""

    name: str
    number: int
    type: str
    line: int


@dataclass
class Block:
    """A message, an enum or a service, by its full name: Outer.Inner."""

    kind: str
    name: str
    line: int
    members: list[Member] = field(default_factory=list)
    reserved: list[tuple[int, int]] = field(default_factory=list)
    reserved_names: list[str] = field(default_factory=list)

    def reserves(self, member: Member) -> bool:
        """Whether the member's number or name is one that must not come back."""
        taken = any(first <= member.number <= last for first, last in self.reserved)
        return taken or member.name in self.reserved_names


def parse_proto(text: str) -> list[Block]:
    """Every block, outer ones before those inside them."""
    reader = _Reader(text)
    while reader.more():
        reader.statement("", None)
    return reader.blocks


def package(text: str) -> tuple[str, int]:
    """The package that the file names, and its line; without one, an empty name and the first line."""
    tokens = list(_tokens(text))
    pairs = zip([(";", 1), *tokens], tokens, tokens[1:], strict=False)
    return next((name for (end, _), (word, _), name in pairs if word == "package" and end in ";}"), ("", 1))


def shared_name_complaints(versions: Sequence[Sources]) -> list[str]:
    """What two files that differ have in common and one process, or one server, can have once. The newest comes first."""
    return [
        line
        for position, later in enumerate(versions)
        for earlier in versions[position + 1 :]
        if later.proto and earlier.proto and later.proto != earlier.proto
        for line in told(_shared_names(later, earlier), later.folder, later.lines)
    ]


def _shared_names(later: Sources, earlier: Sources) -> Iterator[Complaint]:
    name, line = package(later.proto)
    if name == package(earlier.proto)[0]:
        text = f"the package {name} is the one of {earlier.version}, whose {PROTO} is another"
        cure = f"name one of its own, such as {_own_package(later.version)}, or make both files the same"
        yield Complaint(PROTO, (), f"{text}; {cure}", line)
    if later.messages == earlier.messages:
        text = f"these messages are called {later.messages}, as those of {earlier.version} are, which are others"
        yield Complaint(PROTO, (), f"{text}; take `messages` from {later.version} in apis/project.yaml", 1)


def _own_package(version: str) -> str:
    return f"api.{re.sub(r'(?<=[0-9])(?=[a-z])', '.', version)}"


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0
        self.blocks: list[Block] = []

    def more(self) -> bool:
        return self._next < len(self._tokens)

    def statement(self, prefix: str, block: Block | None) -> None:
        """One statement: a block with what is in it, or whatever ends with a semicolon."""
        words = self._until_end()
        if words and self._ended_with == "{":
            inner = block
            if words[0][0] in ("message", "enum", "service", "oneof") and len(words) > 1:
                if words[0][0] != "oneof":
                    inner = Block(words[0][0], f"{prefix}{words[1][0]}", words[1][1])
                    self.blocks.append(inner)
            elif words[0][0] == "rpc" and block is not None:
                block.members += _call(words)
            inner_prefix = f"{inner.name}." if inner is not None else prefix
            while self.more() and self._tokens[self._next][0] != "}":
                self.statement(inner_prefix, inner)
            self._next += 1
        elif words and block is not None:
            _add(block, words)

    def _until_end(self) -> list[_Token]:
        words: list[_Token] = []
        self._ended_with = ""
        while self.more():
            token = self._tokens[self._next]
            if token[0] == "}":
                if not words:
                    self._next += 1
                return words
            self._next += 1
            if token[0] in (";", "{"):
                self._ended_with = token[0]
                return words
            words.append(token)
        return words


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        word = match.group()
        if word != "\n" and not word.startswith(("//", "/*")):
            yield word, line
        line += word.count("\n")


def _add(block: Block, words: list[_Token]) -> None:
    texts = [text for text, _ in words]
    if texts[0] in ("reserved", "extensions"):
        _reserve(block, texts[1:])
    elif texts[0] == "rpc":
        block.members += _call(words)
    elif "=" in texts and texts[0] != "option":
        at = texts.index("=")
        number = "".join(texts[at + 1 : at + 3]) if texts[at + 1 : at + 2] == ["-"] else "".join(texts[at + 1 : at + 2])
        if at and number.lstrip("-").isdigit():
            name, line = words[at - 1]
            block.members.append(Member(name, int(number), _spell(texts[: at - 1]), line))


def _spell(words: list[str]) -> str:
    """The type as one text: `repeated Trial`, `map<string, string>`."""
    if words and words[0] in _WORDS_BEFORE_A_TYPE:
        return f"{words[0]} {_spell(words[1:])}"
    return "".join(words).replace(",", ", ")


def _reserve(block: Block, words: list[str]) -> None:
    position = 0
    while position < len(words):
        word = words[position]
        if word.isdigit():
            last = int(word)
            if words[position + 1 : position + 2] == ["to"]:
                end = words[position + 2]
                last, position = (int(end) if end.isdigit() else 2**29), position + 2
            block.reserved.append((int(word), last))
        elif word.startswith('"'):
            block.reserved_names.append(word.strip('"'))
        position += 1


def _call(words: list[_Token]) -> Iterator[Member]:
    """rpc Name(Request) returns (Reply)"""
    texts = [text for text, _ in words]
    if len(texts) > 2:
        yield Member(texts[1], 0, " ".join(texts[2:]).replace("( ", "(").replace(" )", ")"), words[1][1])
