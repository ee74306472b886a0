"""A limit on how fast a process asks: so many requests a second on average, so many at once.

Knows a clock. Requests are held back in the order in which they came; streams are not, because a watch that waits is
blind. A leader's lease is renewed past the limit: give its election the transport without it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from katib_machinery.clock import Clock, SystemClock, sleep
from katib_machinery.transport import JSON, Transport


class ThrottledTransport:
    """A transport that sends at most `burst` requests at once and `rate` requests a second in the long run."""

    def __init__(self, inner: Transport, rate: float, burst: int, clock: Clock | None = None) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError(f"a limit of {rate} requests a second and {burst} at once lets nothing through")
        self._inner = inner
        self._rate, self._burst = rate, burst
        self._clock = clock or SystemClock()
        # When the bucket is full again: each request moves it on by the span that one request is worth.
        self._full_at = self._clock.monotonic()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
    ) -> bytes:
        """Send one request when it is its turn."""
        # Less than a microsecond is what sums of fractions leave over.
        if (seconds := self._reserve()) > 1e-6:
            await sleep(self._clock, seconds)
        return await self._inner.request(method, path, params=params, body=body, content_type=content_type)

    def stream(self, path: str, *, params: Mapping[str, str] | None = None) -> AsyncIterator[bytes]:
        """Yield lines, from now on."""
        return self._inner.stream(path, params=params)

    def _reserve(self) -> float:
        """Take a place; the seconds until it is free."""
        now = self._clock.monotonic()
        self._full_at = max(self._full_at, now) + 1 / self._rate
        return self._full_at - now - self._burst / self._rate
