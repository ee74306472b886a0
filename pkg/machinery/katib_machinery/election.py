"""Which of several equal programs works: the holder of a Lease.

Knows coordination.k8s.io Leases. The rule is client-go's: whoever holds the lease renews it; another may take it when it
has watched the same record, by its own clock, for longer than the lease lasts. Clocks of different machines are never
compared. A holder that cannot renew in time must stop: `run` then raises, and the program ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from katib_machinery.client import ResourceClient
from katib_machinery.clock import Clock, SystemClock, sleep
from katib_machinery.objects import LEASES, ObjectKey, Unstructured
from katib_machinery.scalars import format_micro_time
from katib_machinery.transport import ApiError, Transport

log = logging.getLogger(__name__)


class LeadershipLostError(Exception):
    """Somebody else may be working now: stop."""


@dataclass(frozen=True)
class Terms:
    """Seconds: how long a lease lasts, how long its holder tries to renew it, and how often both sides try."""

    lease: float = 15.0
    renew: float = 10.0
    retry: float = 2.0


class LeaderElection:
    """One candidate, named `identity` (unique among all candidates), for the Lease of that key."""

    def __init__(
        self,
        transport: Transport,
        key: ObjectKey,
        identity: str,
        *,
        clock: Clock | None = None,
        terms: Terms | None = None,
    ) -> None:
        self._client = ResourceClient(transport, LEASES, Unstructured.from_dict)
        self._key = key
        self._identity = identity
        self._clock = clock or SystemClock()
        self._terms = terms or Terms()
        self._seen: dict[str, Any] | None = None
        self._seen_at = 0.0

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait for leadership, do the work while holding it, give it up at the end of the work."""
        await self.acquire()
        working = asyncio.ensure_future(work())
        holding = asyncio.create_task(self._hold())
        try:
            await asyncio.wait({working, holding}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                holding.result()
            await working
        finally:
            holding.cancel()
            working.cancel()
            await asyncio.gather(holding, working, return_exceptions=True)
            await self.release()

    async def acquire(self) -> None:
        """Return when the lease is ours."""
        while not await self._try():
            await sleep(self._clock, self._terms.retry)
        log.info("%s leads with lease %s", self._identity, self._key)

    async def release(self) -> None:
        """Let the next candidate start at once; if that fails it starts when the lease has run out."""
        try:
            lease = await self._client.get(*self._key)
            if _spec(lease).get("holderIdentity") == self._identity:
                await self._write(lease, holderIdentity="", leaseDurationSeconds=1)
        except (ApiError, OSError) as error:
            log.info("lease %s was not given up: %s", self._key, error)

    async def _hold(self) -> None:
        renewed_at = self._clock.monotonic()
        while True:
            await sleep(self._clock, self._terms.retry)
            asked_at = self._clock.monotonic()
            left = self._terms.renew - (asked_at - renewed_at)
            if left > 0 and await self._try(left):
                # The others may have seen the renewal as early as this; a slow answer must not lengthen our term.
                renewed_at = asked_at
            elif self._clock.monotonic() - renewed_at >= self._terms.renew:
                raise LeadershipLostError(f"lease {self._key} could not be renewed")

    async def _try(self, within: float | None = None) -> bool:
        """Take or renew the lease; False if it is another's, or the server does not let us."""
        try:
            async with asyncio.timeout(self._terms.renew if within is None else within):
                return await self._take()
        except (ApiError, OSError) as error:
            # TimeoutError is an OSError.
            log.info("lease %s: %s", self._key, error)
            return False

    async def _take(self) -> bool:
        try:
            lease = await self._client.get(*self._key)
        except ApiError as error:
            if not error.not_found:
                raise
            await self._client.create(self._first())
            return True
        spec = _spec(lease)
        if spec != self._seen:
            self._seen, self._seen_at = spec, self._clock.monotonic()
        holder = spec.get("holderIdentity")
        if holder == self._identity:
            await self._write(lease, renewTime=self._now())
            return True
        lasts = float(spec.get("leaseDurationSeconds") or self._terms.lease)
        if holder and self._clock.monotonic() - self._seen_at < lasts:
            return False
        transitions = int(spec.get("leaseTransitions") or 0) + 1
        await self._write(lease, **self._claim(), leaseTransitions=transitions)
        return True

    def _first(self) -> Unstructured:
        metadata = {"name": self._key.name, "namespace": self._key.namespace}
        return Unstructured({"metadata": metadata, "spec": {**self._claim(), "leaseTransitions": 0}})

    def _claim(self) -> dict[str, Any]:
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._terms.lease),
            "acquireTime": self._now(),
            "renewTime": self._now(),
        }

    def _now(self) -> str:
        return format_micro_time(self._clock.now())

    async def _write(self, lease: Unstructured, **changes: Any) -> None:
        # The version in it makes the write fail if another candidate was faster.
        stored = await self._client.update(Unstructured({**lease.raw, "spec": {**_spec(lease), **changes}}))
        self._seen, self._seen_at = _spec(stored), self._clock.monotonic()


def _spec(lease: Unstructured) -> dict[str, Any]:
    return dict(lease.raw.get("spec") or {})
