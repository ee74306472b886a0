"""When a container is probed, and what its probes come to: thresholds, order, ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_local.node.health import Probe, Rules, Tally, Watcher, parse_rules, render_warning, watch_health
from katib_local.node.probes import Outcome

Json = dict[str, Any]
QUICK: Json = {"periodSeconds": 0.001}


def test_a_probe_that_names_no_rules_has_those_of_kubernetes() -> None:
    assert parse_rules({}) == Rules(delay=0, period=10, successes=1, failures=3)
    named = {"initialDelaySeconds": 5, "periodSeconds": 2, "successThreshold": 4, "failureThreshold": 1}
    assert parse_rules(named) == Rules(5, 2, 4, 1)


TALLIES = [
    ("three bad ones in a row decide", Rules(), "---", [None, None, False]),
    ("a good one in between starts the count again", Rules(), "--+---", [None, None, True, None, None, False]),
    ("one that showed nothing does not count", Rules(failures=2), "-?-", [None, None, False]),
    ("good ones may be asked for in a row", Rules(successes=2), "+-++", [None, None, None, True]),
    ("what was decided stays decided", Rules(failures=1), "--+", [False, False, True]),
]


@pytest.mark.parametrize(("rules", "looks", "expected"), [row[1:] for row in TALLIES], ids=[row[0] for row in TALLIES])
def test_looks_in_a_row_decide(rules: Rules, looks: str, expected: list[bool | None]) -> None:
    tally = Tally(rules)
    assert [tally.record({"+": True, "-": False}.get(sign)) for sign in looks] == expected


@given(st.lists(st.sampled_from([True, False, None])), st.integers(1, 4), st.integers(1, 4))
def test_nothing_is_decided_before_its_threshold(looks: list[bool | None], successes: int, failures: int) -> None:
    tally = Tally(Rules(successes=successes, failures=failures))
    seen: list[bool] = []
    for good in looks:
        seen += [] if good is None else [good]
        decided = tally.record(good)
        if decided is not None:
            threshold = successes if decided else failures
            assert good is decided and seen[-threshold:] == [decided] * threshold


class Diary:
    """What is told of a container, in order, until so many decisions have been told."""

    def __init__(self, container: Json, looks: Mapping[str, Iterable[bool | None]]) -> None:
        self.container = {f"{name}Probe": {**QUICK, "name": name} for name in looks} | container
        self.looks = {name: iter(outcomes) for name, outcomes in looks.items()}
        self.asked: list[str] = []
        self.decided: list[tuple[str, bool]] = []
        self.warned: list[str] = []

    async def look(self, probe: Mapping[str, Any]) -> Outcome:
        self.asked.append(probe["name"])
        try:
            return Outcome(next(self.looks[probe["name"]]), "so it is")
        except StopIteration:
            return await asyncio.get_running_loop().create_future()  # it hangs

    async def write(self, decisions: int) -> None:
        """Watch until so many decisions have been told, or the watch has ended."""
        enough = asyncio.Event()

        def decide(probe: Probe, good: bool) -> None:
            self.decided.append((probe.value, good))
            if len(self.decided) == decisions:
                enough.set()

        watching = asyncio.ensure_future(watch_health(self.container, self.look, Watcher(self.warned.append, decide)))
        await asyncio.wait([watching, asyncio.ensure_future(enough.wait())], return_when=asyncio.FIRST_COMPLETED)
        self.ended = watching.done()
        watching.cancel()
        enough.set()
        await asyncio.gather(watching, return_exceptions=True)


async def test_nothing_else_is_asked_before_a_container_has_started_up() -> None:
    diary = Diary({}, {"startup": [False, False, True], "readiness": [True], "liveness": [True]})
    await diary.write(3)
    assert diary.decided[0] == ("startup", True) and diary.asked[:3] == ["startup"] * 3
    assert sorted(diary.decided[1:]) == [("liveness", True), ("readiness", True)]
    assert diary.asked.count("startup") == 3


async def test_a_container_that_does_not_start_up_is_asked_nothing_more() -> None:
    diary = Diary({}, {"startup": [False] * 3, "readiness": [True]})
    await diary.write(2)
    assert diary.decided == [("startup", False)] and "readiness" not in diary.asked


async def test_readiness_comes_and_goes_and_is_told_when_it_changes() -> None:
    diary = Diary({}, {"readiness": [True, True, False, False, False, True]})
    await diary.write(3)
    assert diary.decided == [("readiness", True), ("readiness", False), ("readiness", True)]
    assert diary.warned == ["Readiness probe failed: so it is"] * 3


async def test_a_container_that_is_not_alive_is_not_asked_again() -> None:
    diary = Diary({}, {"liveness": [True, False, False, False, True]})
    await diary.write(3)
    assert diary.decided == [("liveness", True), ("liveness", False)] and diary.asked == ["liveness"] * 4


def test_a_probe_that_could_not_be_tried_says_so() -> None:
    text = render_warning(Probe.LIVENESS, Outcome(None, "no such port"))
    assert text == "Liveness probe errored and resulted in unknown state: no such port"
