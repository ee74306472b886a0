"""Which fields of an object somebody owns: paths, as Kubernetes writes them in managedFields. Pure.

A path is a tuple of `f:NAME` for a field, `k:{...}` for an entry of a list by its keys and `v:...` for one of a set;
`.` at its end means the entry itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.kubernetes_types import Type, field_type, resolved, type_of

Json = dict[str, Any]
Path = tuple[str, ...]
KEY_DEFAULTS = {"protocol": "TCP"}
NOBODYS = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
)


def whole_type(kind: Kind) -> Type:
    """The type of a kind, its custom schema included."""
    known = type_of(kind)
    if kind.schema is None:
        return known
    return {**kind.schema, "properties": {**(kind.schema.get("properties") or {}), **known["properties"]}}


def owned_paths(kind: Kind, document: Mapping[str, Any], subresource: str) -> frozenset[Path]:
    """The fields of an object that somebody can own: its status apart from all the rest."""
    apart = ("apiVersion", "kind")
    if subresource == "status":
        kept = {key: value for key, value in document.items() if key == "status"}
    else:
        kept = {key: value for key, value in document.items() if key not in (*apart, *kind.subresources)}
        metadata = document.get("metadata") or {}
        kept["metadata"] = {key: value for key, value in metadata.items() if key not in NOBODYS}
    return frozenset(path for path in _paths(kept, whole_type(kind), ()) if path != ("f:metadata",))


def _paths(value: Any, found: Type, before: Path) -> Iterator[Path]:
    parts = list(children(value, found))
    if not parts:
        yield before
    for element, part, inner in parts:
        if element.startswith("k:"):
            yield (*before, element, ".")
        yield from _paths(part, inner, (*before, element))


def children(value: Any, found: Type) -> Iterator[tuple[str, Any, Type]]:
    """The parts of a value that can be owned one by one, with their types."""
    found = resolved(found)
    if isinstance(value, Mapping) and found.get("x-kubernetes-map-type") != "atomic":
        for key, part in value.items():
            yield f"f:{key}", part, _field(found, key)
    elif isinstance(value, list) and (name := _element_form(found)):
        for entry in value:
            yield name(entry), entry, found.get("items") or {}


def _field(found: Type, key: str) -> Type:
    inner = field_type(found, key)
    return inner if isinstance(inner, Mapping) else {}


def _element_form(found: Type) -> Any:
    """How entries of a list are told apart; None when they are not, and the list is owned as a whole."""
    match found.get("x-kubernetes-list-type"):
        case "map":
            keys = found.get("x-kubernetes-list-map-keys") or ()
            return lambda entry: "k:" + _text({key: entry.get(key, KEY_DEFAULTS.get(key)) for key in keys})
        case "set":
            return lambda entry: "v:" + _text(entry)
        case _:
            return None


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def value_at(value: Any, found: Type, path: Path) -> Any:
    """What stands at a path; None when nothing does."""
    for step in path:
        if step == ".":
            return True
        value, found = next(
            ((part, inner) for element, part, inner in children(value, found) if element == step), (None, {})
        )
    return value


def merged(live: Any, wanted: Any, found: Type) -> Any:
    """The live value with everything that is wanted; entries of lists that are not wanted stay."""
    resolved_type = resolved(found)
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        if resolved_type.get("x-kubernetes-map-type") == "atomic":
            return wanted
        return {
            **live,
            **{key: merged(live.get(key), part, _field(resolved_type, key)) for key, part in wanted.items()},
        }
    if isinstance(wanted, list) and isinstance(live, list) and _element_form(resolved_type):
        entries = {element: entry for element, entry, _ in children(live, found)}
        for element, part, inner in children(wanted, found):
            entries[element] = merged(entries.get(element), part, inner)
        return list(entries.values())
    return wanted


def without(value: Any, found: Type, gone: Iterable[Path]) -> Any:
    """The value without what stands at some paths; an entry of a list goes as a whole when its own path is one."""
    below: dict[str, list[Path]] = {}
    for path in gone:
        below.setdefault(path[0], []).append(path[1:])
    kept: list[tuple[str, Any]] = []
    for element, part, inner in children(value, found):
        ends = below.get(element, [])
        if () in ends or (".",) in ends:
            continue
        kept.append((element, without(part, inner, ends) if ends else part))
    if isinstance(value, Mapping):
        return {element[2:]: part for element, part in kept}
    return [part for _, part in kept]


def left_alone(gone: Iterable[Path], kept: Iterable[Path]) -> frozenset[Path]:
    """The paths of which nothing below is kept: an empty object that has been filled is not gone."""
    above = {path[:length] for path in kept for length in range(1, len(path) + 1)}
    return frozenset(path for path in gone if path not in above and (path[-1] != "." or path[:-1] not in above))


def render_fields(paths: Iterable[Path]) -> Json:
    """Paths as the tree that managedFields keeps."""
    tree: Json = {}
    for path in sorted(paths):
        place = tree
        for step in path:
            place = place.setdefault(step, {})
    return tree


def parse_fields(tree: Mapping[str, Any]) -> frozenset[Path]:
    """The paths of such a tree; what is no path of ours is passed over."""
    found: set[Path] = set()
    for step, inner in tree.items():
        if step == ".":
            found.add((".",))
        elif step[:2] in ("f:", "k:", "v:"):
            found |= {(step, *path) for path in parse_fields(inner)} or {(step,)}
    return frozenset(found)
