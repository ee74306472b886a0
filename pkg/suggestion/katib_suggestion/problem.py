"""What an Experiment asks for, as it is written: the one place of texts, from which spaces are read.

Algorithms that search something else than parameters (architectures, say) read their space from here; those that search
parameters need not know this room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from katib_domain.search_space import (
    ParameterText,
    SearchSpace,
    algorithm_space_errors,
    parse_space,
    space_errors,
)


class RefusedError(ValueError):
    """A request that cannot be served as it is; the message names every field, its value and the rule."""

    def __init__(self, *errors: str) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


@dataclass(frozen=True)
class Budget:
    """How many trials the Experiment may make; None where it does not say."""

    max_trial_count: int | None = None
    parallel_trial_count: int | None = None


@dataclass(frozen=True)
class Objective:
    """A metric and its direction."""

    metric: str
    maximize: bool = False

    def loss(self, value: float) -> float:
        """A value as a loss: smaller is better."""
        return -value if self.maximize else value


@dataclass(frozen=True)
class OperationText:
    """One kind of layer, and the parameters of it."""

    type: str
    parameters: tuple[ParameterText, ...]


@dataclass(frozen=True)
class NasText:
    """The search space of a neural architecture search: spec.nasConfig."""

    num_layers: int
    input_sizes: tuple[int, ...]
    output_sizes: tuple[int, ...]
    operations: tuple[OperationText, ...]


@dataclass(frozen=True)
class Problem:
    """An Experiment as it is written."""

    algorithm: str
    parameters: tuple[ParameterText, ...] = ()
    objectives: tuple[Objective, ...] = (Objective(""),)
    """The objective, and behind it the additional metrics."""
    settings: tuple[tuple[str, str], ...] = ()
    budget: Budget = Budget()
    nas: NasText | None = None

    def read_parameters(self, *, without: str | None = None) -> SearchSpace:
        """The space of spec.parameters, but for one that the algorithm sets itself; raises RefusedError."""
        errors = self.parameter_errors()
        if errors:
            raise RefusedError(*errors)
        return parse_space([entry for entry in self.parameters if entry.name != without])

    def parameter_errors(self) -> list[str]:
        """All that is wrong with spec.parameters, for any algorithm and for this one (U-08)."""
        if not self.parameters:
            return ["spec.parameters: there are none: name at least one parameter"]
        found: Sequence[object] = space_errors(self.parameters) or algorithm_space_errors(
            self.algorithm,
            dict(self.settings),
            self.parameters,
            self.budget.max_trial_count,
            self.budget.parallel_trial_count,
        )
        return [str(error) for error in found]
