"""The part of the GJSON path language that conditions of trial jobs are written in.

Knows how to read a path and how to follow it through a decoded JSON document. Must not know what a job, a Trial or
a condition is.

A path is a row of components joined by ``.`` or ``|``. The two differ in one place only: after ``#`` and ``#(…)#`` a
dot applies the rest to every element, up to the next ``|``, which goes back to the collected array.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias, assert_never

from katib_domain.gjson_text import PathSyntaxError, closing, split_top, unescape, unquote
from katib_domain.glob import glob_matches

__all__ = ["MISSING", "Missing", "PathSyntaxError", "find"]


class Missing:
    """Type of the one value that says "the path leads nowhere"; JSON's null is a value like any other."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


@dataclass(frozen=True)
class Key:
    """A member of an object, or an index of an array. ``pattern`` is set when the key has wildcards."""

    name: str
    pattern: str | None = None


@dataclass(frozen=True)
class Length:
    """``#`` at the end: the number of elements."""


@dataclass(frozen=True)
class Each:
    """The rest of a path for every element; elements in which it leads nowhere are left out."""

    steps: "tuple[Step, ...]"


@dataclass(frozen=True)
class Query:
    """What stands between the parentheses of ``#(…)``; an empty operator asks for existence."""

    steps: "tuple[Step, ...]"
    operator: str = ""
    value: str = ""


@dataclass(frozen=True)
class First:
    """``#(…)``: the first matching element."""

    query: Query


@dataclass(frozen=True)
class All:
    """``#(…)#``: an array of the matching elements."""

    query: Query


@dataclass(frozen=True)
class Gather:
    """``[p1,p2]``: an array of the results of several paths; it exists even when it is empty."""

    paths: "tuple[tuple[Step, ...], ...]"


@dataclass(frozen=True)
class This:
    """``@this``: the current value."""


Step: TypeAlias = Key | Length | Each | First | All | Gather | This

_OPERATORS: Final = ("==", "!=", "!%", "<=", ">=", "=", "<", ">", "%")


def find(document: Any, path: str) -> Any:
    """Return what ``path`` leads to in ``document``, or ``MISSING``; an empty path leads nowhere.

    Raises PathSyntaxError when the path cannot be read.
    """
    if not path:
        return MISSING
    return _follow(document, _parse(path))


@lru_cache(maxsize=512)
def _parse(path: str) -> tuple[Step, ...]:
    return tuple(_steps(path, path))


def _steps(text: str, path: str) -> list[Step]:
    """Read ``text``, a part of ``path``; the whole path is carried along for the error message."""
    steps: list[Step] = []
    rest: str | None = text
    while rest is not None:
        step, tail = _component(rest, path)
        steps.append(step)
        if tail == "":
            break
        separator, rest = tail[0], tail[1:]
        if separator == "." and isinstance(step, All | Length):
            if isinstance(step, Length):
                steps.pop()
            each, rest = _each(rest, path)
            steps.append(each)
    return steps


def _each(rest: str, path: str) -> tuple[Each, str | None]:
    """Take the part of ``rest`` that is meant for every element: up to the next pipe outside of brackets."""
    parts = split_top(rest, "|", path)
    steps = tuple(_steps(parts[0], path))
    return Each(steps), "|".join(parts[1:]) if len(parts) > 1 else None


def _component(text: str, path: str) -> tuple[Step, str]:
    """Split the first component off: the step it means, and the tail with its separator in front."""
    if text.startswith("#"):
        return _hash(text, path)
    if text.startswith("["):
        end = closing(text, 0, path)
        return Gather(_gathered(text[1:end], path)), _tail(text, end + 1, path)
    if text.startswith("@"):
        name = split_top(split_top(text, "|", path)[0], ".", path)[0]
        if name != "@this":
            raise PathSyntaxError(path, f"the modifier {name!r} is not supported")
        return This(), text[len(name) :]
    if text.startswith("{"):
        raise PathSyntaxError(path, "objects built with { } are not supported")
    return _key(text)


def _gathered(text: str, path: str) -> tuple[tuple[Step, ...], ...]:
    parts = split_top(text, ",", path)
    return tuple(tuple(_steps(part.strip(), path)) for part in parts if part.strip())


def _hash(text: str, path: str) -> tuple[Step, str]:
    if not text.startswith("#("):
        return (Length(), _tail(text, 1, path)) if text[1:2] in ("", ".", "|") else _key(text)
    end = closing(text, 1, path)
    query = _query(text[2:end].strip(), path)
    if text[end + 1 : end + 2] == "#":
        return All(query), _tail(text, end + 2, path)
    return First(query), _tail(text, end + 1, path)


def _tail(text: str, start: int, path: str) -> str:
    tail = text[start:]
    if tail and tail[0] not in ".|":
        raise PathSyntaxError(path, f"expected '.' or '|' before {tail!r}")
    return tail


def _key(text: str) -> tuple[Step, str]:
    end, wild = 0, False
    while end < len(text) and text[end] not in ".|":
        wild = wild or text[end] in "*?"
        end += 2 if text[end] == "\\" else 1
    word = text[:end]
    return Key(unescape(word), word if wild else None), text[end:]


def _query(text: str, path: str) -> Query:
    at, operator = _operator(text, path)
    left = text[:at].strip()
    steps = tuple(_steps(left, path)) if left else ()
    if not operator:
        return Query(steps)
    right = text[at + len(operator) :].strip()
    if not right.startswith('"') and ("&&" in right or "||" in right):
        raise PathSyntaxError(path, "a query has one comparison; chain filters with )#|#( instead of && or ||")
    return Query(steps, "==" if operator == "=" else operator, unquote(right, path))


def _operator(text: str, path: str) -> tuple[int, str]:
    """Find the first comparison outside of nested brackets and quotes."""
    at = 0
    while at < len(text):
        if text[at] in "([" or text[at] == '"':
            at = closing(text, at, path)
        for operator in _OPERATORS:
            if text.startswith(operator, at):
                return at, operator
        at += 2 if text[at] == "\\" else 1
    return len(text), ""


def _follow(value: Any, steps: Sequence[Step]) -> Any:
    for step in steps:
        value = _take(value, step)
    return value


def _take(value: Any, step: Step) -> Any:
    match step:
        case Key():
            return _member(value, step)
        case This():
            return value
        case Length():
            return len(value) if _is_array(value) else MISSING
        case Each():
            return _present(_follow(item, step.steps) for item in value) if _is_array(value) else MISSING
        case First():
            matching = (item for item in value if _matches(item, step.query)) if _is_array(value) else iter(())
            return next(matching, MISSING)
        case All():
            return [item for item in value if _matches(item, step.query)] if _is_array(value) else MISSING
        case Gather():
            return _present(_follow(value, steps) for steps in step.paths)
        case _:
            assert_never(step)


def _present(results: Any) -> list[Any]:
    return [result for result in results if result is not MISSING]


def _is_array(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _member(value: Any, key: Key) -> Any:
    if isinstance(value, Mapping):
        if key.pattern is None:
            return value.get(key.name, MISSING)
        return next((value[name] for name in value if glob_matches(str(name), key.pattern)), MISSING)
    if _is_array(value) and key.name.isascii() and key.name.isdigit():
        index = int(key.name)
        return value[index] if index < len(value) else MISSING
    return MISSING


def _matches(item: Any, query: Query) -> bool:
    plain = not isinstance(item, Mapping) and not _is_array(item)
    if plain and query.steps:
        return False
    left = item if plain else _follow(item, query.steps) if query.steps else MISSING
    if left is MISSING:
        return False
    return not query.operator or _compares(left, query.operator, query.value)


def _compares(left: Any, operator: str, right: str) -> bool:
    if isinstance(left, bool):
        return right in ("true", "false") and _ordered(int(left), operator, int(right == "true"))
    if isinstance(left, int | float):
        return _ordered(left, operator, _number(right))
    if isinstance(left, str):
        if operator in ("%", "!%"):
            return glob_matches(left, right) == (operator == "%")
        return _ordered(left, operator, right)
    return False


def _number(text: str) -> float:
    """Text that is no number counts as zero, as in the language's first implementation."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _ordered(left: Any, operator: str, right: Any) -> bool:
    match operator:
        case "==":
            return bool(left == right)
        case "!=":
            return bool(left != right)
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case ">=":
            return bool(left >= right)
        case _:
            return False
