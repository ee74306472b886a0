"""Events do not stay: an hour after it was last written, each goes, as from a cluster. Must not know HTTP.

One task beside the requests. Whoever watches is told of a deletion; admission is not asked, for nobody has called.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from katib_local.apiserver.kinds import EVENTS
from katib_local.apiserver.store import Store, StoreError
from katib_machinery.clock import Clock, sleep

log = logging.getLogger(__name__)
LIFE = timedelta(hours=1)
SWEEP_EVERY = timedelta(minutes=1)
"""An event may stay that much longer; etcd gives those of one minute the same lease."""
TOGETHER = 100
"""Events that go before requests are served again."""


class Expiry:
    """Removes events whose time is up, those that were written before an earlier stop of the server included."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Work for ever; what a full disk keeps from going is tried again."""
        while True:
            try:
                await self.sweep()
            except StoreError as error:
                log.error("events whose time is up stay for now: %s", error)
            await sleep(self._clock, SWEEP_EVERY.total_seconds())

    async def sweep(self) -> None:
        """Remove what was not written for that long."""
        now = self._clock.now()
        at, since = now.timestamp(), (now - LIFE).timestamp()
        self._store.note(at, since)
        while over := self._store.written_before(EVENTS.qualified, since, TOGETHER):
            for key in over:
                self._store.remove(key)
            await asyncio.sleep(0)
