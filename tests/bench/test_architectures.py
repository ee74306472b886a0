"""The bench of architectures: a table of all of them, searches that look it up, and rows that are not made twice."""

from __future__ import annotations

import random
import sys
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "hack/bench"))

import architectures

WAYS = architectures.WAYS


@pytest.mark.parametrize("way", WAYS)
def test_a_search_repeats_and_only_becomes_better(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(architectures, "TRIALS", 12)
    dice = random.Random(1)
    table = {point: dice.random() for point in architectures.points()}
    one, other = (architectures.best_so_far(WAYS[way], 7, table) for _ in range(2))
    assert one == other and len(one) == 12
    assert all(before <= after for before, after in pairwise(one))
    assert one != architectures.best_so_far(WAYS[way], 8, table)


def test_every_architecture_is_in_the_table_once_and_can_be_trained() -> None:
    points = architectures.points()
    assert len(set(points)) == len(points) == 512
    pooled = next(point for point in points if [row[0] for row in architectures.SPACE.rows(point)] == [3, 3, 3])
    assert architectures.accuracy_of(pooled) == architectures.accuracy_of(pooled) < 0.5


def test_what_is_kept_is_not_made_again() -> None:
    table = architectures.row_of("enas", "table", 0, [0.5] * 512)
    ways = [architectures.row_of("enas", way, seed, [1]) for way in WAYS for seed in architectures.SEEDS]
    cells = [
        architectures.row_of("darts", way, seed, [1]) for way in architectures.CELLS for seed in architectures.WEIGHTS
    ]
    assert [*architectures.campaign([table, *ways, *cells])] == []
    (missing,) = architectures.campaign([table, *ways[1:], *cells])
    assert (missing["algorithm"], missing["way"], missing["seed"]) == ("enas", "enas", architectures.SEEDS[0])
    assert missing["values"] == [0.5] * architectures.TRIALS
