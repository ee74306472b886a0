"""A cache of frozen objects with indexes that are kept as objects come and go.

Knows keys and index functions; knows nothing of where objects come from. Everything happens on one event loop, so there
are no locks, and a reader that does not await sees one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from katib_machinery.objects import KubeObject, ObjectKey

T = TypeVar("T", bound=KubeObject)

IndexFunc = Callable[[T], Iterable[str]]

NAMESPACE = "namespace"
OWNER = "owner"


def by_namespace(obj: KubeObject) -> Iterable[str]:
    """The index that every cache has."""
    return (obj.namespace,)


def by_owner(obj: KubeObject) -> Iterable[str]:
    """Index of objects by the uid of the owner that controls them."""
    owner = obj.controller_owner
    return (owner.uid,) if owner else ()


class Indexer(Generic[T]):
    """Objects by key, and by any value that an index function reads from them. Whatever it returns is frozen."""

    def __init__(self, indexers: Mapping[str, IndexFunc[T]] | None = None) -> None:
        self._objects: dict[ObjectKey, T] = {}
        self._functions: dict[str, IndexFunc[T]] = {NAMESPACE: by_namespace, **(indexers or {})}
        # Dicts instead of sets: the order of an index is the order in which objects came, the same on each run.
        self._keys: dict[str, dict[str, dict[ObjectKey, None]]] = {name: {} for name in self._functions}
        self._values: dict[ObjectKey, dict[str, tuple[str, ...]]] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: ObjectKey) -> T | None:
        """The object of that key, or None."""
        return self._objects.get(key)

    def list(self, namespace: str | None = None) -> Sequence[T]:
        """All objects, of one namespace or of all."""
        return list(self._objects.values()) if namespace is None else self.by_index(NAMESPACE, namespace)

    def keys(self) -> Sequence[ObjectKey]:
        """The keys of all objects, as of now."""
        return list(self._objects)

    def by_index(self, index: str, value: str) -> Sequence[T]:
        """The objects for which the index function yields that value."""
        return [self._objects[key] for key in self._keys[index].get(value, ())]

    def put(self, obj: T) -> T | None:
        """Add or replace an object (already frozen); returns the one that it replaces."""
        key = obj.key
        old = self._objects.get(key)
        self._objects[key] = obj
        values = {name: tuple(function(obj)) for name, function in self._functions.items()}
        before = self._values.get(key, {})
        self._values[key] = values
        for name, now in values.items():
            if (then := before.get(name, ())) != now:
                self._reindex(name, key, then, now)
        return old

    def remove(self, key: ObjectKey) -> T | None:
        """Forget an object; returns it if it was here."""
        old = self._objects.pop(key, None)
        for name, then in self._values.pop(key, {}).items():
            self._reindex(name, key, then, ())
        return old

    def _reindex(self, name: str, key: ObjectKey, then: tuple[str, ...], now: tuple[str, ...]) -> None:
        index = self._keys[name]
        for value in then:
            if value not in now and (keys := index.get(value)) is not None:
                keys.pop(key, None)
                if not keys:
                    del index[value]
        for value in now:
            index.setdefault(value, {})[key] = None
