"""Several objectives: which metrics there are, and which way each of them is better.

The first is the Experiment's objective; the others are its additional metrics. Each goes the way that its strategy names,
`min` or `max`, and without one of those the way of the objective; the settings `minimize` and `maximize` overrule both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from katib_domain.algorithm_needs import ADDITIONAL_METRICS, SECOND_METRIC
from katib_suggestion.problem import Objective
from katib_suggestion.search import Algorithm
from katib_suggestion.settings import setting, shown


@dataclass(frozen=True)
class SeveralObjectives(Algorithm):
    """An algorithm that looks for the best compromises; its observations have a loss for each objective."""

    several: ClassVar[bool] = True

    minimize: str = setting("")
    """Additional metrics of which less is better, separated by commas."""
    maximize: str = setting("")
    """Additional metrics of which more is better, separated by commas."""


def directed(minimize: str, maximize: str, objectives: Sequence[Objective]) -> tuple[list[Objective], list[str]]:
    """The objectives with the directions that these two settings name, and all that is wrong with both.

    Each metric is there once, also when its name is not.
    """
    errors = _repeated([entry.metric for entry in objectives])
    found = {entry.metric: entry for entry in objectives[1:] if entry.metric != objectives[0].metric}
    told: dict[str, str] = {}
    for name, text, larger in (("minimize", minimize, False), ("maximize", maximize, True)):
        place = f"spec.algorithm.algorithmSettings: setting {name}"
        for metric in filter(None, map(str.strip, text.split(","))):
            if metric not in found:
                known = ", ".join(found) or "none: list them in spec.objective.additionalMetricNames"
                errors.append(f"{place}: {shown(metric)} is no additional metric; there are {known}")
            elif told.setdefault(metric, name) != name:
                errors.append(f"{place}: {shown(metric)} stands in minimize too: remove it from one of them")
            else:
                found[metric] = replace(found[metric], maximize=larger)
    if not found:
        errors.append(f"{ADDITIONAL_METRICS}: {SECOND_METRIC}")
    return [objectives[0], *found.values()], errors


def _repeated(metrics: Sequence[str]) -> list[str]:
    """What is wrong with names of metrics, the objective's first: one that is there twice would count twice."""
    objective, *others = metrics
    errors = (
        [f"{ADDITIONAL_METRICS}: {shown(objective)} is the objective: remove it here"] if objective in others else []
    )
    twice = [name for name in dict.fromkeys(others) if name != objective and others.count(name) > 1]
    return errors + [f"{ADDITIONAL_METRICS}: {shown(name)} is there twice: remove one" for name in twice]
