"""Whether the numbers and names of api.proto are ones that old and new peers can share."""

import keyword
import re
from collections.abc import Iterator, Mapping

from katib_codegen.complaints import Complaint, near_hint
from katib_codegen.load import PROTO
from katib_codegen.model import Api
from katib_codegen.proto import Block, Member, parse_proto
from katib_codegen.rules.names import LONGEST, too_long
from katib_codegen.rules.nodes import fields_of, types
from katib_codegen.words import snake

_FIELD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_VALUE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_BLOCK = re.compile(r"[A-Z][A-Za-z0-9]*")
_PROTOBUFS_OWN = range(19000, 20000)


def message_complaints(api: Api) -> Iterator[Complaint]:
    """Numbers that stand twice or must not come back, and names in another case than protobuf's."""
    blocks = parse_proto(api.sources.proto)
    yield from _comment_complaints(api.sources.proto)
    yield from _pair_complaints(api, {block.name: block for block in blocks})
    for block in blocks:
        if not _BLOCK.fullmatch(block.name.rsplit(".", 1)[-1]):
            yield Complaint(PROTO, (), f"{block.kind} {block.name} is not in PascalCase; rename it", block.line)
        if block.kind == "enum" and block.members and block.members[0].number:
            text = f"{block.name} begins with {block.members[0].number}; its first value is 0, what absence means"
            yield Complaint(PROTO, (), text, block.members[0].line)
        if block.kind != "service":
            yield from _number_complaints(block)
        yield from _name_complaints(block)


def _comment_complaints(text: str) -> Iterator[Complaint]:
    """protoc's programs write comments into docstrings as they are."""
    for number, line in enumerate(text.split("\n"), start=1):
        for sign in [sign for sign in ('"""', "\\") if sign in line]:
            text = f"this line holds {sign}, which docstrings of printed modules cannot; write it in another way"
            yield Complaint(PROTO, (), text, number)


def _pair_complaints(api: Api, blocks: Mapping[str, Block]) -> Iterator[Complaint]:
    """Types whose message is not there, and members of messages that belong to no field."""
    for node in types(api):
        message = node.schema.get("x-katib-message")
        if message is None:
            for field in fields_of(node):
                if "x-katib-message-field" in field.schema:
                    text = (
                        f"has x-katib-message-field, and {node.place} becomes no message; write x-katib-message there"
                    )
                    yield field.complain(text, "x-katib-message-field")
            continue
        if message not in blocks:
            text = f"names the message {message}, which {PROTO} does not define{near_hint(message, blocks)}; name one"
            yield node.complain(text, "x-katib-message")
            continue
        fields = node.schema.get("properties", {})
        known = {str(field.get("x-katib-message-field", snake(name))) for name, field in fields.items()}
        for member in blocks[message].members:
            if member.name not in known and member.name.removesuffix("_set") not in known:
                text = f"has no field for {message}.{member.name}{near_hint(member.name, known)}; add one"
                cure = f"write x-katib-message-field: {member.name} at the field that it belongs to"
                yield node.complain(f"{text}, or {cure}", "x-katib-message")


def _number_complaints(block: Block) -> Iterator[Complaint]:
    taken: dict[int, Member] = {}
    for member in block.members:
        place = f"{block.name}.{member.name}"
        if member.number in taken:
            text = f"{place} has the number {member.number}, which is {taken[member.number].name}'s; write the next free one"
            yield Complaint(PROTO, (), f"{text}: {_free(block)}", member.line)
        elif block.reserves(member):
            text = f"{place} uses what is reserved, because old peers mean something else by it; write another name"
            yield Complaint(PROTO, (), f"{text}, and the number {_free(block)}", member.line)
        elif member.number in _PROTOBUFS_OWN or (block.kind == "message" and member.number < 1):
            text = f"{place} has the number {member.number}, which protobuf keeps for itself; write {_free(block)}"
            yield Complaint(PROTO, (), text, member.line)
        taken.setdefault(member.number, member)


def _free(block: Block) -> int:
    used = {member.number for member in block.members}
    return next(
        number
        for number in range(1, 2**29)
        if number not in used and not any(first <= number <= last for first, last in block.reserved)
    )


def _name_complaints(block: Block) -> Iterator[Complaint]:
    wanted, case = {"message": (_FIELD, "snake_case"), "enum": (_VALUE, "UPPER_CASE")}.get(
        block.kind, (_BLOCK, "PascalCase")
    )
    for position, member in enumerate(block.members):
        if len(member.name) > LONGEST:
            yield Complaint(PROTO, (), too_long(block.name, member.name), member.line)
        elif keyword.iskeyword(member.name):
            text = f"{block.name}.{member.name} is a keyword of Python, so no program there can give it by name"
            yield Complaint(PROTO, (), f"{text}; write another name", member.line)
        elif not wanted.fullmatch(member.name):
            yield Complaint(PROTO, (), f"{block.name}.{member.name} is not in {case}; rename it", member.line)
        if member.name in [other.name for other in block.members[:position]]:
            yield Complaint(PROTO, (), f"{block.name}.{member.name} stands there twice; rename one", member.line)
