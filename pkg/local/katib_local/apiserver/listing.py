"""Lists and watches: which objects, in which pages, and every change of them from a version on."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from katib_local.apiserver.calls import flag, number
from katib_local.apiserver.errors import (
    Expired,
    Refusal,
    bad_request,
    invalid_options,
    no_version,
    too_large_version,
)
from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.memory import Row
from katib_local.apiserver.selectors import parse_field_selector, parse_label_selector
from katib_local.apiserver.store import Change, Store, Watcher

Json = dict[str, Any]
Query = Mapping[str, str]
Event = tuple[str, Json]
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
TOGETHER = 500


@dataclass(frozen=True)
class Page:
    """A list, or a part of one: the objects as they are stored, unread as long as nobody asks what is in them."""

    metadata: Json
    rows: Sequence[Row]


def selector(kind: Kind, query: Query) -> Callable[[Mapping[str, Any]], bool]:
    """The test of both selectors of a request."""
    labels = parse_label_selector(query.get("labelSelector", ""))
    fields = parse_field_selector(query.get("fieldSelector", ""), kind.kind, kind.selectable if kind.custom else None)
    return lambda document: labels(document) and fields(document)


def _selects(query: Query) -> bool:
    return bool(query.get("labelSelector") or query.get("fieldSelector"))


def select(kind: Kind, rows: Sequence[Row], query: Query) -> Sequence[Row]:
    """Those that fit the selectors of a request; without any nothing is read."""
    test = selector(kind, query)
    return [row for row in rows if test(row.read())] if _selects(query) else rows


def list_page(store: Store, kind: Kind, namespace: str, query: Query) -> Page:
    """A list, or one page of it; later pages show what there was when the first one was asked for."""
    check_list(query)
    limit = max(0, number(query, "limit") or 0)
    version, after = _asked_place(store, query)
    held = store.rows_at(kind.qualified, namespace, version)
    if held is None:
        raise Expired(FORGOTTEN) if after is None else Expired(FORGOTTEN_PAGE, _token(NEWEST, after))
    if after is not None:
        held = [row for row in held if _place(row) > after]
    rows = select(kind, held, query)
    metadata: Json = {"resourceVersion": str(version)}
    if limit and len(rows) > limit:
        metadata["continue"] = _token(version, _place(rows[limit - 1]))
        if not _selects(query):  # nobody knows how many fit a selection
            metadata["remainingItemCount"] = len(rows) - limit
        rows = rows[:limit]
    return Page(metadata, rows)


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


def _asked_place(store: Store, query: Query) -> tuple[int, list[str] | None]:
    """The version that is asked for, and after which object the list goes on."""
    if not query.get("continue"):
        return _asked_version(store, query), None
    version, after = _parse_token(query["continue"], store.version)
    if query.get("resourceVersion") not in (None, "", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")
    return version, after


def _place(row: Row) -> list[str]:
    return [row.namespace, row.name]


def check_list(query: Query) -> None:
    """Raise a refusal for options that make no sense, alone or together."""
    number(query, "timeoutSeconds")
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


def check_watch(query: Query) -> None:
    """Raise a refusal for options that make no sense, alone or together."""
    number(query, "limit")
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
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
    except ValueError as error:
        raise _no_token("illegal base64 data") from error
    try:
        said = orjson.loads(content)
    except ValueError as error:
        sign = content.decode(errors="replace")[:1]
        what = f"invalid character '{sign}' looking for beginning of value" if sign else "unexpected end of JSON input"
        raise _no_token(what) from error
    try:
        version, place = said
        return newest if version == NEWEST else int(version), [str(part) for part in place]
    except (ValueError, TypeError) as error:
        raise _no_token("server does not recognize this encoded version ") from error


def _no_token(why: str) -> Refusal:
    return bad_request(f"invalid continue token: continue key is not valid: {why}")


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

    async def events(self) -> AsyncGenerator[Sequence[Event], None]:
        """Events until the watch's time is up, those together that are there together."""
        deadline = time.monotonic() + self._seconds
        for begin in range(0, len(self._first), TOGETHER):
            yield self._first[begin : begin + TOGETHER]
        self._first = []
        if not self._seconds:
            return
        told = time.monotonic()
        while time.monotonic() < deadline:
            pause = min(BOOKMARK_EVERY if self._bookmarks else LONGEST_WATCH, deadline - time.monotonic())
            # No name is left for them: a watch waits for long, and what it has told is nobody's business any more.
            yield _events(await self._watcher.wait(max(0.01, pause)), self._namespace, self._test)
            if self._bookmarks and time.monotonic() - told >= BOOKMARK_EVERY:
                told = time.monotonic()
                yield [_bookmark(self._kind, self._store.version)]
        if self._bookmarks:
            yield [_bookmark(self._kind, self._store.version)]


def _seconds(query: Query) -> float:
    """How long a watch lasts; without a wish some time, not the same for all, so that they do not all end at once."""
    given = number(query, "timeoutSeconds") or 0
    if given > 0:
        return min(LONGEST_WATCH, given)
    return LONGEST_WATCH * random.uniform(0.5, 1)  # noqa: S311


def _initial(store: Store, kind: Kind, namespace: str, query: Query) -> list[Event]:
    """What comes first: all objects, or the changes since the version that the caller knows."""
    text = query.get("resourceVersion", "")
    everything = flag(query, "sendInitialEvents")
    if text in ("", "0") or everything:
        wanted = everything or query.get("sendInitialEvents") is None
        rows = select(kind, store.rows(kind.qualified, namespace), query) if wanted else ()
        events: list[Event] = [("ADDED", row.read()) for row in rows]
        if flag(query, "allowWatchBookmarks") and (everything or (wanted and not text)):
            events.append(_bookmark(kind, store.version, initial=True))
        return events
    changes = store.since(kind.qualified, _version(store, text, watch=True))
    if changes is None:
        raise Expired(f"too old resource version: {text} ({store.oldest(kind.qualified)})")
    return _events(changes, namespace, selector(kind, query))


def _events(changes: Iterable[Change], namespace: str, test: Callable[[Mapping[str, Any]], bool]) -> list[Event]:
    return [event for change in changes if (event := _event(change, namespace, test)) is not None]


def _event(change: Change, namespace: str, test: Callable[[Mapping[str, Any]], bool]) -> Event | None:
    """A change as a watcher with selectors sees it: leaving the selection is a deletion, entering it an addition."""
    document: Mapping[str, Any] = change.new or change.old or {}
    if namespace and document["metadata"].get("namespace") != namespace:
        return None
    before = change.old is not None and test(change.old)
    after = change.new is not None and test(change.new)
    if change.new is not None and after:
        return ("MODIFIED" if before else "ADDED"), change.new
    if before and change.old is not None:
        return "DELETED", change.last
    return None


def _bookmark(kind: Kind, version: int, *, initial: bool = False) -> Event:
    metadata: Json = {"resourceVersion": str(version)}
    if initial:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return "BOOKMARK", {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
