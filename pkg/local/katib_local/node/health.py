"""The health of one running container: started up, ready, alive.

Knows Kubernetes' rules of when to look and what looks come to. How a look is taken is `probes`' business, what follows
from it `pod`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from katib_local.node.probes import Outcome

Json = Mapping[str, Any]
Look = Callable[[Json], Awaitable[Outcome]]


class Probe(Enum):
    """The three questions."""

    STARTUP = "startup"
    READINESS = "readiness"
    LIVENESS = "liveness"

    def find(self, container: Json) -> Json | None:
        """A container's probe of this kind, or None."""
        return container.get(f"{self.value}Probe") or None


@dataclass(frozen=True)
class Rules:
    """When a probe looks, in seconds, and how many looks in a row decide."""

    delay: float = 0
    period: float = 10
    successes: int = 1
    failures: int = 3


def parse_rules(probe: Json) -> Rules:
    """The rules of a probe, with Kubernetes' defaults."""
    return Rules(
        float(probe.get("initialDelaySeconds") or 0),
        float(probe.get("periodSeconds") or Rules.period),
        int(probe.get("successThreshold") or Rules.successes),
        int(probe.get("failureThreshold") or Rules.failures),
    )


class Tally:
    """Looks in a row that came to the same."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._last: bool | None = None
        self._count = 0

    def record(self, good: bool | None) -> bool | None:
        """What is decided after one more look; None while nothing is. A look that showed nothing does not count."""
        if good is None:
            return None
        self._count = self._count + 1 if good is self._last else 1
        self._last = good
        return good if self._count >= (self._rules.successes if good else self._rules.failures) else None


@dataclass(frozen=True)
class Watcher:
    """Who is told: of each look that went wrong, and of each decision that is another than the one before."""

    warn: Callable[[str], None]
    decide: Callable[[Probe, bool], None]


async def watch_health(container: Json, look: Look, watcher: Watcher) -> None:
    """Probe a container that has just started, until this is cancelled or it has failed for good.

    As in a cluster, nothing else is asked before a container has started up, and all delays count from its start.
    """
    started_at = asyncio.get_running_loop().time()
    startup = Probe.STARTUP.find(container)
    if startup is not None and not await _watch(Probe.STARTUP, startup, look, watcher, started_at):
        return
    async with asyncio.TaskGroup() as tasks:
        for kind in (Probe.READINESS, Probe.LIVENESS):
            probe = kind.find(container)
            if probe is not None:
                tasks.create_task(_watch(kind, probe, look, watcher, started_at))


async def _watch(kind: Probe, probe: Json, look: Look, watcher: Watcher, started_at: float) -> bool:
    """Look until there is nothing left to ask; returns the last decision."""
    rules, clock = parse_rules(probe), asyncio.get_running_loop()
    tally, told = Tally(rules), None
    next_at = started_at + rules.delay
    while True:
        await asyncio.sleep(max(0.0, next_at - clock.time()))
        next_at = clock.time() + rules.period
        outcome = await look(probe)
        if outcome.good is not True:
            watcher.warn(render_warning(kind, outcome))
        decided = tally.record(outcome.good)
        if decided is None or decided is told:
            continue
        told = decided
        watcher.decide(kind, decided)
        if kind is Probe.STARTUP or (kind is Probe.LIVENESS and not decided):
            return decided


def render_warning(kind: Probe, outcome: Outcome) -> str:
    """What an event says of a look that was not good."""
    title = kind.value.capitalize()
    if outcome.good is None:
        return f"{title} probe errored and resulted in unknown state: {outcome.message}"
    return f"{title} probe failed: {outcome.message}"
