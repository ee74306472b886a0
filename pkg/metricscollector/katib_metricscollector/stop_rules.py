"""When a trial is to be stopped: early-stopping rules fed with its reports (collectors.md §6, COL-10). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from katib_apis.v1beta1.enums import ComparisonType, ObjectiveType
from katib_domain.metric_logs import MetricRow, is_numeric
from katib_metricscollector.flags import StopRule


class StopRules:
    """Rules that are not met yet. All must be met, not at the same time; one that was met is gone for good."""

    def __init__(self, rules: Iterable[StopRule], objective: str, objective_type: str) -> None:
        self._remaining = list(rules)
        self._objective = objective
        self._better = max if objective_type == ObjectiveType.MAXIMIZE else min
        self._best: float | None = None
        self._steps: Counter[StopRule] = Counter()
        self._given = bool(self._remaining)

    @property
    def met(self) -> bool:
        """Whether the trial is to be stopped."""
        return self._given and not self._remaining

    def feed(self, row: MetricRow) -> None:
        """Apply one report to every remaining rule about its metric, once, in order; text is no report."""
        if not is_numeric(row.value):
            return
        value = float(row.value)
        if row.name == self._objective:
            self._best = value if self._best is None else self._better(self._best, value)
            value = self._best
        self._remaining = [rule for rule in self._remaining if rule.name != row.name or not self._meets(rule, value)]

    def _meets(self, rule: StopRule, value: float) -> bool:
        self._steps[rule] += 1
        if self._steps[rule] < rule.start_step:
            return False
        match rule.comparison:
            case ComparisonType.EQUAL:
                return value == rule.value
            case ComparisonType.LESS:
                return value < rule.value
            case _:
                return value > rule.value
