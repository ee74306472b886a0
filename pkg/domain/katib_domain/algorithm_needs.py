"""What algorithms of ours cannot do without, beside settings: known by name, so that admission refuses before they are asked.

Their services say the same in the same words, since not everybody asks through admission. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

NAS_CONFIG: Final = "spec.nasConfig"
ADDITIONAL_METRICS: Final = "spec.objective.additionalMetricNames"
ARCHITECTURES: Mapping[str, str] = {
    "darts": "say what the edges may be, instead of spec.parameters",
    "enas": "say what the layers may be, instead of spec.parameters",
}
"""Algorithms that search architectures, each with the cure where there is nothing to search."""
SEVERAL_OBJECTIVES = frozenset({"motpe", "nsgaii"})
"""Algorithms that look for compromises."""
SECOND_METRIC: Final = "name at least one metric beside the objective"


@dataclass(frozen=True)
class Missing:
    """A field that is needed, and what to write there."""

    path: str
    cure: str


def find_missing(algorithm: str, *, architectures: bool, additional_metrics: int) -> Iterator[Missing]:
    """What an Experiment lacks for its algorithm, given whether it has a nasConfig and how many additional metrics."""
    if algorithm in ARCHITECTURES and not architectures:
        yield Missing(NAS_CONFIG, f"{ARCHITECTURES[algorithm]}; {algorithm} searches architectures")
    if algorithm in SEVERAL_OBJECTIVES and not additional_metrics:
        yield Missing(ADDITIONAL_METRICS, f"{SECOND_METRIC}; {algorithm} looks for compromises between several")
