"""What breaks a promise of the last release, and what to do instead. Pure: promises and today's sources to breaks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from katib_codegen.complaints import Complaint, Path
from katib_codegen.dialect import BOUNDS
from katib_codegen.load import PROTO
from katib_codegen.model import Api
from katib_codegen.promises import TYPE_WORDS, Promises, promises
from katib_codegen.proto import parse_proto

_LATER = "take it away with the next version"


@dataclass(frozen=True)
class Break:
    """One promise that is not kept. `key` names it in the allow-list."""

    key: str
    file: str
    path: Path
    text: str
    line: int = 0

    def complaint(self) -> Complaint:
        """What is told about it."""
        return Complaint(self.file, self.path, f"{self.text} [{self.key}]", self.line)


def breaks(promised: Promises, api: Api) -> Iterator[Break]:
    """Every promise that the sources do not keep."""
    today = promises(api)
    yield from _kind_breaks(promised["kinds"], today["kinds"], api)
    for name, old in promised["types"].items():
        if name in api.definitions:
            yield from _type_breaks(_Place(api, name), old, today["types"][name])
        else:
            text = f"{name} is gone, and code names it; put it back, or give the new type that name"
            yield Break(f"removed {name}", old["file"], ("$defs",), text)
    yield from _name_breaks(promised["names"], today["names"])
    yield from _message_breaks(promised, today, api)


@dataclass(frozen=True)
class _Place:
    """A type or field of today's sources."""

    api: Api
    name: str
    field: str = ""

    def broken(self, how: str, text: str, *steps: str | int) -> Break:
        definition = self.api.definitions[self.name]
        place = f"{self.name}.{self.field}" if self.field else self.name
        path = (*definition.path, *(("properties", self.field) if self.field else ()), *steps)
        return Break(f"{how.format(place)}", definition.file, path, f"{place} {text}")


def _kind_breaks(old: Promises, new: Promises, api: Api) -> Iterator[Break]:
    for name in [name for name in old if name in api.definitions]:
        kind, file = old[name], api.definitions[name].file
        if name not in new:
            text = f"{name} is no kind any more, and clusters store such objects; write its x-katib-resource again"
            yield Break(f"removed kind {name}", file, api.definitions[name].path, text)
            continue
        for word in ("group", "plural", "singular", "scope"):
            if kind[word] != new[name][word]:
                text = f"{name} has the {word} {new[name][word]}; write {kind[word]} again, or add another kind"
                yield Break(f"changed {word} of {name}", file, ("x-katib-resource", word), text)
        for word in ("categories", "subresources"):
            for gone in [value for value in kind[word] if value not in new[name][word]]:
                text = f"{name} is without {gone} among its {word}; put it back: users ask for it by that word"
                yield Break(f"removed {gone} of {name}", file, ("x-katib-resource", word), text)


def _type_breaks(place: _Place, old: Promises, new: Promises) -> Iterator[Break]:
    yield from _value_breaks(place, old, new)
    fields = new.get("fields", {})
    for name, field in old.get("fields", {}).items():
        inner = _Place(place.api, place.name, name)
        if name in fields:
            yield from _value_breaks(inner, field, fields[name])
        else:
            text = f"is without {name}, which users' objects have; put it back, say that nothing reads it, and {_LATER}"
            yield place.broken(f"removed {{}}.{name}", text)
    for name in new.get("required", ()):
        if name not in old.get("required", ()):
            text = f"requires {name} now, which stored objects need not have; fill it in admission instead"
            yield place.broken(f"required {{}}.{name}", text, "required")


def _value_breaks(place: _Place, old: Promises, new: Promises) -> Iterator[Break]:
    if _kind_of(old) != _kind_of(new):
        text = f"is {_spell(new)} and was {_spell(old)}; keep its type, and add a field of another name beside it"
        yield place.broken("retyped {}", text, *(("type",) if "type" in new and "type" in old else ()))
        return
    for value in old.get("enum", ()):
        if value not in new.get("enum", [value]):
            text = f"has lost the value {value!r}; keep it in the enum, say what it is read as, and {_LATER}"
            yield place.broken(f"dropped {value} of {{}}", text, "enum")
    if "enum" in new and "enum" not in old:
        yield place.broken("narrowed {} by enum", "has known values only, and took any; remove the enum", "enum")
    if old.get("default") != new.get("default"):
        had, has = (f"the default {side['default']!r}" if "default" in side else "no default" for side in (old, new))
        text = f"has {has} and had {had}, which objects without the field rely on; put the old one back"
        yield place.broken("changed default of {}", f"{text}, or add a field that chooses", "default")
    yield from _narrowed(place, old, new)
    for word in [word for word in ("items", "values") if word in old]:
        yield from _value_breaks(place, old[word], new[word])


def _narrowed(place: _Place, old: Promises, new: Promises) -> Iterator[Break]:
    cure = "let admission refuse it where an object is new, or warn"
    for low, high in BOUNDS:
        if low in new and new[low] > old.get(low, new[low] - 1):
            text = f"has the {low} {new[low]} and had {old.get(low, 'none')}, so stored objects are refused"
            yield place.broken(f"narrowed {{}} by {low}", f"{text}; {cure}", low)
        if high in new and new[high] < old.get(high, new[high] + 1):
            text = f"has the {high} {new[high]} and had {old.get(high, 'none')}, so stored objects are refused"
            yield place.broken(f"narrowed {{}} by {high}", f"{text}; {cure}", high)
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        text = (
            f"has the pattern {new['pattern']} and had {old.get('pattern', 'none')}, so stored objects may be refused"
        )
        yield place.broken("narrowed {} by pattern", f"{text}; {cure}", "pattern")
    for position, rule in enumerate(new.get("rules", ())):
        if rule not in old.get("rules", ()):
            text = f"has a rule that the release did not have, so stored objects may be refused: {rule}; {cure}"
            yield place.broken(f"narrowed {{}} by rule {position}", text, "x-kubernetes-validations", position)


def _kind_of(value: Promises) -> Promises:
    """What says of which type the value is, at every depth."""
    kind = {word: value[word] for word in TYPE_WORDS if word in value}
    return kind | {word: _kind_of(value[word]) for word in ("items", "values") if word in value}


def _spell(value: Mapping[str, Any]) -> str:
    if "items" in value:
        return f"{value.get('list', 'a')} list of {_spell(value['items'])}"
    if "values" in value:
        return f"map of {_spell(value['values'])}"
    words = [str(value.get("format", "")), str(value.get("type", "number or text"))]
    return " ".join([word for word in words if word] + (["of any form"] if value.get("free") else []))


def _name_breaks(old: Promises, new: Promises) -> Iterator[Break]:
    for name, value in old.items():
        section, key = name.split(".", 1)
        cure = "users have it in manifests, queries or alerts: write the old one again, and add another entry beside it"
        if name not in new:
            yield Break(f"removed {name}", "names.yaml", (section,), f"{name} ({value}) is gone; {cure}")
        elif new[name] != value:
            text = f"{name} is {new[name]} and was {value}; {cure}"
            yield Break(f"changed {name}", "names.yaml", (section, key, "value"), text)


def _message_breaks(promised: Promises, today: Promises, api: Api) -> Iterator[Break]:
    lines = {block.name: block.line for block in parse_proto(api.sources.proto)}
    members = {
        f"{block.name}.{member.name}": member.line
        for block in parse_proto(api.sources.proto)
        for member in block.members
    }
    if promised["package"] != today["package"]:
        text = f"the package is {today['package']} and was {promised['package']}: no old peer finds a call; write the old one"
        yield Break("changed package", PROTO, (), text, 1)
    for name, old in promised["proto"].items():
        new = today["proto"].get(name)
        if new is None or new["kind"] != old["kind"]:
            yield Break(f"removed proto {name}", PROTO, (), f"the {old['kind']} {name} is gone; put it back", 1)
            continue
        for key, text, member in _member_breaks(name, old, new):
            yield Break(key, PROTO, (), text, members.get(f"{name}.{member}", lines[name]))


def _member_breaks(name: str, old: Promises, new: Promises) -> Iterator[tuple[str, str, str]]:
    """The key, the text, and the member in whose line it is told."""
    before, after = old.get("members", {}), new.get("members", {})
    numbers = {member["number"]: other for other, member in before.items() if member["number"]}
    for member, was in before.items():
        place, has = f"{name}.{member}", after.get(member)
        if has is None:
            text = f"{place} is gone, and old peers send it; put it back with the number {was['number']}, unread"
            yield f"removed proto {place}", (
                text if was["number"] else f"{place} is gone, and old peers call it; put it back"
            ), ""
        elif has["number"] != was["number"]:
            text = f"{place} has the number {has['number']} and had {was['number']}; write the old one: peers know numbers only"
            yield f"moved proto {place}", text, member
        elif has["type"] != was["type"]:
            text = f"{place} is {has['type']} and was {was['type']}; keep it, and add a member with a number of its own"
            yield f"retyped proto {place}", text, member
    for member, has in after.items():
        other = numbers.get(has["number"])
        if other is not None and other != member and member not in before:
            text = f"{name}.{member} has the number {has['number']}, which was {other}'s; write one that was never used"
            yield f"reused proto {name}.{member}", text, member
    for first, last in old.get("reserved", ()):
        if not any(low <= first and last <= high for low, high in new.get("reserved", ())):
            text = f"{name} does not reserve {first} to {last} any more; reserve them again: old peers mean something by them"
            yield f"unreserved proto {name} {first}", text, ""
