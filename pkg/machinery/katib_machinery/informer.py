"""A cache that follows the API server.

One reflector (list, then watch from the list's version) fills one indexed cache and tells handlers what changed. Knows
resourceVersions and what makes them stale; knows nothing of what the objects mean.

**Own writes.** `put_own` puts the answer of our own write into the cache, so that the next decision need not wait for
the watch. The watch then delivers older states of the object, then this one. Older states must not win:

* Where resourceVersions are integers (every kube-apiserver, and ours) those of one kind are comparable, so the newer
  one wins, wherever it comes from. Kubernetes documents this order since 1.35.
* Where they are not, only equality is used: after `put_own` the watch's states of that object are passed over until the
  one that was put in arrives, or the watch has to list again.
* A deleted object does not come back: uids are never used twice, so an own write's answer with the uid of a deleted
  object is late and is dropped.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar

import orjson

from katib_machinery.clock import Clock, SystemClock, sleep
from katib_machinery.frozen import freeze
from katib_machinery.indexer import Indexer, IndexFunc
from katib_machinery.objects import KubeObject, ObjectKey, Resource, with_kind
from katib_machinery.transport import ApiError, Transport, streaming

__all__ = ["Handler", "IndexFunc", "Indexer", "OnBad", "SharedInformer"]

log = logging.getLogger(__name__)

T = TypeVar("T", bound=KubeObject)

OnBad = Callable[[Exception, object], None]

PAGE = 500
FIRST_DELAY, LAST_DELAY = 0.05, 30.0
WATCH_SECONDS = (300, 600)
RESYNC = timedelta(hours=10)
REMEMBERED_DELETIONS = 10_000


@dataclass(frozen=True)
class Handler(Generic[T]):
    """Whom to tell. Called on the event loop, in the order of changes; handlers only note keys, they do no work."""

    on_add: Callable[[T], None] | None = None
    on_update: Callable[[T, T], None] | None = None
    on_delete: Callable[[T], None] | None = None


@dataclass
class SharedInformer(Generic[T]):
    """Keeps `indexer` equal to what the server has, as long as `run` runs."""

    transport: Transport
    resource: Resource
    decode: Callable[[Any], T]
    on_bad: OnBad
    indexers: Mapping[str, IndexFunc[T]] | None = None
    namespace: str | None = None
    label_selector: str | None = None
    field_selector: str | None = None
    clock: Clock = field(default_factory=SystemClock)
    resync: timedelta | None = RESYNC

    def __post_init__(self) -> None:
        self.indexer: Indexer[T] = Indexer(self.indexers)
        self._handlers: list[Handler[T]] = []
        self._synced = asyncio.Event()
        self._version: str | None = None
        self._followed = ""
        self._unseen: dict[ObjectKey, str] = {}
        # uid of each deleted object, and whether the server told ourselves that it is gone for good.
        self._deleted: OrderedDict[str, bool] = OrderedDict()

    # ---- what others use

    @property
    def synced(self) -> bool:
        """Whether the cache has held everything at least once."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        """Return when the first list is in the cache."""
        await self._synced.wait()

    def add_handler(self, handler: Handler[T]) -> None:
        """Tell this handler of every change from now on, and of every object that is here already."""
        self._handlers.append(handler)
        if handler.on_add is not None:
            for key in self.indexer.keys():
                if (obj := self.indexer.get(key)) is not None:
                    handler.on_add(obj)

    def put_own(self, obj: T) -> T:
        """Take the answer of an own write into the cache; returns what the cache now holds (frozen), or the answer."""
        obj = freeze(obj)
        if obj.uid in self._deleted:
            return obj
        if obj.deletion_timestamp is not None and not obj.finalizers and not obj.deletion_grace_period_seconds:
            self.remove_own(obj.key, obj.uid)
            return obj
        cached = self.indexer.get(obj.key)
        if cached is None and not self._selects(obj):
            return obj
        if cached is None or _is_newer(obj.resource_version, cached.resource_version) is not False:
            if not obj.resource_version.isdecimal():
                self._unseen[obj.key] = obj.resource_version
            self._put(obj)
        return self.indexer.get(obj.key) or obj

    def is_deleted(self, uid: str) -> bool:
        """Whether the object with that uid was deleted as far as is known here (the latest ten thousand are)."""
        return uid in self._deleted

    def _selects(self, obj: T) -> bool:
        """Whether an object that is not here belongs here. Who selects waits for the server to say so."""
        return (
            not self.label_selector
            and not self.field_selector
            and (not self.namespace or obj.namespace == self.namespace)
        )

    def remove_own(self, key: ObjectKey, uid: str) -> None:
        """The server said that our own deletion is complete."""
        cached = self.indexer.get(key)
        if cached is not None and cached.uid == uid:
            self._remove(key)
        self._remember_deletion(uid, own=True)

    # ---- the reflector

    async def run(self) -> None:
        """Follow the server until cancelled. Failures are logged, and tried again ever more slowly."""
        resync = asyncio.create_task(self._resync()) if self.resync else None
        try:
            delay = 0.0
            while True:
                delay = await self._round(delay)
                if delay:
                    await sleep(self.clock, delay * random.uniform(0.75, 1.25))  # noqa: S311
        finally:
            if resync is not None:
                resync.cancel()

    async def _round(self, delay: float) -> float:
        """List if needed, then watch until the stream ends; the seconds to wait before the next round."""
        started = self.clock.monotonic()
        version = self._version
        try:
            if self._version is None:
                await self._list()
            await self._watch()
        except ApiError as error:
            if error.gone or error.from_the_future:
                self._version = None
                # A server that answers 410 to what it has just listed must not be listed without pause.
                return _longer(delay) if version is None else 0.0
            self._complain(error, delay)
            return max(error.retry_after, _longer(delay))
        except (OSError, ValueError) as error:
            self._complain(error, delay)
            # What broke off after it had worked for a while is resumed at once.
            return _longer(delay if self._version == version else 0.0)
        return 0.0 if self._version != version or self.clock.monotonic() - started > 1 else _longer(delay)

    def _complain(self, error: Exception, delay: float) -> None:
        level = logging.WARNING if delay >= 1 else logging.INFO
        log.log(level, "cannot follow %s, trying again: %s", self.resource.path(self.namespace), error)

    async def _list(self) -> None:
        try:
            await self._list_pages(paged=True)
        except ApiError as error:
            if not error.gone:
                raise
            # The rest of the pages is no longer kept: what came so far is not a state. Take all in one answer.
            await self._list_pages(paged=False)
        self._synced.set()

    async def _list_pages(self, *, paged: bool) -> None:
        seen: set[ObjectKey] = set()
        version = ""
        self._unseen.clear()
        async for page in self._pages(paged=paged):
            version = _version_of(page)
            self._notice_rewind(version)
            for raw in page.get("items") or ():
                if (key := _key_of(raw)) is not None:
                    seen.add(key)
                self._take(raw)
            await asyncio.sleep(0)
        for key in self.indexer.keys():
            if key not in seen and not self._outlived(key, version):
                self._remove(key)
        self._version = self._followed = version

    def _notice_rewind(self, version: str) -> None:
        """A server that was restored from a copy counts from an older version: what is cached here never was."""
        if self._followed and _is_newer(self._followed, version):
            log.warning("%s is older than what was seen before: starting anew", self.resource.path(self.namespace))
            for key in self.indexer.keys():
                self._remove(key)
            self._deleted.clear()
            self._followed = ""

    def _outlived(self, key: ObjectKey, version: str) -> bool:
        """Whether a cached object that the list does not show was created by ourselves after the list was made."""
        cached = self.indexer.get(key)
        return cached is not None and bool(_is_newer(cached.resource_version, version))

    async def _pages(self, *, paged: bool) -> AsyncIterator[dict[str, Any]]:
        params = {**self._selector(), **({"limit": str(PAGE)} if paged else {})}
        following = ""
        while True:
            page_params = {**params, "continue": following} if following else params
            answer = await self.transport.request("GET", self.resource.path(self.namespace), params=page_params)
            page = orjson.loads(answer)
            if not isinstance(page, dict) or not isinstance(page.get("metadata"), dict):
                raise ValueError("the list is no list")
            yield page
            following = page["metadata"].get("continue") or ""
            if not following:
                return

    def _selector(self) -> dict[str, str]:
        selectors = {"labelSelector": self.label_selector, "fieldSelector": self.field_selector}
        return {key: selector for key, selector in selectors.items() if selector}

    async def _watch(self) -> None:
        params = {
            **self._selector(),
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version or "",
            # Jitter: watches that began together must not all end together.
            "timeoutSeconds": str(random.randint(*WATCH_SECONDS)),  # noqa: S311
        }
        async with streaming(self.transport.stream(self.resource.path(self.namespace), params=params)) as lines:
            async for line in lines:
                self._on_event(orjson.loads(line))

    def _on_event(self, event: Any) -> None:
        if not isinstance(event, dict) or not isinstance(event.get("type"), str) or "object" not in event:
            raise ValueError("the watch sent what is no event")
        kind, raw = event["type"], event["object"]
        if kind == "ERROR":
            raise ApiError.from_status(raw)
        if kind == "DELETED":
            self._on_deleted(raw)
        elif kind != "BOOKMARK":
            self._take(raw)
        if version := _version_of(raw):
            self._version = self._followed = version

    def _take(self, raw: Any) -> None:
        """Let what the server shows and what the cache holds meet: the newer one wins. Known states are not decoded."""
        key = _key_of(raw)
        if key is not None and self._is_known(key, raw["metadata"]):
            return
        try:
            obj = freeze(self.decode(with_kind(raw, self.resource)))
        except Exception as error:
            # One bad object must not stop the kind; what the cache holds of it is the last good state.
            self.on_bad(error, raw)
            return
        # Deleted, but not by us, and here again: it had left the label selector for a while.
        self._deleted.pop(obj.uid, None)
        self._put(obj)

    def _is_known(self, key: ObjectKey, metadata: Mapping[str, Any]) -> bool:
        """Whether the cache is at least as new as this state of an object."""
        if self._deleted.get(metadata.get("uid") or ""):
            return True
        cached, version = self.indexer.get(key), str(metadata.get("resourceVersion") or "")
        if cached is None:
            return False
        newer = _is_newer(version, cached.resource_version)
        if newer is not None:
            return not newer
        awaited = self._unseen.get(key)
        if awaited == version:
            del self._unseen[key]
        return awaited is not None or version == cached.resource_version

    def _on_deleted(self, raw: Any) -> None:
        key = _key_of(raw)
        if key is None:
            self.on_bad(ValueError("an object without a name was deleted"), raw)
            return
        uid = raw["metadata"].get("uid") or ""
        self._remember_deletion(uid)
        cached = self.indexer.get(key)
        if cached is not None and cached.uid == uid:
            self._remove(key)

    async def _resync(self) -> None:
        assert self.resync is not None
        while True:
            await sleep(self.clock, self.resync.total_seconds())
            for key in self.indexer.keys():
                if (obj := self.indexer.get(key)) is not None:
                    self._tell_update(obj, obj)

    # ---- the cache

    def _put(self, obj: T) -> None:
        cached = self.indexer.get(obj.key)
        if cached is not None and cached.uid != obj.uid:
            # Deleted and created again under the same name: two objects, not one that changed.
            self._remove(obj.key)
            cached = None
        self.indexer.put(obj)
        if cached is None:
            self._tell(lambda handler: handler.on_add and handler.on_add(obj))
        else:
            self._tell_update(cached, obj)

    def _remove(self, key: ObjectKey) -> None:
        self._unseen.pop(key, None)
        obj = self.indexer.remove(key)
        if obj is not None:
            self._remember_deletion(obj.uid)
            self._tell(lambda handler: handler.on_delete and handler.on_delete(obj))

    def _remember_deletion(self, uid: str, *, own: bool = False) -> None:
        if uid:
            self._deleted[uid] = own or self._deleted.get(uid, False)
        if len(self._deleted) > REMEMBERED_DELETIONS:
            self._deleted.popitem(last=False)

    def _tell_update(self, old: T, new: T) -> None:
        self._tell(lambda handler: handler.on_update and handler.on_update(old, new))

    def _tell(self, call: Callable[[Handler[T]], object]) -> None:
        for handler in self._handlers:
            try:
                call(handler)
            except Exception:
                log.exception("a handler of %s failed", self.resource.plural)


def _key_of(raw: Any) -> ObjectKey | None:
    metadata = raw.get("metadata") if isinstance(raw, Mapping) else None
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if metadata is None or not isinstance(name, str) or not name:
        return None
    return ObjectKey(metadata.get("namespace") or "", name)


def _version_of(raw: Any) -> str:
    metadata = raw.get("metadata") if isinstance(raw, Mapping) else None
    return str(metadata.get("resourceVersion") or "") if isinstance(metadata, Mapping) else ""


def _is_newer(version: str, than: str) -> bool | None:
    """Whether one version is newer than another; None when versions are not comparable."""
    if version.isdecimal() and than.isdecimal():
        return int(version) > int(than)
    return None


def _longer(delay: float) -> float:
    return min(LAST_DELAY, max(FIRST_DELAY, delay * 2))
