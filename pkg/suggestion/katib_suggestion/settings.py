"""Settings of algorithms: declared once as the fields of the algorithm's class, read from texts, refused with a cure.

@dataclass(frozen=True)
class Climb(Algorithm):
    pace: float = setting(0.1, above=0.0)
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from katib_suggestion.search import Algorithm

T = TypeVar("T")
LARGEST_SEED = 2**64 - 1
LONGEST_SHOWN = 80


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


def parse_settings(
    algorithm: type[Algorithm], given: Sequence[tuple[str, str]]
) -> tuple[Algorithm, int | None, list[str]]:
    """The algorithm with its settings, the seed if there is one, and everything that is wrong with the settings."""
    texts = dict(given)  # the last one wins (algorithms.md §2.8)
    errors: list[str] = []
    seed = _collect(errors, lambda: _parse_seed(algorithm, texts))
    values: dict[str, Any] = {}
    kinds = get_type_hints(algorithm)
    known = set(algorithm.seed_names)
    for entry in fields(algorithm):
        rule: Rule = entry.metadata["rule"]
        spellings = (entry.name, *rule.aliases)
        known.update(spellings)
        found = [name for name in spellings if name in texts]
        if len(found) > 1:
            errors.append(f"settings {' and '.join(found)} mean the same: give one of them")
        elif found:
            text, kind = texts[found[0]], kinds[entry.name]
            values[entry.name] = _collect(errors, lambda name=found[0]: _parse(name, text, kind, rule))  # noqa: B023
    errors += [_unknown(name, known) for name in texts if name not in known]
    return (algorithm() if errors else algorithm(**values)), seed, errors


def _collect(errors: list[str], parse: Any) -> Any:
    try:
        return parse()
    except SettingError as error:
        errors.append(str(error))
        return None


def _unknown(name: str, known: set[str]) -> str:
    return f"setting {shown(name)}: no such setting; known are {', '.join(sorted(known))}"


def _parse_seed(algorithm: type[Algorithm], texts: Mapping[str, str]) -> int | None:
    found = [name for name in algorithm.seed_names if name in texts]
    if len(found) > 1:
        raise SettingError(f"settings {' and '.join(found)} mean the same: give one of them")
    if not found:
        return None
    value = _parse(found[0], texts[found[0]], int, Rule(at_least=0, at_most=LARGEST_SEED))
    return int(value)


def _parse(name: str, text: str, kind: Any, rule: Rule) -> float | str:
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(entry for entry in get_args(kind) if entry is not type(None))
    words = {int: "a whole number", float: "a number", str: "a text"}[kind]
    try:
        value: float | str = kind(text)
    except ValueError as error:
        raise SettingError(f"setting {name}: {shown(text)} is not {_allowed(words, rule)}") from error
    if (isinstance(value, float) and not math.isfinite(value)) or not rule.allows(value):
        raise SettingError(f"setting {name}: {shown(text)} is not {_allowed(words, rule)}")
    return value


def _allowed(words: str, rule: Rule) -> str:
    if rule.choices:
        return str(rule)
    return f"{words} {rule}".rstrip()


def shown(text: str) -> str:
    """A text for a message: quoted, and not longer than a reader wants."""
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")
