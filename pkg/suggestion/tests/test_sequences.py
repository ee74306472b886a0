"""sobol and halton: even fillings of a space, found again by counting."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from katib_domain.search_space import ParameterText, Point, SearchSpace, parse_space
from katib_suggestion.algorithms.halton import Halton
from katib_suggestion.algorithms.sobol import Sobol
from katib_suggestion.history import History
from katib_suggestion.proposals import Task, suggest
from katib_suggestion.randomness import Randomness
from katib_suggestion.search import Algorithm, State, Trial
from katib_suggestion.sequences import halton_point, primes, sobol_point

KEYS = st.integers(0, 2**64 - 1)
LINE = ParameterText("x", "double", min="0", max="1")
WHOLE = ParameterText("n", "int", min="1", max="4")
LIST = ParameterText("c", "categorical", list=("a", "b", "c"))
RATE = ParameterText("rate", "double", min="0.0001", max="0.1", distribution="logUniform")


def asked(algorithm: Algorithm, space: SearchSpace, wanted: int, issued: int = 0, seed: int | None = 1) -> list[Point]:
    """Points of a search whose earlier trials are not told."""
    task = Task(algorithm, space, Randomness("sequence", "e", seed))
    return [entry.point for entry in suggest(task, History(), issued, wanted).suggestions]


def test_the_plain_sequence_is_the_standard_one() -> None:
    """algorithms.md §10: direction numbers new-joe-kuo-6, Gray code order, the corner passed over."""
    points = [sobol_point(index, 3) for index in range(1, 6)]
    assert points == [
        [0.5, 0.5, 0.5],
        [0.75, 0.25, 0.25],
        [0.25, 0.75, 0.75],
        [0.375, 0.375, 0.625],
        [0.875, 0.875, 0.125],
    ]


@settings(max_examples=25)
@given(KEYS, st.integers(0, 6), st.integers(0, 7))
def test_every_power_of_two_of_sobol_points_has_one_in_each_share(key: int, power: int, block: int) -> None:
    size = 2**power
    points = [sobol_point(block * size + index, 20, key) for index in range(size)]
    for axis in range(20):
        assert sorted(int(point[axis] * size) for point in points) == list(range(size))


@settings(max_examples=25)
@given(KEYS)
def test_sixteen_sobol_points_have_one_in_each_square(key: int) -> None:
    points = [sobol_point(index, 2, key) for index in range(16)]
    assert len({(int(x * 4), int(y * 4)) for x, y in points}) == 16


@settings(max_examples=25)
@given(KEYS, st.integers(0, 3))
def test_every_power_of_a_prime_of_halton_points_has_one_in_each_share(key: int, block: int) -> None:
    for axis, prime in enumerate(primes(4)):
        size = prime * prime
        points = [halton_point(block * size + index, 4, key) for index in range(size)]
        assert sorted(int(point[axis] * size) for point in points) == list(range(size))


def test_there_may_be_more_parameters_than_direction_numbers() -> None:
    points = [sobol_point(index, 300, 5) for index in range(64)]
    assert all(0 <= x < 1 for point in points for x in point)
    assert all(len({point[axis] for point in points}) == 64 for axis in range(300))


@pytest.mark.parametrize("algorithm", [Sobol(), Sobol(random_state=3), Halton()])
def test_a_sequence_goes_on_behind_what_was_issued(algorithm: Algorithm) -> None:
    """D-29, U-01: its place is the number of suggestions so far, and nothing else is remembered."""
    space = parse_space([LINE, RATE, WHOLE])
    whole = asked(algorithm, space, 20)
    assert whole == asked(algorithm, space, 7) + asked(algorithm, space, 13, issued=7)


def test_sobol_is_scrambled_by_its_seed_and_plain_without_one() -> None:
    """algorithms.md §10."""
    space = parse_space([LINE, RATE])
    plain = [space.from_unit(sobol_point(index, 2)) for index in range(1, 9)]
    assert asked(Sobol(), space, 8, seed=1) == asked(Sobol(), space, 8, seed=2) == plain
    assert len({tuple(asked(Sobol(random_state=seed), space, 8)) for seed in range(5)}) == 5


@pytest.mark.parametrize(("algorithm", "axis", "count"), [(Sobol(random_state=3), 0, 16), (Halton(), 1, 9)])
def test_behind_the_middle_no_scrambled_point_is_left_out(algorithm: Algorithm, axis: int, count: int) -> None:
    """So many points have one in each share of a range (Owen, arXiv:2008.08051)."""
    space = parse_space([LINE, replace(LINE, name="y")])
    points = asked(algorithm, space, count + 1)[1:]
    assert sorted(int(float(point[axis]) * count) for point in points) == list(range(count))


@pytest.mark.parametrize("algorithm", [Sobol(), Sobol(random_state=0), Sobol(random_state=7), Halton()])
def test_a_sequence_begins_in_the_middle(algorithm: Algorithm) -> None:
    """algorithms.md §10: U-11, the middle of a logarithmic range is that of its logarithms."""
    ((x, rate),) = asked(algorithm, parse_space([LINE, RATE]), 1)
    assert x == 0.5 and rate == pytest.approx(10**-2.5)


@pytest.mark.parametrize("algorithm", [Sobol(), Sobol(random_state=3), Halton()])
def test_every_int_has_its_share_up_to_the_largest(algorithm: Algorithm) -> None:
    """D-28."""
    values = Counter(point[1] for point in asked(algorithm, parse_space([LINE, WHOLE]), 64))
    assert sorted(values) == [0, 1, 2, 3] and all(14 <= count <= 18 for count in values.values())


@pytest.mark.parametrize("algorithm", [Sobol(), Sobol(random_state=3), Halton()])
def test_points_that_a_history_has_are_passed_by(algorithm: Algorithm) -> None:
    """D-29, U-06: in a space that ends, too."""
    space = parse_space([WHOLE, LIST])
    task = Task(algorithm, space, Randomness("sequence", "e", 1))
    history = History()
    for number in range(12):
        (found,) = suggest(task, history, number, 1).suggestions
        assert found.point not in history.seen
        history.add(Trial(str(number), State.FAILED, found.point), exact=True)
    assert suggest(task, history, 12, 3).suggestions == ()


def test_a_sequence_that_comes_late_to_a_point_does_not_keep_it() -> None:
    """U-06: the last points of a large list come in another order, the same one in every call."""
    names = tuple(f"v{number}" for number in range(200))
    space = parse_space([ParameterText("c", "categorical", list=names)])
    assert len(set(asked(Sobol(random_state=1), space, 200))) == 200
    assert asked(Sobol(random_state=1), space, 200, seed=None) == asked(Sobol(random_state=1), space, 200, seed=None)


def test_primes_are_primes() -> None:
    assert list(primes(10)) == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
