"""collectors.md §6 with COL-10: when a trial is stopped."""

from __future__ import annotations

import pytest

from katib_domain.metric_logs import MetricRow
from katib_metricscollector.flags import StopRule, parse_stop_rule
from katib_metricscollector.stop_rules import StopRules


def stopped_after(rules: list[str], kind: str, reports: list[tuple[str, str]]) -> int | None:
    state = StopRules((parse_stop_rule(rule) for rule in rules), "loss", kind)
    for index, (name, value) in enumerate(reports, start=1):
        state.feed(MetricRow("", name, value))
        if state.met:
            return index
    return None


def losses(*values: str) -> list[tuple[str, str]]:
    return [("loss", value) for value in values]


CASES = {
    "third report, best so far": (["loss;0.5;greater;3"], "minimize", losses("0.9", "0.6", "0.55"), 3),
    "the best has become good enough": (["loss;0.5;greater;3"], "minimize", losses("0.9", "0.4", "0.8", "0.9"), None),
    "from the first": (["loss;0.6;less;0"], "maximize", losses("0.4"), 1),
    "also after the start step": (["acc;0.6;less;2"], "minimize", [("acc", "0.9"), ("acc", "0.8"), ("acc", "0.5")], 3),
    "text is no report": (
        ["acc;0.6;less;2"],
        "minimize",
        [("acc", "x"), ("acc", "nan"), ("acc", "0.5"), ("acc", "0.5")],
        4,
    ),
    "all must be met": (
        ["acc;1;equal;0", "loss;1;greater;0"],
        "minimize",
        [("acc", "1"), ("acc", "0"), ("loss", "2")],
        3,
    ),
    "own counters on one metric": (["acc;1;less;1", "acc;1;less;2"], "minimize", [("acc", "0"), ("acc", "0")], 2),
}


@pytest.mark.parametrize(("rules", "kind", "reports", "stopped"), CASES.values(), ids=CASES.keys())
def test_rules_are_met_as_reports_come(
    rules: list[str], kind: str, reports: list[tuple[str, str]], stopped: int | None
) -> None:
    """ES-06: at every report from the start step on, each rule with a counter of its own."""
    assert stopped_after(rules, kind, reports) == stopped


def test_without_rules_nothing_is_ever_stopped() -> None:
    assert stopped_after([], "minimize", losses("1", "2")) is None
    assert parse_stop_rule("a;1;less;2") == StopRule("a", 1.0, "less", 2)
