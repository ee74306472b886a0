"""The acceptance table of search-spaces.md §8: every kind of parameter, for every algorithm (algorithms.md §16.4).

Each request asks for one point, those with a history with another seed each time, the others the next point of one
sequence. `nox -s fuzz` makes as many as the table says, `nox -s test` a few. These call the function under the service: what gRPC adds is tested beside.
"""

from __future__ import annotations

import os
import statistics
from collections import Counter
from dataclasses import dataclass

import pytest
from contracts.algorithms.questions import (
    REGISTRY,
    a_parameter,
    a_question,
    a_trial,
    an_experiment,
    points_of,
    seed_of,
)

from katib_apis.v1beta1 import api_pb2
from katib_domain.search_space import Finite, parse_domain
from katib_suggestion.answers import answer_suggestions
from katib_suggestion.experiments import to_parameter_text
from katib_suggestion.memory import Memory

FULL = "KATIB_FUZZ_EXAMPLES" in os.environ
FEW, MANY = (200, 5000) if FULL else (4, 250)
WITHOUT_HISTORY = ("random", "sobol", "halton")
UNIFORM, LOG_UNIFORM, NORMAL, LOG_NORMAL = api_pb2.UNIFORM, api_pb2.LOG_UNIFORM, api_pb2.NORMAL, api_pb2.LOG_NORMAL
TAIL = 6.0
"""How many standard errors a share or a mean may be off: a chance of about one in 10⁹, for each of some hundred."""


@dataclass(frozen=True)
class Row:
    """A row of the table: a parameter, the texts of its values if they are few, and what holds of many draws."""

    parameter: api_pb2.ParameterSpec
    texts: frozenset[str] = frozenset()
    mean: tuple[float, float] | None = None
    """The mean and the deviation of the values."""
    median: float | None = None


def whole(low: str, high: str, step: str = "", distribution: int = UNIFORM) -> api_pb2.ParameterSpec:
    return a_parameter("p", api_pb2.INT, bounds=(low, high), step=step, distribution=distribution)


def real(low: str, high: str, step: str = "", distribution: int = UNIFORM) -> api_pb2.ParameterSpec:
    return a_parameter("p", api_pb2.DOUBLE, bounds=(low, high), step=step, distribution=distribution)


def texts(line: str) -> frozenset[str]:
    return frozenset(line.split())


def numbers(low: int, high: int) -> frozenset[str]:
    return frozenset(map(str, range(low, high + 1)))


ROWS = {
    "int 1..4": Row(whole("1", "4"), numbers(1, 4)),
    "int 1..50 step 10": Row(whole("1", "50", "10"), texts("1 11 21 31 41")),
    "int 1..5 step 0.8": Row(whole("1", "5", "0.8"), numbers(1, 5)),
    "int 5..10 step 0.01 logUniform": Row(whole("5", "10", "0.01", LOG_UNIFORM), numbers(5, 10)),
    "int 5..100 normal": Row(whole("5", "100", "", NORMAL), numbers(5, 100), mean=(52.5, 15.7)),
    "int 32..64 logNormal": Row(whole("32", "64", "", LOG_NORMAL), numbers(32, 64)),
    "int -10..10": Row(whole("-10", "10"), numbers(-10, 10)),
    **{f"int 1..1 {name}": Row(whole("1", "1", "", name), texts("1")) for name in range(1, 5)},
    "double 0.1..0.9": Row(real("0.1", "0.9"), mean=(0.5, 0.231)),
    "double 0.1..0.9 step 0.2": Row(real("0.1", "0.9", "0.2"), texts("0.1 0.3 0.5 0.7 0.9")),
    "double 0.1..0.3 step 0.1": Row(real("0.1", "0.3", "0.1"), texts("0.1 0.2 0.3")),
    "double 0..1 step 0.35": Row(real("0", "1", "0.35"), texts("0.0 0.35 0.7")),
    "double 0.001..1 logUniform": Row(real("0.001", "1", "", LOG_UNIFORM), median=0.0316),
    "double 0.001..1 step 0.1 logUniform": Row(
        real("0.001", "1", "0.1", LOG_UNIFORM), frozenset(f"0.{digit}01" for digit in range(10))
    ),
    "double 0..1 normal": Row(real("0", "1", "", NORMAL), mean=(0.5, 0.1644)),
    "double 0..1 step 0.1 normal": Row(
        real("0", "1", "0.1", NORMAL), texts("0.0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0")
    ),
    "double 0.001..1 logNormal": Row(real("0.001", "1", "", LOG_NORMAL), median=0.0316),
    "double -5..5": Row(real("-5", "5"), mean=(0.0, 2.89)),
    **{f"double 1..1 {name}": Row(real("1", "1", "", name), texts("1.0")) for name in range(1, 5)},
    "discrete 3, 2, 6": Row(a_parameter("p", api_pb2.DISCRETE, list=["3", "2", "6"]), texts("3 2 6")),
    "discrete 0.10, 0.2": Row(a_parameter("p", api_pb2.DISCRETE, list=["0.10", "0.2"]), texts("0.10 0.2")),
    "categorical": Row(a_parameter("p", api_pb2.CATEGORICAL, list=["cat1", "cat2", "cat3"]), texts("cat1 cat2 cat3")),
}
SECOND, THIRD = (a_parameter(name, api_pb2.DOUBLE, bounds=("0", "1")) for name in ("second", "third"))
"""Beside it, so that no space ends before the draws do, and so that cmaes has two parameters of numbers."""


def drawn(algorithm: str, parameter: api_pb2.ParameterSpec, count: int, trials: list[api_pb2.Trial]) -> list[str]:
    """The parameter's values in as many answers."""
    alone = algorithm in WITHOUT_HISTORY
    memory = Memory()
    found = []
    for number in range(count):
        seed = seed_of(algorithm, 1 if alone else number)
        question = a_question(an_experiment(algorithm, [parameter, SECOND, THIRD], seed, most=10**6), trials, wanted=1)
        question.total_request_number = (number if alone else len(trials)) + 1
        (point,) = points_of(answer_suggestions(question, REGISTRY, memory=memory))
        found.append(point["p"])
    return found


def a_history(parameter: api_pb2.ParameterSpec) -> list[api_pb2.Trial]:
    """Twenty random trials that end well, the larger the better."""
    experiment = an_experiment("random", [parameter, SECOND, THIRD], {"random_state": "1"})
    points = points_of(answer_suggestions(a_question(experiment, wanted=20), REGISTRY))
    return [a_trial(number, point, point["second"]) for number, point in enumerate(points)]


def low_and_high(parameter: api_pb2.ParameterSpec) -> tuple[float, float]:
    return float(parameter.feasible_space.min), float(parameter.feasible_space.max)


@pytest.mark.parametrize("name", ROWS)
def test_every_value_is_one_of_the_parameter_in_its_right_form(algorithm: str, name: str) -> None:
    row = ROWS[name]
    alone = algorithm in WITHOUT_HISTORY
    values = drawn(algorithm, row.parameter, MANY if alone else FEW, [] if alone else a_history(row.parameter))
    if row.texts:
        assert set(values) <= row.texts
        return
    low, high = low_and_high(row.parameter)
    assert all(low <= float(value) <= high and value == repr(float(value)) != "-0.0" for value in values)


@pytest.mark.parametrize("name", ROWS)
def test_random_draws_have_the_shares_mean_and_median_of_the_table(name: str) -> None:
    """D-07, D-08, D-09, U-11; §5.2: the weights, by Pearson's statistic."""
    row = ROWS[name]
    values = drawn("random", row.parameter, MANY, [])
    domain = parse_domain(to_parameter_text(row.parameter))
    if row.texts:
        assert domain.size == len(row.texts)
        _follows_the_weights(domain, Counter(values), len(values))  # type: ignore[arg-type]
    if row.mean is not None:
        mean, deviation = row.mean
        assert abs(statistics.fmean(map(float, values)) - mean) < TAIL * deviation / len(values) ** 0.5
        assert abs(statistics.stdev(map(float, values)) / deviation - 1) < TAIL / (2 * len(values)) ** 0.5 + 0.02
    if row.median is not None:
        below = sum(float(value) < row.median for value in values) / len(values)
        assert abs(below - 0.5) < TAIL * 0.5 / len(values) ** 0.5


def _follows_the_weights(domain: Finite, counts: Counter[str], total: int) -> None:
    """Pearson's statistic is below the bound that Laurent and Massart (2000) give for a chance of 10⁻⁶.

    Values that are expected less than five times count together.
    """
    expected = {domain.format(index): total * domain.weight(index) for index in range(domain.size)}
    rare = [text for text, share in expected.items() if share < 5]
    cells = [(expected[text], counts[text]) for text in expected if text not in rare]
    if rare:
        cells.append((sum(expected[text] for text in rare), sum(counts[text] for text in rare)))
    statistic = sum((count - share) ** 2 / share for share, count in cells if share)
    degrees, chance = len(cells) - 1, 13.8155
    assert statistic <= degrees + 2 * (degrees * chance) ** 0.5 + 2 * chance, counts
