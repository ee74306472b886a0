"""Promises about api.proto: what old peers send, call and mean by a number."""

from collections.abc import Iterator

from katib_codegen.breaks.broken import Break
from katib_codegen.load import PROTO
from katib_codegen.model import Api
from katib_codegen.project import FILE
from katib_codegen.promises import Promises
from katib_codegen.proto import package, parse_proto


def message_breaks(promised: Promises, today: Promises, api: Api) -> Iterator[Break]:
    """Blocks, members and reserved numbers that are gone, and members that mean something else."""
    blocks = parse_proto(api.sources.proto)
    lines = {block.name: block.line for block in blocks}
    members = {f"{block.name}.{member.name}": member.line for block in blocks for member in block.members}
    if promised["package"] != today["package"]:
        text = f"the package is {today['package']} and was {promised['package']}: no old peer finds a call; write the old one"
        yield Break("changed package", PROTO, (), text, package(api.sources.proto)[1])
    if promised["messages"] != today["messages"] and today["proto"]:
        text = f"these messages are called {today['messages']} and were {promised['messages']}, and no program can have"
        cure = f"give {api.version} messages: {promised['messages']}"
        yield Break("changed messages", FILE, ("versions", api.version), f"{text} both; {cure}")
    for name, old in promised["proto"].items():
        new = today["proto"].get(name)
        if new is None or new["kind"] != old["kind"]:
            yield Break(f"removed proto {name}", PROTO, (), f"the {old['kind']} {name} is gone; put it back", 1)
            continue
        for key, text, member in [*_member_breaks(name, old, new), *_reserved_breaks(name, old, new)]:
            yield Break(key, PROTO, (), text, members.get(f"{name}.{member}", lines[name]))


def _member_breaks(name: str, old: Promises, new: Promises) -> Iterator[tuple[str, str, str]]:
    """The key, the text, and the member in whose line it is told."""
    before, after = old.get("members", {}), new.get("members", {})
    if old["kind"] == "service":
        yield from _call_breaks(name, before, after)
        return
    numbers = {member["number"]: other for other, member in before.items()}
    reused = {has["number"]: member for member, has in after.items() if member not in before}
    for member, was in before.items():
        place, has, number = f"{name}.{member}", after.get(member), was["number"]
        if has is None and number not in reused:
            text = f"{place} is gone, and old peers send it; put it back with the number {number}, unread"
            yield f"removed proto {place}", text, ""
        elif has is not None and has["number"] != number:
            text = (
                f"{place} has the number {has['number']} and had {number}; write the old one: peers know numbers only"
            )
            yield f"moved proto {place}", text, member
        elif has is not None and has["type"] != was["type"]:
            text = f"{place} is {has['type']} and was {was['type']}; keep it, and add a member with a number of its own"
            yield f"retyped proto {place}", text, member
    for number, member in reused.items():
        if number in numbers:
            text = f"{name}.{member} has the number {number}, which was {numbers[number]}'s"
            cure = f"keep {numbers[number]}, and write a number that was never used"
            yield f"reused proto {name}.{member}", f"{text}; {cure}", member


def _call_breaks(name: str, before: Promises, after: Promises) -> Iterator[tuple[str, str, str]]:
    for call, was in before.items():
        place = f"{name}.{call}"
        if call not in after:
            yield f"removed proto {place}", f"{place} is gone, and old peers call it; put it back", ""
        elif after[call]["type"] != was["type"]:
            text = f"{place} is {after[call]['type']} and was {was['type']}; keep it, and add a call of another name"
            yield f"retyped proto {place}", text, call


def _reserved_breaks(name: str, old: Promises, new: Promises) -> Iterator[tuple[str, str, str]]:
    for first, last in old.get("reserved", ()):
        if not any(low <= first and last <= high for low, high in new.get("reserved", ())):
            text = f"{name} does not reserve {first} to {last} any more; reserve them again: old peers mean something by them"
            yield f"unreserved proto {name} {first}", text, ""
    for word in old.get("reserved_names", ()):
        if word not in new.get("reserved_names", ()):
            text = f"{name} does not reserve the name {word} any more; reserve it again: old peers mean something by it"
            yield f"unreserved proto {name} {word}", text, ""
