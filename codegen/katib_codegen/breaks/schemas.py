"""Promises about types and fields: what stored objects hold, what users write, and what programs are compiled against."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from katib_codegen.breaks.broken import LATER, Break
from katib_codegen.breaks.wider import admits_all_of
from katib_codegen.complaints import Path
from katib_codegen.dialect import BOUNDS
from katib_codegen.model import Api
from katib_codegen.promises import TYPE_WORDS, Promises
from katib_codegen.public import public_types

_ADMIT = "let admission refuse it where an object is new, or warn"
_ARGUMENTS = "programs that give the SDK's class arguments without their names would give other ones"


@dataclass(frozen=True)
class _Place:
    """A type, a field, or what a list or map holds, in today's sources."""

    api: Api
    type: str
    name: str
    path: Path

    def broken(self, how: str, text: str, *steps: str | int) -> Break:
        """`how` is the key, with {} for the place."""
        definition = self.api.definitions[self.type]
        path = (*definition.path, *self.path, *steps)
        return Break(how.replace("{}", self.name), definition.file, path, f"{self.name} {text}")

    def below(self, mark: str, *steps: str) -> "_Place":
        return replace(self, name=f"{self.name}{mark}", path=(*self.path, *steps))


def schema_breaks(old: Promises, new: Promises, api: Api) -> Iterator[Break]:
    """Types that are gone, and types and fields that take less or mean something else."""
    published = {public.definition.name for public in public_types(api)} if api.project.sdk else set()
    for name, was in old.items():
        if name in new:
            yield from _type_breaks(_Place(api, name, name, ()), was, new[name], name in published)
        else:
            text = f"{name} is gone, and code names it; put it back, or give the new type that name"
            yield Break(f"removed {name}", was["file"], ("$defs",), text)


def _type_breaks(place: _Place, old: Promises, new: Promises, published: bool) -> Iterator[Break]:
    yield from _value_breaks(place, old, new)
    if old.get("origin") != new.get("origin"):
        text = f"is from {new.get('origin', 'ours')} and was from {old.get('origin', 'ours')}, and the SDKs name it so"
        yield place.broken("changed origin of {}", f"{text}; write the old one", "x-katib-from")
    if "document" in old and old["document"] != new.get("document"):
        text = f"is the document {new.get('document', 'of no name')} and was {old['document']}, which files begin with"
        yield place.broken("changed document {}", f"{text}; write the old one", "x-kubernetes-group-version-kind")
    yield from _class_breaks(place, old, new)
    before, fields = old.get("fields", {}), new.get("fields", {})
    for name, field in before.items():
        if name in fields:
            inner = place.below(f".{name}", "properties", name)
            yield from _value_breaks(inner, field, fields[name])
            yield from _sdk_breaks(inner, field, fields[name])
        else:
            text = f"is without {name}, which users' objects have; put it back, say that nothing reads it, and {LATER}"
            yield place.broken(f"removed {{}}.{name}", text)
    for name in [name for name in fields if name not in before and published]:
        if fields[name].get("sdk") != "added":
            text = f"is new and takes a place among the SDK's arguments: {_ARGUMENTS}; write x-katib-sdk: added"
            yield place.below(f".{name}", "properties", name).broken("placed {}", text)


def _class_breaks(place: _Place, old: Promises, new: Promises) -> Iterator[Break]:
    """What programs call by name: the class in place of a printed one, and the converters."""
    for word, what, keyword in (("python", "class", "x-katib-python"), ("message", "message", "x-katib-message")):
        if word in old and old[word] != new.get(word):
            text = f"has {new.get(word, f'no {what}')} and had {old[word]}, which programs rely on; write the old one"
            yield place.broken(f"changed {what} of {{}}", text, keyword)


def _sdk_breaks(place: _Place, old: Promises, new: Promises) -> Iterator[Break]:
    if old.get("sdk") == new.get("sdk"):
        return
    if new.get("sdk") == "required":
        text = "is required by the SDK's class now, and programs leave it out; let admission say that it is missing"
        yield place.broken("required by the SDK {}", text, "x-katib-sdk")
    elif "added" in (old.get("sdk"), new.get("sdk")):
        text = f"has another place among the SDK's arguments: {_ARGUMENTS}; write the x-katib-sdk that it had"
        yield place.broken("placed {}", text, "x-katib-sdk")


def _value_breaks(place: _Place, old: Promises, new: Promises) -> Iterator[Break]:
    if _kind_of(old) != _kind_of(new):
        text = f"is {_spell(new)} and was {_spell(old)}; keep its type, and add a field of another name beside it"
        yield place.broken("retyped {}", text, *(("type",) if "type" in new and "type" in old else ()))
        return
    for value in old.get("enum", ()):
        if value not in new.get("enum", [value]):
            text = f"has lost the value {value!r}; keep it in the enum, say what it is read as, and {LATER}"
            yield place.broken(f"dropped {value} of {{}}", text, "enum")
    if old.get("default") != new.get("default"):
        had, has = (f"the default {side['default']!r}" if "default" in side else "no default" for side in (old, new))
        text = f"has {has} and had {had}, which objects without the field rely on; put the old one back"
        yield place.broken("changed default of {}", f"{text}, or add a field that chooses", "default")
    if "unit" in old and old["unit"] != new.get("unit"):
        text = (
            f"counts {new.get('unit', 'nothing')} and counted {old['unit']}; stored numbers would mean something else"
        )
        cure = "write the old unit, and add a field of another name"
        yield place.broken("changed unit of {}", f"{text}: {cure}", "x-katib-unit")
    yield from _required(place, old, new)
    yield from _narrowed(place, old, new)
    for word, keyword, mark in (("items", "items", "[]"), ("values", "additionalProperties", "{}")):
        if word in old:
            yield from _value_breaks(place.below(mark, keyword), old[word], new[word])


def _required(place: _Place, old: Promises, new: Promises) -> Iterator[Break]:
    for name in new.get("required", ()):
        if name not in old.get("required", ()):
            text = f"requires {name} now, which stored objects need not have; fill it in admission instead"
            yield place.broken(f"required {{}}.{name}", text, "required")
    for name in new.get("needed", ()):
        if name not in old.get("needed", ()):
            text = f"is not admitted without {name} now, and users' manifests need not have it; give it a default"
            yield place.broken(f"needed {{}}.{name}", text, "x-katib-required")


def _narrowed(place: _Place, old: Promises, new: Promises) -> Iterator[Break]:
    if "enum" in new and "enum" not in old:
        yield place.broken("narrowed {} by enum", "has known values only, and took any; remove the enum", "enum")
    for low, high in BOUNDS:
        for word, sign in ((low, 1), (high, -1)):
            if word in new and (word not in old or sign * new[word] > sign * old[word]):
                text = f"has the {word} {new[word]} and had {old.get(word, 'none')}, so stored objects are refused"
                yield place.broken(f"narrowed {{}} by {word}", f"{text}; {_ADMIT}", word)
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        had = old.get("pattern", "none")
        text = f"has the pattern {new['pattern']} and had {had}, so stored objects may be refused"
        yield place.broken("narrowed {} by pattern", f"{text}; {_ADMIT}", "pattern")
    for position, rule in enumerate(new.get("rules", ())):
        if rule not in old.get("rules", ()):
            text = f"has a rule that the release did not have, so stored objects may be refused: {rule}; {_ADMIT}"
            yield place.broken(f"narrowed {{}} by rule {position}", text, "x-kubernetes-validations", position)
    for position, rule in enumerate(new.get("asks", ())):
        if not any(admits_all_of(rule, was) for was in old.get("asks", ())):
            text = "asks in admission what no rule of the release is known to ask"
            text = f"{text}, so users' manifests may be refused; let admission warn"
            yield place.broken(f"narrowed {{}} by admission {position}", text, "x-katib-rules", position)


def _kind_of(value: Promises) -> Promises:
    """What says of which type the value is, at every depth."""
    kind = {word: value[word] for word in TYPE_WORDS if word in value}
    return kind | {word: _kind_of(value[word]) for word in ("items", "values") if word in value}


def _spell(value: Mapping[str, Any]) -> str:
    """The type in words, with all by which two may differ."""
    marks = [f"by {', '.join(value['keys'])}"] if "keys" in value else []
    if "items" in value:
        return " ".join([f"{value.get('list', 'a')} list of {_spell(value['items'])}", *marks])
    if "values" in value:
        return " ".join([f"{value.get('map', '')} map of {_spell(value['values'])}".strip(), *marks])
    words = [str(value.get(word, "")) for word in ("map", "format")] + [str(value.get("type", "number or text"))]
    marks += ["of any form"] if value.get("free") else []
    marks += [f"that extends {', '.join(value['extends'])}"] if "extends" in value else []
    return " ".join([*(word for word in words if word), *marks])
