"""darts: hands settings and primitives to a trial, which does the whole search itself (algorithms.md §14).

Reference: Liu, Simonyan, Yang, arXiv:1806.09055.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from katib_domain.algorithm_needs import ARCHITECTURES, NAS_CONFIG
from katib_domain.search_space import Point, SearchSpace
from katib_suggestion.operations import GRAPH, PATH, operations_errors, quote_errors, to_command_text
from katib_suggestion.problem import NasText, OperationText
from katib_suggestion.search import Algorithm, Problem, RefusedError, Search
from katib_suggestion.settings import setting

SKIP = "skip_connection"
SETTINGS = "spec.algorithm.algorithmSettings"


@dataclass(frozen=True)
class SameForAll(SearchSpace):
    """A space of one point without parameters: what every trial of an Experiment is told."""

    assignments: tuple[tuple[str, str], ...]

    def format(self, point: Point) -> dict[str, str]:
        return dict(self.assignments)

    def read(self, assignments: Mapping[str, str]) -> tuple[Point | None, bool]:
        return (), dict(assignments) == dict(self.assignments)


@dataclass(frozen=True)
class DARTS(Algorithm):
    """The same assignments for every trial."""

    seed_names: ClassVar[tuple[str, ...]] = ()
    lenient: ClassVar[bool] = True
    repeats: ClassVar[bool] = True

    num_epochs: int = setting(50, at_least=1)
    """Passes over the training data."""
    w_lr: float = setting(0.025, at_least=0.0)
    """The learning rate of the weights, at first."""
    w_lr_min: float = setting(0.001, at_least=0.0)
    """The learning rate of the weights, at last."""
    w_momentum: float = setting(0.9, at_least=0.0)
    """The momentum of the weights."""
    w_weight_decay: float = setting(0.0003, at_least=0.0)
    """The decay of the weights."""
    w_grad_clip: float = setting(5.0, at_least=0.0)
    """The largest norm of the weights' gradient."""
    alpha_lr: float = setting(0.0003, at_least=0.0)
    """The learning rate of the architecture."""
    alpha_weight_decay: float = setting(0.001, at_least=0.0)
    """The decay of the architecture's parameters."""
    batch_size: int | None = setting(128, at_least=1, none="None")
    """Examples in each step; None for all."""
    num_workers: int = setting(4, at_least=0)
    """Processes that load data."""
    init_channels: int = setting(16, at_least=1)
    """Channels of the first cell."""
    print_step: int = setting(50, at_least=1)
    """Steps from one line of the log to the next."""
    num_nodes: int = setting(4, at_least=1)
    """Nodes of a cell."""
    stem_multiplier: int = setting(3, at_least=1)
    """How many times the channels of a cell those of the stem are."""

    def read_space(self, problem: Problem) -> SameForAll:
        nas = problem.nas
        if nas is None:
            raise RefusedError(f"{NAS_CONFIG}: is missing: {ARCHITECTURES['darts']}")
        errors = [*_graph_errors(nas), *operations_errors(nas, bare=(SKIP,)), *_setting_errors(problem)]
        errors = errors or list(_first_errors(nas))
        if errors:
            raise RefusedError(*errors)
        assignments = {
            "algorithm-settings": to_command_text(self._told(dict(problem.settings))),
            "search-space": to_command_text([name for entry in nas.operations for name in _primitives(entry)]),
            "num-layers": str(nas.num_layers),
        }
        return SameForAll((), (), tuple(assignments.items()))

    def propose(self, search: Search) -> Iterator[Point]:
        yield ()

    @staticmethod
    def _told(given: Mapping[str, str]) -> dict[str, Any]:
        """All settings: defaults as numbers, what users gave as their texts, None as null."""
        defaults: dict[str, Any] = {entry.name: entry.default for entry in fields(DARTS)}
        return {**defaults, **{name: None if text == "None" else text for name, text in given.items()}}


def _graph_errors(nas: NasText) -> Iterator[str]:
    if nas.num_layers < 1:
        yield f"{GRAPH}.numLayers: {nas.num_layers} is not possible: give at least 1"


def _setting_errors(problem: Problem) -> Iterator[str]:
    for name, text in problem.settings:
        yield from quote_errors(SETTINGS, [name, text])


def _first_errors(nas: NasText) -> Iterator[str]:
    """The first parameter of an operation lists its sizes."""
    for index, entry in enumerate(nas.operations):
        if entry.type != SKIP and not entry.parameters[0].list:
            place = f"{PATH}.operations[{index}].parameters[0].feasibleSpace.list"
            yield f"{place}: is missing: list the sizes of {entry.type}, for example 3 and 5"


def _primitives(operation: OperationText) -> list[str]:
    if operation.type == SKIP:
        return [SKIP]
    return [f"{operation.type}_{size}x{size}" for size in operation.parameters[0].list]
