"""Copying and freezing of the values that objects are made of.

Knows dicts, lists and scalars, and any class that tells it how (`walk_copy`, `walk_freeze`). Knows nothing of models,
Kubernetes or caches. One reader of a cache must never be able to change what the next one sees; copying every object
for every reader would cost more than deciding does, so what lies in a cache is frozen instead.
"""

from __future__ import annotations

import copy
import enum
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

Walk = Callable[[Any], Any]


class FrozenError(TypeError):
    """Somebody tried to change an object of a cache. The cure is in the message."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is shared with a cache and cannot be changed: work on its deep_copy()")


class FrozenDict(dict[str, Any]):
    """A dict that refuses every change, yet equals, iterates and serialises like any other."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise FrozenError("this dict")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {key: deep_copy(value) for key, value in self.items()}

    def __reduce_ex__(self, protocol: Any) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return (dict, (dict(self),))


class FrozenList(list[Any]):
    """A list that refuses every change, yet equals, iterates and serialises like any other."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise FrozenError("this list")

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = sort = reverse = _refuse

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [deep_copy(value) for value in self]

    def __reduce_ex__(self, protocol: Any) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return (list, (list(self),))


_set_item = dict.__setitem__


def same(value: T) -> T:
    """The walk of what cannot be changed."""
    return value


def _copy_dict(value: dict[str, Any]) -> dict[str, Any]:
    # Most values are leaves, often None: copying them all at once and then walking the others is fastest.
    copied = dict(value)
    for key, item in value.items():
        if item is not None and (walk := COPIES[type(item)]) is not same:
            copied[key] = walk(item)
    return copied


def _copy_list(value: list[Any]) -> list[Any]:
    return [item if (walk := COPIES[type(item)]) is same else walk(item) for item in value]


def _freeze_dict(value: dict[str, Any]) -> FrozenDict:
    frozen = FrozenDict(value)
    for key, item in value.items():
        if item is not None and (walk := FREEZES[type(item)]) is not same:
            _set_item(frozen, key, walk(item))
    return frozen


def _freeze_list(value: list[Any]) -> FrozenList:
    return FrozenList([item if (walk := FREEZES[type(item)]) is same else walk(item) for item in value])


# Values of these types cannot be changed by anybody: sharing them is as good as copying them.
_IMMUTABLE = (str, int, float, bool, type(None), bytes, datetime, date, time, timedelta, Decimal, enum.Enum)


class _Walks(dict[type, Walk]):
    """Which walk a type takes; a type that was never seen is looked at once."""

    def __init__(self, method: str, on_dict: Walk, on_list: Walk) -> None:
        super().__init__()
        self._method, self._dict, self._list = method, on_dict, on_list

    def __missing__(self, kind: type) -> Walk:
        walk = self[kind] = self._find(kind)
        return walk

    def _find(self, kind: type) -> Walk:
        if (own := getattr(kind, self._method, None)) is not None:
            return own  # type: ignore[no-any-return]
        if issubclass(kind, _IMMUTABLE):
            return same
        if issubclass(kind, dict):
            return self._dict
        if issubclass(kind, list):
            return self._list
        return copy.deepcopy


COPIES = _Walks("walk_copy", _copy_dict, _copy_list)
FREEZES = _Walks("walk_freeze", _freeze_dict, _freeze_list)
FREEZES[FrozenDict] = FREEZES[FrozenList] = same


def deep_copy(value: T) -> T:
    """The same value, sharing nothing that can be changed with the original; what was frozen is thawed."""
    return COPIES[type(value)](value)  # type: ignore[no-any-return]


def freeze(value: T) -> T:
    """The same value, changeable by nobody. It takes its argument over: models in it are frozen where they stand."""
    return FREEZES[type(value)](value)  # type: ignore[no-any-return]
