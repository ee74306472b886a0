"""search-spaces.md: exact grids, distributions, texts and refusals."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_domain.search_space import Grid, ParameterText, algorithm_space_errors, parse_space, space_errors
from katib_domain.search_space.distributions import Distribution
from katib_domain.search_space.domains import parse_domain


def double(low: str, high: str, step: str = "", distribution: str = "uniform") -> ParameterText:
    return ParameterText("x", "double", low, high, step, (), distribution)


def integer(low: str, high: str, step: str = "", distribution: str = "uniform") -> ParameterText:
    return ParameterText("x", "int", low, high, step, (), distribution)


def listed(*entries: str, kind: str = "categorical") -> ParameterText:
    return ParameterText("x", kind, list=entries)


GRIDS = {
    double("0.1", "0.9", "0.2"): "0.1 0.3 0.5 0.7 0.9",
    double("0.1", "0.3", "0.1"): "0.1 0.2 0.3",
    double("0.1", "0.7", "0.2"): "0.1 0.3 0.5 0.7",
    double("0.01", "0.05", "0.005"): "0.01 0.015 0.02 0.025 0.03 0.035 0.04 0.045 0.05",
    double("0", "1", "0.35"): "0.0 0.35 0.7",
    double("-1", "1", "0.5"): "-1.0 -0.5 0.0 0.5 1.0",
    double("1", "11", "2.5"): "1.0 3.5 6.0 8.5 11.0",
    double("1", "1"): "1.0",
    double("0", "1", "2"): "0.0",
    integer("1", "50", "10"): "1 11 21 31 41",
    integer("1", "4"): "1 2 3 4",
    integer("1", "5", "0.8"): "1 2 3 4 5",
    integer("1", "10", "0.7"): "1 2 3 4 5 6 7 8 9",
    integer("1", "11", "2.5"): "1 4 6 8 11",
    integer("1", "1", "1", "logUniform"): "1",
    integer("-2", "2"): "-2 -1 0 1 2",
    integer("3.0", "5e0"): "3 4 5",
    listed("3", "2", "6", kind="discrete"): "2 3 6",
    listed("0.10", "0.2", kind="discrete"): "0.10 0.2",
    listed("b", "a"): "b a",
}


@pytest.mark.parametrize(("parameter", "texts"), GRIDS.items(), ids=lambda value: str(value)[:40])
def test_grids_are_anchored_at_min_and_printed_exactly(parameter: ParameterText, texts: str) -> None:
    """§5.1, D-06, D-08, D-11."""
    space = parse_space([parameter])
    assert space.size == len(texts.split())
    assert [space.format((index,))["x"] for index in range(space.size)] == texts.split()


def test_a_fine_grid_has_every_point() -> None:
    assert parse_space([double("0.0001", "0.02", "0.0001")]).size == 200


QUANTILES = {
    ("normal", 0.0, 1.0): [0, 0.176920, 0.387939, 0.5, 0.612061, 0.823080, 1],
    ("logNormal", 0.001, 1.0): [0.001, 0.00339438, 0.0145820, 0.0316228, 0.0685778, 0.294605, 1],
}


@pytest.mark.parametrize(("key", "values"), QUANTILES.items())
def test_bell_shaped_distributions_are_truncated_at_the_bounds(
    key: tuple[str, float, float], values: list[float]
) -> None:
    """§4, D-09."""
    found = [Distribution(*key).quantile(u) for u in (0, 0.025, 0.25, 0.5, 0.75, 0.975, 1)]
    assert found == pytest.approx(values, rel=1e-4)


def test_log_uniform_follows_the_table() -> None:
    found = [Distribution("logUniform", 0.0001, 0.1).quantile(u) for u in (0, 0.1, 0.25, 0.5, 0.75, 1)]
    assert found == pytest.approx([0.0001, 0.000199526, 0.000562341, 0.00316228, 0.0177828, 0.1], rel=1e-5)


WEIGHTS = {
    integer("1", "4"): [0.25] * 4,
    integer("1", "4", "", "logUniform"): [0.5, 0.232487, 0.153135, 0.114378],
    integer("1", "3", "", "logUniform"): [0.564575, 0.262512, 0.172913],
    integer("1", "9", "", "normal"): [0.003966, 0.026083, 0.099972, 0.223701, 0.292555, 0.223701, 0.099972, 0.026083, 0.003966],
    double("0.01", "0.05", "0.01", "normal"): [0.012138, 0.214441, 0.546842, 0.214441, 0.012138],
    double("0.001", "1", "0.1", "logUniform"): [
        0.573360, 0.158287, 0.074105, 0.048900, 0.036556, 0.029204, 0.024320, 0.020838, 0.018229, 0.016201,
    ],
}  # fmt: skip


@pytest.mark.parametrize(("parameter", "weights"), WEIGHTS.items(), ids=lambda value: str(value)[:40])
def test_grid_points_have_the_mass_around_them(parameter: ParameterText, weights: list[float]) -> None:
    """§5.2, D-07."""
    domain = parse_domain(parameter)
    assert isinstance(domain, Grid)
    assert domain.weights() == pytest.approx(weights, abs=1e-6)


@pytest.mark.parametrize(
    "parameter", [*WEIGHTS, integer("1", "50", "10"), integer("5", "10", "0.01", "logUniform")], ids=str
)
def test_draws_follow_the_weights(parameter: ParameterText) -> None:
    """§8: chi-square, seeded; the bound is far beyond significance 1e-6."""
    space, dice, draws = parse_space([parameter]), random.Random(7), 5000
    counts = Counter(space.sample(dice) for _ in range(draws))
    domain = space.domains[0]
    assert isinstance(domain, Grid)
    expected = [weight * draws for weight in domain.weights()]
    chi = sum((counts[(index,)] - wanted) ** 2 / wanted for index, wanted in enumerate(expected))
    freedom = len(expected) - 1
    assert chi < freedom + 8 * math.sqrt(2 * freedom) + 20


REFUSED: dict[str, tuple[ParameterText, str]] = {
    "V2": (ParameterText("x", "unknown"), "spec.parameters[0].parameterType"),
    "V3 text": (double("a", "1"), "spec.parameters[0].feasibleSpace.min"),
    "V3 nan": (double("0", "nan"), "spec.parameters[0].feasibleSpace.max"),
    "V3 inf": (double("0", "inf"), "spec.parameters[0].feasibleSpace.max"),
    "V3 empty": (double("0", ""), "spec.parameters[0].feasibleSpace.max"),
    "V4": (double("2", "1"), "spec.parameters[0].feasibleSpace.min"),
    "V5 zero": (double("0", "1", "0"), "spec.parameters[0].feasibleSpace.step"),
    "V5 negative": (double("0", "1", "-1"), "spec.parameters[0].feasibleSpace.step"),
    "V6": (integer("1.5", "3"), "spec.parameters[0].feasibleSpace.min"),
    "V8": (double("0", "1", "", "logUniform"), "spec.parameters[0].feasibleSpace.min"),
    "V8 normal": (double("-1", "1", "", "logNormal"), "spec.parameters[0].feasibleSpace.min"),
    "V9 empty": (listed(), "spec.parameters[0].feasibleSpace.list"),
    "V9 twice": (listed("a", "b", "a"), "spec.parameters[0].feasibleSpace.list[2]"),
}


@pytest.mark.parametrize(("parameter", "path"), REFUSED.values(), ids=REFUSED.keys())
def test_a_space_that_cannot_be_served_names_the_field(parameter: ParameterText, path: str) -> None:
    errors = space_errors([parameter])
    assert [error.path for error in errors] == [path]
    with pytest.raises(ValueError, match="spec"):
        parse_space([parameter])


def test_names_are_unique_and_not_empty() -> None:
    """V1."""
    errors = space_errors([integer("1", "2"), integer("1", "2"), ParameterText("", "int", "1", "2")])
    assert [error.path for error in errors] == ["spec.parameters[1].name", "spec.parameters[2].name"]


def test_algorithms_ask_more_of_a_space() -> None:
    """V10, V11."""
    free = [double("0", "1")]
    assert algorithm_space_errors("grid", {}, free, None, 3)[0].path == "spec.parameters[0].feasibleSpace.step"
    assert not algorithm_space_errors("grid", {}, free, 10, 3)
    assert algorithm_space_errors("cmaes", {}, free, 10, 3)
    assert not algorithm_space_errors("cmaes", {}, [*free, *free], 10, 3)
    assert algorithm_space_errors("hyperband", {}, [listed("a", kind="discrete")], 10, 3)
    assert not algorithm_space_errors("random", {}, [listed("a", kind="discrete")], 10, 3)


def test_spelling_does_not_matter_to_a_point() -> None:
    """§6: 2, 2.0 and 2e0 are the same."""
    space = parse_space([integer("1", "4")])
    assert {space.parse({"x": text}) for text in ("2", "2.0", "2e0", " 2 ")} == {(1,)}


@pytest.mark.parametrize("text", ["", "a", "nan", "2.5", "1_0"])
def test_an_assignment_that_is_no_value_is_unusable(text: str) -> None:
    """U-02."""
    assert parse_space([integer("1", "4")]).parse({"x": text}) is None
    assert parse_space([integer("1", "4")]).parse({}) is None


PARAMETERS = st.sampled_from(
    [
        *GRIDS,
        double("0.001", "1", "", "logUniform"),
        double("-5", "5"),
        double("0.001", "1", "", "logNormal"),
        double("0", "1", "", "normal"),
    ]
)


@given(st.lists(PARAMETERS, min_size=1, max_size=4), st.integers())
def test_every_drawn_point_survives_text_and_model_coordinates(parameters: list[ParameterText], seed: int) -> None:
    named = [ParameterText(f"p{index}", *list(vars(entry).values())[1:]) for index, entry in enumerate(parameters)]
    space = parse_space(named)
    point = space.sample(random.Random(seed))
    texts = space.format(point)
    assert space.parse(texts) == point
    assert not [text for text in texts.values() if text in ("-0.0", "nan", "inf")]
    for domain, value in zip(space.domains, point, strict=True):
        again = domain.decode(domain.encode(value))  # type: ignore[arg-type]
        assert again == pytest.approx(value)


@given(st.integers(0, 59))
def test_points_of_a_finite_space_are_counted(index: int) -> None:
    space = parse_space(
        [
            ParameterText("a", "int", "1", "3"),
            ParameterText("b", "categorical", list=tuple("abcd")),
            ParameterText("c", "int", "1", "5"),
        ]
    )
    assert space.size == 60
    assert len({space.at(number) for number in range(60)}) == 60
    assert space.at(index)[2] == index % 5
