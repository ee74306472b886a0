"""How long containers wait before they start again."""

from __future__ import annotations

from katib_local.node.restarts import Backoff, render_span


def test_a_container_that_fails_in_a_row_waits_ever_longer() -> None:
    backoff = Backoff()
    assert [backoff.pause_after("main", 1.0) for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert backoff.pause_after("other", 1.0) == 0


def test_a_container_that_has_run_for_long_is_forgiven() -> None:
    backoff = Backoff()
    assert [backoff.pause_after("main", ran) for ran in (1, 1, 600, 601, 1)] == [0, 10, 20, 0, 10]


def test_the_first_start_of_a_container_that_was_taken_up_is_one_more() -> None:
    backoff = Backoff(["main"])
    assert [backoff.pause_after(name, 1.0) for name in ("main", "main", "other")] == [10, 20, 0]


def test_a_pause_is_written_as_a_cluster_does() -> None:
    assert [render_span(pause) for pause in (10, 80, 300)] == ["10s", "1m20s", "5m0s"]
