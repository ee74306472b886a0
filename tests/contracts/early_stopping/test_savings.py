"""What early stopping saves on the simulated curves of quality.md §7, and that it costs nothing: quality, not time."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[3] / "hack/bench/early_stopping.py"
SEEDS = 15


def measured(seeds: int) -> str:
    command = [sys.executable, str(BENCH), "--json", f"--seeds={seeds}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str], dict[str, Any]]:
    found = [json.loads(line) for line in measured(SEEDS).splitlines()]
    return {(row["curves"], row["way"]): row for row in found}


@pytest.mark.parametrize(
    ("curves", "way", "least"),
    [
        ("power law", "asha", 0.6),
        ("crossing", "asha", 0.6),
        ("power law, no ties", "asha", 0.6),
        ("crossing, no ties", "asha", 0.6),
        ("power law", "medianstop", 0.2),
        ("power law", "medianstop after one", 0.2),
        ("crossing", "medianstop", 0.2),
        ("crossing", "medianstop after one", 0.2),
        ("power law, no ties", "medianstop", 0.2),
        ("crossing, no ties", "medianstop", 0.2),
    ],
)
def test_so_much_is_saved_at_no_worse_final_value(
    rows: dict[tuple[str, str], dict[str, Any]], curves: str, way: str, least: float
) -> None:
    """Of the epochs of all seeds: how much one seed saves hangs, where curves tie, on which trials come first."""
    row = rows[curves, way]
    assert statistics.fmean(row["saved"]) >= least
    assert statistics.median(row["worse"]) <= 0


def test_the_best_trial_is_never_stopped_where_the_ranking_is_constant(
    rows: dict[tuple[str, str], dict[str, Any]],
) -> None:
    for curves in ("power law", "power law, no ties"):
        for way in ("medianstop", "medianstop at creation", "asha", "asha at creation"):
            assert rows[curves, way]["worse"] == [0] * SEEDS


def test_refreshed_rules_save_more_than_those_of_the_beginning(rows: dict[tuple[str, str], dict[str, Any]]) -> None:
    """ES-05."""
    for curves in ("crossing", "power law, no ties", "crossing, no ties"):
        for way in ("medianstop", "asha"):
            refreshed, kept = rows[curves, way]["saved"], rows[curves, f"{way} at creation"]["saved"]
            assert statistics.median(refreshed) > statistics.median(kept)


def test_the_same_seeds_give_the_same_numbers() -> None:
    assert measured(1) == measured(1)
