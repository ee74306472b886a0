"""Tells users what happened: core/v1 Events, written in the background.

Knows Events. A reconcile only drops a note here and goes on; notes that repeat raise the count of the Event that is
there already. A message is data: whatever stands in it is shown as it is.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from katib_machinery.client import ResourceClient
from katib_machinery.clock import Clock, SystemClock, sleep
from katib_machinery.objects import EVENTS, KubeObject, Unstructured
from katib_machinery.scalars import format_time
from katib_machinery.transport import ApiError, Transport

log = logging.getLogger(__name__)

QUEUE = 1000
WINDOW = 600.0
REMEMBERED = 4096
ATTEMPTS = 6


@dataclass(frozen=True)
class Note:
    """What makes two events the same one."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    type: str
    reason: str
    message: str


@dataclass
class Sighting:
    """How often a note was made since it was last written, and when."""

    first_at: datetime
    last_at: datetime
    count: int = 1
    resource_version: str = ""


@dataclass
class Written:
    """The Event that a note became."""

    namespace: str
    name: str
    count: int
    written_at: float


class EventRecorder:
    """Events of one component. `run` writes them; `emit` never waits and never raises."""

    def __init__(
        self, transport: Transport, component: str, clock: Clock | None = None, *, capacity: int = QUEUE
    ) -> None:
        self._client = ResourceClient(transport, EVENTS, Unstructured.from_dict)
        self._component = component
        self._clock = clock or SystemClock()
        self._capacity = capacity
        self._notes: OrderedDict[Note, Sighting] = OrderedDict()
        self._written: OrderedDict[Note, Written] = OrderedDict()
        self._noted = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self.dropped = 0

    def emit(self, involved: KubeObject, type: str, reason: str, message: str) -> None:
        """Note an event about an object. When too many wait, the newest is dropped and counted."""
        now = self._clock.now()
        note = Note(
            api_version=str(getattr(involved, "api_version", None) or ""),
            kind=str(getattr(involved, "kind", None) or ""),
            namespace=involved.namespace,
            name=involved.name,
            uid=involved.uid,
            type=type,
            reason=reason,
            message=message,
        )
        if (sighting := self._notes.get(note)) is not None:
            sighting.count += 1
            sighting.last_at = now
        elif len(self._notes) >= self._capacity:
            self.dropped += 1
        else:
            self._notes[note] = Sighting(now, now, resource_version=involved.resource_version)
            self._drained.clear()
            self._noted.set()

    async def run(self) -> None:
        """Write notes until cancelled."""
        while True:
            await self._noted.wait()
            while self._notes:
                note, sighting = self._notes.popitem(last=False)
                await self._deliver(note, sighting)
            self._noted.clear()
            self._drained.set()

    async def wait_drained(self) -> None:
        """Return when every note was written or given up: for the end of a program, and for tests."""
        await self._drained.wait()

    async def _deliver(self, note: Note, sighting: Sighting) -> None:
        delay = 0.1
        for _ in range(ATTEMPTS):
            try:
                await self._write(note, sighting)
                return
            except ApiError as error:
                if error.code < 500 and error.code != 429:
                    # The namespace ends, or we may not: no later try will do better.
                    log.info("event %s about %s/%s refused: %s", note.reason, note.namespace, note.name, error)
                    return
            except OSError:
                pass
            await sleep(self._clock, delay)
            delay *= 2
        self.dropped += 1
        log.warning("event %s about %s/%s could not be written", note.reason, note.namespace, note.name)

    async def _write(self, note: Note, sighting: Sighting) -> None:
        written = self._written.get(note)
        now = self._clock.monotonic()
        if written is not None and now - written.written_at <= WINDOW:
            try:
                await self._count(written, sighting)
            except ApiError as error:
                if not error.not_found:
                    raise
                # Events are forgotten by the server after a while.
                await self._post(note, sighting)
        else:
            await self._post(note, sighting)

    async def _count(self, written: Written, sighting: Sighting) -> None:
        patch = {"count": written.count + sighting.count, "lastTimestamp": format_time(sighting.last_at)}
        await self._client.patch(written.namespace, written.name, patch)
        written.count += sighting.count
        written.written_at = self._clock.monotonic()

    async def _post(self, note: Note, sighting: Sighting) -> None:
        namespace = note.namespace or "default"
        name = f"{note.name[:230]}.{secrets.token_hex(8)}"
        await self._client.create(Unstructured(self._event(note, sighting, namespace, name)))
        self._written[note] = Written(namespace, name, sighting.count, self._clock.monotonic())
        self._written.move_to_end(note)
        if len(self._written) > REMEMBERED:
            self._written.popitem(last=False)

    def _event(self, note: Note, sighting: Sighting, namespace: str, name: str) -> dict[str, Any]:
        involved = {
            "apiVersion": note.api_version,
            "kind": note.kind,
            "namespace": note.namespace,
            "name": note.name,
            "uid": note.uid,
            "resourceVersion": sighting.resource_version,
        }
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {key: value for key, value in involved.items() if value},
            "type": note.type,
            "reason": note.reason,
            "message": note.message,
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "firstTimestamp": format_time(sighting.first_at),
            "lastTimestamp": format_time(sighting.last_at),
            "count": sighting.count,
        }
