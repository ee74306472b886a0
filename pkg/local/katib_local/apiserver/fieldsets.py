"""Which fields of an object somebody owns: paths, as Kubernetes writes them in managedFields. Pure.

A path is a tuple of `f:NAME` for a field, `k:{...}` for an entry of a list by its keys and `v:...` for one of a set (`i:...`, an entry by its number, is shown and
never owned). The path of an object or a list with parts of its own stands for that it is there, and not for its parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from katib_local.apiserver.errors import shown
from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.kubernetes_types import Type, field_type, resolved, type_of
from katib_local.apiserver.values import ABSENT, same

Json = dict[str, Any]
Path = tuple[str, ...]
KEY_DEFAULTS = {"protocol": "TCP"}
ALWAYS_THERE = (
    *("metadata", "spec", "status", "template", "strategy", "resources", "roleRef", "names", "acceptedNames"),
    *(
        "lastState",
        "state",
        "involvedObject",
        "source",
        "clientConfig",
        "kubeletEndpoint",
        "daemonEndpoints",
        "nodeInfo",
    ),
    *("loadBalancer", "preference", "podAffinityTerm"),
)
"""Fields of Kubernetes' own types that are an empty object where nobody says anything of them."""
NOBODYS = (
    "name",
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
    """What somebody owns who says all that is in an object: its status apart from all the rest."""
    return frozenset(_paths(_ownable(kind, document, subresource), whole_type(kind), ()))


def _ownable(kind: Kind, document: Mapping[str, Any], subresource: str) -> Json:
    if subresource == "status":
        return {key: value for key, value in document.items() if key == "status"}
    apart = ("apiVersion", "kind", "metadata", *kind.subresources)
    metadata = {key: value for key, value in (document.get("metadata") or {}).items() if key not in NOBODYS}
    kept = {key: value for key, value in document.items() if key not in apart}
    return {**kept, **({"metadata": metadata} if metadata else {})}


def _paths(value: Any, found: Type, before: Path) -> Iterator[Path]:
    fields = resolved(found).get("properties") or {}
    for element, part, inner in children(value, found):
        path = (*before, element)
        below = list(_paths(part, inner, path))
        known = element.startswith("f:") and element[2:] in fields
        if not known or not (below or (part == [] and _told_apart(inner))):
            yield path
        yield from below


@dataclass(frozen=True)
class Difference:
    """The paths of what one state of an object has and the other has not, or has otherwise."""

    added: frozenset[Path]
    modified: frozenset[Path]
    removed: frozenset[Path]

    @property
    def written(self) -> frozenset[Path]:
        return self.added | self.modified


def difference(kind: Kind, old: Mapping[str, Any], new: Mapping[str, Any], subresource: str) -> Difference:
    """What is another in `new` than in `old`, as far as somebody can own it."""
    before, after = _ownable(kind, old, subresource), _ownable(kind, new, subresource)
    found: dict[str, set[Path]] = {"added": set(), "modified": set(), "removed": set()}
    for what, path in _differences(before, after, whole_type(kind), ()):
        found[what].add(path)
    return Difference(**{what: frozenset(paths) for what, paths in found.items()})


def _differences(before: Any, after: Any, found: Type, path: Path) -> Iterator[tuple[str, Path]]:
    held, wanted = (
        {element: (part, inner) for element, part, inner in children(value, found)} for value in (before, after)
    )
    both_there = before is not ABSENT and after is not ABSENT
    for element, (_, inner) in {**held, **wanted}.items():
        unsaid = _empty_form(found, element[2:]) if both_there else ABSENT
        was, (part, _) = held.get(element, (unsaid, inner))[0], wanted.get(element, (unsaid, inner))
        yield from _differences(was, part, inner, (*path, element))
    if before is ABSENT:
        yield "added", path
    elif after is ABSENT:
        yield "removed", path
    elif (type(before) is not type(after) or not (held or wanted)) and not same(before, after):
        yield "modified", path


def _empty_form(found: Type, name: str) -> Any:
    """What a field of one of Kubernetes' own types is when nobody says it: some are there from the beginning."""
    parent = resolved(found)
    field = (parent.get("properties") or {}).get(name) or {}
    if "$ref" in field and name in ALWAYS_THERE and not (name == "resources" and "containers" in parent["properties"]):
        return {}
    return [] if "$ref" in (field.get("items") or {}) and name in (parent.get("required") or ()) else ABSENT


def children(value: Any, found: Type) -> Iterator[tuple[str, Any, Type]]:
    """The parts of a value that can be owned one by one, with their types."""
    found = resolved(found)
    if isinstance(value, Mapping) and found.get("x-kubernetes-map-type") != "atomic":
        for key, part in value.items():
            yield f"f:{key}", part, field_of(found, key)
    elif isinstance(value, list) and (name := element_form(found)):
        for entry in value:
            yield name(entry), entry, found.get("items") or {}


def field_of(found: Type, key: str) -> Type:
    """The type of a field, one that says nothing where none is known."""
    inner = field_type(found, key)
    return inner if isinstance(inner, Mapping) else {}


def _told_apart(found: Type) -> bool:
    """Whether the entries of a list are owned one by one."""
    return resolved(found).get("x-kubernetes-list-type") in ("map", "set")


def element_form(found: Type) -> Any:
    """How entries of a list are told apart; None when they are not, and the list is owned as a whole."""
    match found.get("x-kubernetes-list-type"):
        case "map":
            known = resolved(found.get("items") or {}).get("properties") or {}
            keys = {
                key: (known.get(key) or {}).get("default", KEY_DEFAULTS.get(key))
                for key in found.get("x-kubernetes-list-map-keys") or ()
            }
            return lambda entry: "k:" + shown({key: entry.get(key, default) for key, default in keys.items()})
        case "set":
            return lambda entry: "v:" + shown(entry)
        case _:
            return None


def merged(live: Any, wanted: Any, found: Type) -> Any:
    """The live value with everything that is wanted; entries of lists that are not wanted stay."""
    resolved_type = resolved(found)
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        if resolved_type.get("x-kubernetes-map-type") == "atomic":
            return wanted
        return {
            **live,
            **{key: merged(live.get(key), part, field_of(resolved_type, key)) for key, part in wanted.items()},
        }
    if isinstance(wanted, list) and isinstance(live, list) and element_form(resolved_type):
        entries = {element: entry for element, entry, _ in children(live, found)}
        for element, part, inner in children(wanted, found):
            entries[element] = merged(entries.get(element), part, inner)
        return list(entries.values())
    return wanted


def without(value: Any, found: Type, gone: Iterable[Path]) -> Any:
    """The value without what stands at some paths, each with all that is below."""
    below: dict[str, list[Path]] = {}
    for path in gone:
        below.setdefault(path[0], []).append(path[1:])
    kept: list[tuple[str, Any]] = []
    for element, part, inner in children(value, found):
        ends = below.get(element, [])
        if () not in ends:
            kept.append((element, without(part, inner, ends) if ends else part))
    if isinstance(value, Mapping):
        return {element[2:]: part for element, part in kept}
    return [part for _, part in kept]


def left_alone(gone: Iterable[Path], kept: Iterable[Path]) -> frozenset[Path]:
    """The paths of which nothing, here or below, is kept: an empty object that has been filled is not gone."""
    above = {path[:length] for path in kept for length in range(1, len(path) + 1)}
    return frozenset(path for path in gone if path not in above)


def render_fields(paths: Iterable[Path]) -> Json:
    """Paths as the tree that managedFields keeps: `.` stands for a place of which there are also parts."""
    tree: Json = {}
    found = frozenset(paths)
    for path in sorted(found):
        place = tree
        for length, step in enumerate(path, 1):
            place = place.setdefault(step, {})
            if length < len(path) and path[:length] in found:
                place["."] = {}
    return tree


def parse_fields(tree: Mapping[str, Any]) -> frozenset[Path]:
    """The paths of such a tree; what is no path of ours is passed over."""
    found: set[Path] = set()
    for step, inner in tree.items():
        if step[:2] in ("f:", "k:", "v:"):
            found |= {(step, *path) for path in parse_fields(inner)}
            if "." in inner or not inner:
                found.add((step,))
    return frozenset(found)


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Paths as Kubernetes lists them: in each place what ends there before what goes on."""
    return sorted(paths, key=lambda path: [(position < len(path) - 1, step) for position, step in enumerate(path)])


def path_text(path: Path) -> str:
    """A path as messages show it, such as `.spec.containers[name="a"].image`."""
    return "".join(map(_step_text, path))


def _step_text(step: str) -> str:
    form, said = step[:2], step[2:]
    if form == "f:":
        return f".{said}"
    if form in ("v:", "i:"):
        return f"[{'=' if form == 'v:' else ''}{said}]"
    return f"[{','.join(f'{key}={shown(value)}' for key, value in json.loads(said).items())}]"
