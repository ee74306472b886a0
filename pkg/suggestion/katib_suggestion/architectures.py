"""Chains of layers with skip connections, as points of a search space (algorithms.md §13).

A point holds, layer by layer, the id of the operation and one flag for each earlier layer that may be connected besides
the last one, the network's input being layer 0. So all that the layer promises of points holds for architectures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from katib_domain.algorithm_needs import ARCHITECTURES, NAS_CONFIG
from katib_domain.search_space import Assignment, Nominal, Point, SearchSpace
from katib_suggestion.operations import (
    GRAPH,
    Operation,
    count_errors,
    operations_errors,
    read_operations,
    to_command_text,
)
from katib_suggestion.problem import NasText, Problem, RefusedError

ARCHITECTURE, CONFIGURATION = "architecture", "nn_config"
MOST_LAYERS = 64
FLAGS = ("0", "1")


@dataclass(frozen=True)
class ArchitectureSpace(SearchSpace):
    """All architectures of some layers and operations."""

    operations: tuple[Operation, ...]
    input_sizes: tuple[int, ...]
    output_sizes: tuple[int, ...]
    layers: int

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where in a point each layer starts; layer L (from 1) has L values."""
        return tuple(layer * (layer + 1) // 2 for layer in range(self.layers))

    def rows(self, point: Sequence[int | float]) -> list[list[int]]:
        """A point as the rows of the assignment."""
        return [[int(value) for value in point[start : start + row + 1]] for row, start in enumerate(self.starts)]

    def format(self, point: Point) -> dict[str, str]:
        rows = self.rows(point)
        used = dict.fromkeys(row[0] for row in rows)
        configuration = {
            "num_layers": self.layers,
            "input_sizes": list(self.input_sizes),
            "output_sizes": list(self.output_sizes),
            "embedding": {str(number): self.operations[number].describe(number) for number in used},
        }
        return {ARCHITECTURE: to_command_text(rows), CONFIGURATION: to_command_text(configuration)}

    def read(self, assignments: Mapping[str, str]) -> tuple[Point | None, bool]:
        """The point of a trial's `architecture`; there is none near to a text that is no architecture of this space."""
        try:
            rows = json.loads(assignments.get(ARCHITECTURE, ""))
        except (ValueError, RecursionError):
            return None, False
        if not (isinstance(rows, list) and len(rows) == self.layers and all(isinstance(row, list) for row in rows)):
            return None, False
        point = tuple(value for row in rows for value in row)
        good = [len(row) for row in rows] == list(range(1, self.layers + 1)) and all(self._fits(point))
        return (point, True) if good else (None, False)

    def _fits(self, point: Sequence[object]) -> Iterator[bool]:
        for value, domain in zip(point, self.domains, strict=True):
            yield type(value) is int and 0 <= value < (domain.size or 0)

    def read_entries(self, entries: Sequence[Assignment]) -> tuple[Point | None, bool]:
        return self.read({entry.name: entry.value for entry in entries})


def read_architectures(problem: Problem) -> ArchitectureSpace:
    """The space of spec.nasConfig; raises RefusedError with all that is wrong with it."""
    nas = problem.nas
    if nas is None:
        raise RefusedError(f"{NAS_CONFIG}: is missing: {ARCHITECTURES['enas']}")
    errors = [*graph_errors(nas), *operations_errors(nas)] or count_errors(nas)
    if errors:
        raise RefusedError(*errors)
    operations = read_operations(nas)
    kinds = Nominal(tuple(map(str, range(len(operations)))))
    names, domains = [], []
    for layer in range(1, nas.num_layers + 1):
        names += [f"layer {layer}", *(f"layer {layer} from {source}" for source in range(layer - 1))]
        domains += [kinds, *[Nominal(FLAGS)] * (layer - 1)]
    return ArchitectureSpace(
        tuple(names), tuple(domains), operations, nas.input_sizes, nas.output_sizes, nas.num_layers
    )


def graph_errors(nas: NasText) -> Iterator[str]:
    """What is wrong with the outline of the network."""
    if not 1 <= nas.num_layers <= MOST_LAYERS:
        yield f"{GRAPH}.numLayers: {nas.num_layers} is not possible: give a number of layers from 1 to {MOST_LAYERS}"
    for field, sizes in (("inputSizes", nas.input_sizes), ("outputSizes", nas.output_sizes)):
        if not sizes:
            yield f"{GRAPH}.{field}: is missing: give the size in each dimension, for example [32, 32, 3] or [10]"
