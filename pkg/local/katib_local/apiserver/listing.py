"""Lists and watches: which objects, in which pages, and every change of them from a version on."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

import orjson

from katib_local.apiserver.calls import flag, number
from katib_local.apiserver.errors import Expired, bad_request, invalid_options, no_version, too_large_version
from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.selectors import parse_field_selector, parse_label_selector
from katib_local.apiserver.store import Change, Store, Watcher

Json = dict[str, Any]
Query = Mapping[str, str]
MATCH, EXACT, NOT_OLDER = "resourceVersionMatch", "Exact", "NotOlderThan"
NEWEST = -1
"""The version of a token that goes on with what there is now."""
FORGOTTEN = "The resourceVersion for the provided list is too old."
FORGOTTEN_PAGE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the "
    "continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing "
    "with the provided token results in an inconsistent list: what has changed in between may show up in it."
)
BOOKMARK_EVERY = 30.0
LONGEST_WATCH = 1800


def selector(kind: Kind, query: Query) -> Callable[[Mapping[str, Any]], bool]:
    """The test of both selectors of a request."""
    labels = parse_label_selector(query.get("labelSelector", ""))
    fields = parse_field_selector(query.get("fieldSelector", ""), kind.kind, kind.selectable)
    return lambda document: labels(document) and fields(document)


def select(kind: Kind, documents: Sequence[Json], query: Query) -> list[Json]:
    return list(filter(selector(kind, query), documents))


def list_page(store: Store, kind: Kind, namespace: str, query: Query) -> Json:
    """A list, or one page of it; later pages show what there was when the first one was asked for."""
    check_list(query)
    limit = max(0, number(query, "limit") or 0)
    version, after = _asked_version(store, query), None
    if query.get("continue"):
        version, after = _parse_token(query["continue"], store.version)
    held = store.at(kind.qualified, namespace, version)
    if held is None:
        raise Expired(FORGOTTEN) if after is None else Expired(FORGOTTEN_PAGE, _token(NEWEST, after))
    documents = select(kind, held, query)
    if after is not None:
        documents = [document for document in documents if _place(document) > after]
    metadata: Json = {"resourceVersion": str(version)}
    if limit and len(documents) > limit:
        metadata["continue"] = _token(version, _place(documents[limit - 1]))
        if not (query.get("labelSelector") or query.get("fieldSelector")):  # nobody knows how many fit a selection
            metadata["remainingItemCount"] = len(documents) - limit
        documents = documents[:limit]
    return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata, "items": documents}


def _asked_version(store: Store, query: Query) -> int:
    """The version that a list is to show: the newest, unless exactly another is asked for, as older clients do of pages."""
    asked, match = _version(store, query.get("resourceVersion", "")), query.get("resourceVersionMatch")
    exact = match == EXACT or (not match and (number(query, "limit") or 0) > 0)
    return asked if asked and exact else store.version


def _version(store: Store, text: str, *, watch: bool = False) -> int:
    """The version that a caller has seen, 0 for none; raises a refusal for one that has not been yet."""
    if text and not text.isdigit():
        raise no_version(text, watch=watch)
    version = int(text or 0)
    if version > store.version:
        raise too_large_version(version, store.version)
    return version


def check_version(store: Store, text: str) -> None:
    """Raise a refusal for a version that an object cannot be read at: it has not been yet, or is none."""
    _version(store, text, watch=True)


def _place(document: Json) -> list[str]:
    return [document["metadata"].get("namespace", ""), document["metadata"]["name"]]


def check_list(query: Query) -> None:
    """Raise a refusal for options that make no sense together."""
    match, version, token = (query.get(name) for name in ("resourceVersionMatch", "resourceVersion", "continue"))
    problems = []
    if match:
        if not version:
            problems.append((MATCH, f"Forbidden: {MATCH} is forbidden unless resourceVersion is provided"))
        if token:
            problems.append((MATCH, f"Forbidden: {MATCH} is forbidden when continue is provided"))
        if match not in (EXACT, NOT_OLDER):
            problems.append((MATCH, f'Unsupported value: "{match}": supported values: "{EXACT}", "{NOT_OLDER}", ""'))
        if match == EXACT and version == "0":
            problems.append((MATCH, f'Forbidden: {MATCH} "exact" is forbidden for resourceVersion "0"'))
    if "sendInitialEvents" in query:
        problems.append(("sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list"))
    if problems:
        raise invalid_options("ListOptions", problems)
    if token and version not in (None, "", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")


def check_watch(query: Query) -> None:
    """Raise a refusal for options that make no sense together."""
    match, told = query.get("resourceVersionMatch"), "sendInitialEvents" in query
    problems = []
    if match and not told:
        problems.append((MATCH, f"Forbidden: {MATCH} is forbidden for watch unless sendInitialEvents is provided"))
    if told and match != NOT_OLDER:
        problems.append((MATCH, f"Forbidden: sendInitialEvents requires setting {MATCH} to {NOT_OLDER}"))
    if match and match != NOT_OLDER:
        problems.append((MATCH, f'Unsupported value: "{match}": supported values: "{NOT_OLDER}"'))
    if query.get("continue"):
        problems.append((MATCH, f"Forbidden: {MATCH} is forbidden when continue is provided"))
    if problems:
        raise invalid_options("ListOptions", problems)


def _token(version: int, last: Sequence[str]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([version, list(last)])).decode()


def _parse_token(text: str, newest: int) -> tuple[int, list[str]]:
    try:
        version, place = orjson.loads(base64.urlsafe_b64decode(text))
        return newest if version == NEWEST else int(version), [str(part) for part in place]
    except (ValueError, TypeError) as error:
        raise bad_request("continue key is not valid") from error


class Watch:
    """One watch: what it begins with, then every change; raises a refusal at once when it cannot begin."""

    def __init__(self, store: Store, kind: Kind, namespace: str, query: Query) -> None:
        check_watch(query)
        self._store, self._kind, self._namespace = store, kind, namespace
        self._test = selector(kind, query)
        self._bookmarks = flag(query, "allowWatchBookmarks")
        self._seconds = _seconds(query)
        try:
            self._first = _initial(store, kind, namespace, query)
        except Expired as refusal:
            self._first, self._seconds = [("ERROR", refusal.status())], 0  # Kubernetes says so in the watch itself
        self._watcher = Watcher(store, kind.qualified)

    def close(self) -> None:
        self._watcher.close()

    async def events(self) -> AsyncGenerator[tuple[str, Json], None]:
        """Events until the watch's time is up."""
        deadline = time.monotonic() + self._seconds
        for event in self._first:
            yield event
        if not self._seconds:
            return
        told = time.monotonic()
        while time.monotonic() < deadline:
            pause = min(BOOKMARK_EVERY if self._bookmarks else LONGEST_WATCH, deadline - time.monotonic())
            for change in await self._watcher.wait(max(0.01, pause)):
                seen = _event(change, self._namespace, self._test)
                if seen is not None:
                    yield seen
            if self._bookmarks and time.monotonic() - told >= BOOKMARK_EVERY:
                told = time.monotonic()
                yield _bookmark(self._kind, self._store.version)
        if self._bookmarks:
            yield _bookmark(self._kind, self._store.version)


def _seconds(query: Query) -> float:
    """How long a watch lasts; without a wish some time, not the same for all, so that they do not all end at once."""
    given = number(query, "timeoutSeconds") or 0
    if given > 0:
        return min(LONGEST_WATCH, given)
    return LONGEST_WATCH * random.uniform(0.5, 1)  # noqa: S311


def _initial(store: Store, kind: Kind, namespace: str, query: Query) -> list[tuple[str, Json]]:
    """What comes first: all objects, or the changes since the version that the caller knows."""
    text = query.get("resourceVersion", "")
    everything = flag(query, "sendInitialEvents")
    if text in ("", "0") or everything:
        wanted = everything or query.get("sendInitialEvents") is None
        events = (
            [("ADDED", document) for document in select(kind, store.all(kind.qualified, namespace), query)]
            if wanted
            else []
        )
        if flag(query, "allowWatchBookmarks") and (everything or (wanted and not text)):
            events.append(_bookmark(kind, store.version, initial=True))
        return events
    changes = store.since(kind.qualified, _version(store, text, watch=True))
    if changes is None:
        raise Expired(f"too old resource version: {text} ({store.oldest})")
    test = selector(kind, query)
    return [event for change in changes if (event := _event(change, namespace, test)) is not None]


def _event(change: Change, namespace: str, test: Callable[[Mapping[str, Any]], bool]) -> tuple[str, Json] | None:
    """A change as a watcher with selectors sees it: leaving the selection is a deletion, entering it an addition."""
    document = change.new or change.old or {}
    if namespace and document["metadata"].get("namespace") != namespace:
        return None
    before = change.old is not None and test(change.old)
    after = change.new is not None and test(change.new)
    if change.new is not None and after:
        return ("MODIFIED" if before else "ADDED"), change.new
    if before and change.old is not None:
        return "DELETED", {
            **change.old,
            "metadata": {**change.old["metadata"], "resourceVersion": str(change.version)},
        }
    return None


def _bookmark(kind: Kind, version: int, *, initial: bool = False) -> tuple[str, Json]:
    metadata: Json = {"resourceVersion": str(version)}
    if initial:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return "BOOKMARK", {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
