"""Whether an object survives being written in one version and kept in another. Nothing converts: fields are the same."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from katib_codegen.complaints import Complaint, told
from katib_codegen.model import Api, Kind, properties
from katib_codegen.rules.nodes import target

_Fault = tuple[str, str]
_FORM = ("type", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")


def version_complaints(apis: Sequence[Api]) -> list[str]:
    """Fields that only one of two versions of a kind has: the API server would drop what they hold."""
    kept = next(api for api in apis if api.standing.stored)
    stored = {kind.crd_name: kind for kind in kept.kinds}
    found: list[str] = []
    for api in [api for api in apis if api.standing.served and api is not kept]:
        complaints = [
            Complaint(kind.file, api.definitions[kind.name].path, f"{text}; {cure}")
            for kind in api.kinds
            if kind.crd_name in stored
            for text, cure in _kind_faults(api, kind, kept, stored[kind.crd_name])
        ]
        found += told(complaints, api.sources.folder, api.sources.lines)
    return found


def _kind_faults(api: Api, kind: Kind, kept: Api, stored: Kind) -> Iterator[_Fault]:
    for name, field in properties(api, api.definitions[kind.name].schema).items():
        # The server keeps the others itself, in every version alike.
        if name not in ("apiVersion", "kind", "metadata"):
            known = properties(kept, kept.definitions[stored.name].schema)
            if name in known:
                yield from _Pair(api, kept).faults(f"{kind.name}.{name}", field, known[name])
    mine, theirs = (
        set(properties(side, side.definitions[one.name].schema)) for side, one in ((api, kind), (kept, stored))
    )
    yield from _Pair(api, kept).lost(kind.name, mine, theirs)


class _Pair:
    """A served version and the one that objects are kept in."""

    def __init__(self, api: Api, kept: Api) -> None:
        self._api = api
        self._kept = kept

    def faults(self, place: str, field: Mapping[str, Any], stored: Mapping[str, Any]) -> Iterator[_Fault]:
        mine, theirs = target(self._api, field), target(self._kept, stored)
        if any(mine.get(word) != theirs.get(word) for word in _FORM) or _holds(mine) != _holds(theirs):
            text = f"{place} is of another type in {self._api.version} than in {self._kept.version}, which is stored"
            yield f"{text}, and nothing converts", "write one type in both, or a field of another name in both"
            return
        own, kept = properties(self._api, mine), properties(self._kept, theirs)
        if not mine.get("x-kubernetes-preserve-unknown-fields"):
            yield from self.lost(place, set(own), set(kept))
        for name in own:
            if name in kept:
                yield from self.faults(f"{place}.{name}", own[name], kept[name])
        for keyword, mark in (("items", "[]"), ("additionalProperties", "{}")):
            if isinstance(mine.get(keyword), Mapping):
                yield from self.faults(f"{place}{mark}", mine[keyword], theirs[keyword])

    def lost(self, place: str, own: set[str], kept: set[str]) -> Iterator[_Fault]:
        """Fields of one side only."""
        for names, has, lacks in ((own - kept, self._api, self._kept), (kept - own, self._kept, self._api)):
            for name in sorted(names):
                text = f"{place}.{name} is in {has.version} and not in {lacks.version}, and nothing converts"
                yield f"{text}: what it holds is lost", f"add it to {lacks.sources.folder}, or take it out of both"


def _holds(schema: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether the value is a list, and whether it is a map."""
    return "items" in schema, isinstance(schema.get("additionalProperties"), Mapping)
