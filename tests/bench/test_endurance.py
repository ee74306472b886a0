"""The bench of many trials objects to memory that grows with them, and to nothing of a server whose memory is flat."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "hack/bench"))

import endurance
from endurance import SERVER, WARM, Sample

AFTER = Sample(0, {SERVER: 100.0}, 0.3, 0.1)


def samples(memory: Callable[[int], float]) -> list[Sample]:
    """Those of 1,000 trials, whose objects take 14 KiB each, with the memory in MiB after a number of them."""
    return [Sample(done, {SERVER: memory(done)}, done * 14 / 1024, done / 1024) for done in range(0, 1001, 100)]


def filled(trials: int) -> float:
    """What a server takes that fills what it may hold, and no more."""
    return 67.0 + 25.0 * min(trials, WARM) / WARM


def test_memory_that_is_flat_after_the_warm_up_is_nothing_to_object_to() -> None:
    assert endurance.objections(samples(filled), AFTER) == []


def test_memory_that_moves_by_a_mebibyte_is_flat() -> None:
    assert endurance.objections(samples(lambda done: filled(done) + done // 100 % 2), AFTER) == []


def test_memory_that_grows_with_every_trial_is_objected_to() -> None:
    """As it did: by 31 KiB for each, from the four hundredth on."""
    grown = samples(lambda done: filled(done) + done * 31 / 1024)
    assert endurance.objections(grown, AFTER) == [
        "memory of the API server grows by 31.0 KiB for each trial, not by 8 at most"
    ]


def test_memory_of_the_other_programs_is_told_and_not_objected_to() -> None:
    grown = [
        Sample(one.trials, {SERVER: 90.0, "katib_controller": one.trials * 31 / 1024}, one.objects, one.observations)
        for one in samples(filled)
    ]
    assert round(endurance.growth(grown, "katib_controller")) == 31
    assert endurance.objections(grown, AFTER) == []


def test_disk_that_grows_faster_than_the_trials_is_objected_to() -> None:
    grown = [Sample(one.trials, one.memory, one.trials**2 / 1e5, one.observations) for one in samples(filled)]
    (objection,) = endurance.objections(grown, AFTER)
    assert objection.startswith("objects grows faster than the trials: ")
