"""The bench of one answer says what is slower than it should be, and nothing of what nobody measured."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "hack/bench"))

import suggestion

FAST = {"decode": 9.0, "next": 4.0, "optuna": 1.0, "call": 5.0, "katib": 94.0, "fresh": 20.0, "katib fresh": 132.0}


def test_what_is_slower_than_a_limit_is_named_with_it() -> None:
    assert suggestion.verdicts("tpe", 1000, FAST) == []
    assert suggestion.verdicts("tpe", 1000, FAST | {"decode": 11.0}) == ["decode > 10.0"]
    assert suggestion.verdicts("tpe", 1000, FAST | {"next": 5.5}) == ["next > 5.0"]
    assert suggestion.verdicts("tpe", 1000, FAST | {"next": 5.5, "optuna": 5.0}) == []
    assert suggestion.verdicts("tpe", 1000, FAST | {"call": 20.0, "fresh": 70.0}) == ["call > 18.8", "fresh > 66.0"]


def test_where_katib_is_quick_or_was_not_measured_there_is_no_limit() -> None:
    slow = FAST | {"call": 40.0, "katib": 49.0, "fresh": 400.0, "katib fresh": None, "next": 400.0, "optuna": None}
    assert suggestion.verdicts("cmaes", 1000, slow) == []


def test_katibs_values_are_those_of_its_fastest_service_of_that_name() -> None:
    assert suggestion.katib_of("tpe", 1000) == (94.5, 132.1)
    assert suggestion.katib_of("cmaes", 1000) == (6.2, None)
    assert suggestion.katib_of("halton", 1000) == (None, None)
