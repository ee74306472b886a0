"""What authors of algorithms get wrong: whatever is no point of the space, and answers that no controller takes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from katib_domain.search_space import ParameterText, parse_space
from katib_suggestion.history import History
from katib_suggestion.proposals import ProposalError, Task, suggest
from katib_suggestion.randomness import Randomness
from katib_suggestion.search import Algorithm, Answer, Point, Scheduler, Search, Suggestion

LINE = ParameterText("x", "double", min="0", max="1")
STEPS = ParameterText("epochs", "int", min="1", max="3")
WRONG_POINTS = [[0.5], ([0.5],), (np.array([0.5]),), {"x": 0.5}, 0.5, None]


def a_task(strategy: Algorithm | Scheduler, *parameters: ParameterText) -> Task:
    return Task(strategy, parse_space(parameters or [LINE]), Randomness("dice", "e", 1))


def points_of(answer: Answer) -> list[Point]:
    return [entry.point for entry in answer.suggestions]


@dataclass(frozen=True)
class Careless(Algorithm):
    """Proposes whatever it is told to."""

    what: ClassVar[object] = None

    def propose(self, search: Search) -> Iterator[Point]:
        yield self.what  # type: ignore[misc]


@pytest.mark.parametrize("what", [*WRONG_POINTS, (2.0,), (0.5, 0.5), ("0.5",), (math.nan,), ()])
def test_a_proposal_that_is_no_point_of_the_space_is_told_to_the_author(
    what: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """U-04: nothing outside the space leaves the service, whoever wrote the algorithm."""
    monkeypatch.setattr(Careless, "what", what)
    with pytest.raises(ProposalError, match=r"Careless proposed .* is no point of the space: make points with"):
        suggest(a_task(Careless()), History(), 0, 1)


@pytest.mark.parametrize("flag", ["complete", "repeats"])
@pytest.mark.parametrize("what", WRONG_POINTS)
def test_what_is_no_tuple_of_values_is_told_by_every_kind_of_algorithm(
    what: object, flag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is no way to end a search, and nothing is looked up that cannot be."""
    monkeypatch.setattr(Careless, "what", what)
    monkeypatch.setattr(Careless, flag, True)
    told = f"Careless proposed {what!r}, which is no point of the space: make points with"
    with pytest.raises(ProposalError, match=re.escape(told)):
        suggest(a_task(Careless()), History(), 0, 1)


@pytest.mark.parametrize("what", [None, 0.5])
def test_an_algorithm_that_forgets_to_yield_is_told_so(what: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Careless, "propose", lambda self, search: what)
    told = f"Careless proposed {what}, which is no iterator of points: write `yield point` in propose"
    with pytest.raises(ProposalError, match=re.escape(told)):
        suggest(a_task(Careless()), History(), 0, 1)


def test_an_algorithm_may_return_a_list_of_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Careless, "propose", lambda self, search: [(0.25,), (0.5,)])
    assert points_of(suggest(a_task(Careless()), History(), 0, 2)) == [(0.25,), (0.5,)]


def test_numbers_of_numpy_are_written_as_python_writes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    task = a_task(Careless(), LINE, STEPS)
    monkeypatch.setattr(Careless, "what", (np.float64(0.25), np.int64(2)))
    (point,) = points_of(suggest(task, History(), 0, 1))
    assert task.space.format(point) == {"x": "0.25", "epochs": "3"}


@dataclass(frozen=True)
class Eager(Scheduler):
    """Suggests more than was asked for, or one name twice."""

    count: ClassVar[int] = 2

    def schedule(self, search: Search) -> Answer:
        return Answer(tuple(Suggestion((0.5,), name="same") for _ in range(self.count)))


@dataclass(frozen=True)
class Forgetful(Scheduler):
    """Answers whatever it is told to."""

    what: ClassVar[object] = None

    def schedule(self, search: Search) -> Answer:
        return self.what  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (None, "Forgetful returned None from schedule, which is no Answer: return Answer(suggestions), with a tuple"),
        ((), "Forgetful returned () from schedule, which is no Answer: "),
        (Answer(None), "Forgetful returned Answer(suggestions=None, settings={}) from schedule, which is no Answer: "),  # type: ignore[arg-type]
        (Answer(((0.5,),)), "Forgetful suggested (0.5,) in schedule, which is no Suggestion: make it with Suggestion("),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_answer_is_told_to_the_author_of_a_scheduler(
    what: object, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Forgetful, "what", what)
    with pytest.raises(ProposalError, match=re.escape(told)):
        suggest(a_task(Forgetful()), History(), 0, 1)


def test_an_answer_that_no_controller_takes_is_told_to_the_author() -> None:
    """algorithms.md §2.4."""
    with pytest.raises(ProposalError, match="Eager made 2 suggestions for 1"):
        suggest(a_task(Eager()), History(), 0, 1)
    with pytest.raises(ProposalError, match="Eager gave two trials one name, among same, same"):
        suggest(a_task(Eager()), History(), 0, 2)
