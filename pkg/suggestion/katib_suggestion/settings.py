"""Settings of algorithms: declared once as the fields of the algorithm's class, read from texts, refused with a cure.

@dataclass(frozen=True)
class Climb(Algorithm):
    pace: float = setting(0.1, above=0.0)

A field without `setting` is one too, with any value of its type.
"""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
LARGEST_SEED = 2**64 - 1
LONGEST_SHOWN = 80


class Configured(Protocol):
    """A dataclass whose fields are settings: a way to search, or to stop early."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    seed_names: ClassVar[tuple[str, ...]]
    note_names: ClassVar[tuple[str, ...]]
    lenient: ClassVar[bool]


S = TypeVar("S", bound=Configured)


class SettingError(ValueError):
    """A setting that cannot be used; the message names it, its value and what is allowed."""


@dataclass(frozen=True)
class Rule:
    """What a setting's value may be, beyond its type."""

    above: float | None = None
    below: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    choices: tuple[str, ...] = ()
    none: str | None = None
    """The text that means None."""
    aliases: tuple[str, ...] = ()

    def allows(self, value: float | str) -> bool:
        if isinstance(value, str):
            return not self.choices or value in self.choices
        return (
            (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
            and (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
        )

    def __str__(self) -> str:
        bounds = (
            ("greater than", self.above),
            ("less than", self.below),
            ("at least", self.at_least),
            ("at most", self.at_most),
        )
        said = [f"{words} {bound}" for words, bound in bounds if bound is not None]
        return f"one of {', '.join(self.choices)}" if self.choices else " and ".join(said)


def setting(default: T, **limits: Any) -> T:
    """A field that is a setting: its default, and the limits and other names of `Rule`."""
    value: T = field(default=default, metadata={"rule": Rule(**limits)})
    return value


def required(**limits: Any) -> Any:
    """A setting without a default, which must be given; before those that have one."""
    return field(metadata={"rule": Rule(**limits)})


def parse_settings(strategy: type[S], given: Sequence[tuple[str, str]]) -> tuple[S | None, int | None, list[str]]:
    """The algorithm with its settings, the seed if there is one, and everything that is wrong with the settings.

    There is no algorithm when something is wrong. A ValueError of its `__post_init__` says what is wrong with the settings
    together.
    """
    texts = dict(given)  # the last one wins (algorithms.md §2.8)
    errors: list[str] = []
    seed = _collect(errors, lambda: _parse_seed(strategy, texts))
    values: dict[str, Any] = {}
    kinds = get_type_hints(strategy)
    for entry, rule in _settings(strategy):
        found = [name for name in (entry.name, *rule.aliases) if name in texts]
        if len(found) > 1:
            errors.append(f"settings {' and '.join(found)} mean the same: give one of them")
        elif found:
            text, kind = texts[found[0]], kinds[entry.name]
            values[entry.name] = _collect(errors, lambda name=found[0]: _parse(name, text, kind, rule))  # noqa: B023
        elif entry.default is MISSING and entry.default_factory is MISSING:
            errors.append(f"setting {entry.name}: is missing: give {_allowed(kinds[entry.name], rule)}")
    if not strategy.lenient:
        errors += [_unknown(strategy, name, texts[name]) for name in unknown_settings(strategy, given)]
    built = None if errors else _collect(errors, lambda: _build(strategy, values))
    return built, seed, errors


def _build(strategy: type[S], values: Mapping[str, Any]) -> S:
    try:
        return strategy(**values)
    except ValueError as error:
        raise SettingError(f"{strategy.__name__} refuses them: {str(error) or type(error).__name__}") from error


def _settings(strategy: type[Configured]) -> list[tuple[Field[Any], Rule]]:
    """The fields that are settings, each with its rule."""
    return [(entry, entry.metadata.get("rule", Rule())) for entry in fields(strategy) if entry.init]


def find_mistake(strategy: type[Configured], taken: Container[str]) -> str:
    """The first mistake in the fields of a class, with its cure, for who wrote it; empty when they can be read.

    `taken` are names that mean something else.
    """
    try:
        kinds = get_type_hints(strategy)
    except Exception as error:  # whatever stands there is evaluated
        return f"the types of its fields cannot be read: {error}: import what they name"
    if "__dataclass_params__" not in vars(strategy):
        own = inspect.get_annotations(strategy)
        bare = [name for name in own if ClassVar not in (kinds[name], get_origin(kinds[name]))]
        return f"field {bare[0]}: is not read: write @dataclass(frozen=True) above the class" if bare else ""
    given = inspect.signature(strategy).parameters
    for entry, _ in _settings(strategy):
        if entry.name in taken:
            return f"field {entry.name}: this name means something else: choose another, or leave out the type"
        if entry.name not in given:
            return f"field {entry.name}: is no parameter of __init__: leave __init__ to the dataclass"
        if not _readable(kinds[entry.name]):
            return f"field {entry.name}: {_spelled(kinds[entry.name])} is no type of a setting: {_CURE}"
    return ""


def _spelled(kind: Any) -> str:
    return kind.__name__ if type(kind) is type else str(kind)


def _readable(kind: Any) -> bool:
    if get_origin(kind) in (Union, types.UnionType):
        return _plain(kind) in TYPES and set(get_args(kind)) == {_plain(kind), type(None)}
    return isinstance(kind, type) and kind in TYPES


def unknown_settings(strategy: type[Configured], given: Sequence[tuple[str, str]]) -> list[str]:
    """Names of settings that mean nothing to an algorithm."""
    known = {*_known(strategy), *strategy.note_names}
    return [name for name in dict(given) if name not in known]


def _known(strategy: type[Configured]) -> list[str]:
    spellings = [(entry.name, *rule.aliases) for entry, rule in _settings(strategy)]
    return sorted({*strategy.seed_names, *(name for names in spellings for name in names)})


def _unknown(strategy: type[Configured], name: str, text: str) -> str:
    wrong, known = f"setting {shown(name)}: no such setting (given {shown(text)})", _known(strategy)
    if not known:
        return f"{wrong}; there are none: remove it"
    return f"{wrong}; known are {', '.join(known)}{nearest(name, known) or ': take one of them or remove it'}"


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean …?` with the word that is most like one; nothing when none is like it."""
    from difflib import get_close_matches  # only mistakes need it

    found = get_close_matches(word, known, n=1)
    return f"; did you mean {found[0]}?" if found else ""


def _collect(errors: list[str], parse: Any) -> Any:
    try:
        return parse()
    except SettingError as error:
        errors.append(str(error))
        return None


def _parse_seed(strategy: type[Configured], texts: Mapping[str, str]) -> int | None:
    found = [name for name in strategy.seed_names if name in texts]
    if len(found) > 1:
        raise SettingError(f"settings {' and '.join(found)} mean the same: give one of them")
    if not found:
        return None
    value = _parse(found[0], texts[found[0]], int, Rule(at_least=0, at_most=LARGEST_SEED))
    return None if value is None else int(value)


def _parse(name: str, text: str, kind: Any, rule: Rule) -> float | str | None:
    if text == rule.none:
        return None
    wrong = SettingError(f"setting {name}: {shown(text)} is not {_allowed(kind, rule)}")
    try:
        value: float | str = TYPES[_plain(kind)][1](text)
    except ValueError as error:
        raise wrong from error
    if (isinstance(value, float) and not math.isfinite(value)) or not rule.allows(value):
        raise wrong
    return value


def _plain(kind: Any) -> Any:
    """The type of a value that is not None."""
    if get_origin(kind) in (Union, types.UnionType):
        return next(entry for entry in get_args(kind) if entry is not type(None))
    return kind


def _parse_flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


TYPES: Mapping[type, tuple[str, Callable[[str], Any]]] = {
    int: ("a whole number", int),
    float: ("a number", float),
    str: ("a text", str),
    bool: ("true or false", _parse_flag),
}
"""Types of settings: what each is called, and how it is read."""
_CURE = f"take {', '.join(kind.__name__ for kind in TYPES)}, or one of them | None; or make it a ClassVar"


def _allowed(kind: Any, rule: Rule) -> str:
    allowed = str(rule) if rule.choices else f"{TYPES[_plain(kind)][0]} {rule}".rstrip()
    return allowed if rule.none is None else f"{allowed}, or {rule.none}"


def shown(text: str) -> str:
    """A text for a message: quoted, and not longer than a reader wants."""
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")
