"""search-spaces.md: exact grids, distributions, texts and refusals."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import NormalDist

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from katib_apis.v1beta1.enums import ParameterType
from katib_apis.v1beta1.models import ParameterSpec
from katib_domain.search_space import (
    Continuous,
    Distribution,
    Domain,
    Grid,
    Nominal,
    Ordinal,
    ParameterText,
    SearchSpace,
    algorithm_space_errors,
    parse_domain,
    parse_space,
    space_errors,
)


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
    integer("1", "5", "0.8"): "1 2 3 4 5",  # V7: such a step is no mistake
    integer("1", "10", "0.7"): "1 2 3 4 5 6 7 8 9",
    integer("1", "11", "2.5"): "1 4 6 8 11",
    integer("1", "1", "1", "logUniform"): "1",
    integer("-2", "2"): "-2 -1 0 1 2",
    integer("3.0", "5e0"): "3 4 5",
    listed("3", "2", "6", kind="discrete"): "2 3 6",
    listed("0.10", "0.2", kind="discrete"): "0.10 0.2",
    listed("3", "2.0", "2", "1e1", kind="discrete"): "2.0 2 3 1e1",
    listed("10", "two", kind="discrete"): "10 two",
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
    integer("5", "10", "0.01", "logUniform"): [
        math.log((k + 0.5) / (k - 0.5)) / math.log(10.5 / 4.5) for k in range(5, 11)
    ],
}  # fmt: skip


def weights_of(domain: Domain) -> list[float]:
    assert not isinstance(domain, Continuous)
    return [domain.weight(index) for index in range(domain.size)]


@pytest.mark.parametrize(("parameter", "weights"), WEIGHTS.items(), ids=lambda value: str(value)[:40])
def test_grid_points_have_the_mass_around_them(parameter: ParameterText, weights: list[float]) -> None:
    """§5.2, D-07."""
    assert weights_of(parse_domain(parameter)) == pytest.approx(weights, abs=1e-6)


@pytest.mark.parametrize(("distribution", "some"), [("logUniform", {0: 0.043608, 32: 0.021802}), ("logNormal", {0: 0.001227, 13: 0.076680, 32: 0.000605})])  # fmt: skip
def test_long_grids_have_the_weights_of_the_table(distribution: str, some: dict[int, float]) -> None:
    weights = weights_of(parse_domain(integer("32", "64", "", distribution)))
    assert math.fsum(weights) == pytest.approx(1)
    assert {index: weights[index] for index in some} == pytest.approx(some, abs=1e-6)


@given(st.sampled_from([*WEIGHTS, *(entry for entry in GRIDS if not entry.list)]), st.floats(0, 1))
def test_a_unit_number_falls_into_the_first_point_whose_cumulative_weight_exceeds_it(
    parameter: ParameterText, u: float
) -> None:
    domain = parse_domain(parameter)
    assert isinstance(domain, Grid)
    index, weights = domain.from_unit(u), weights_of(domain)
    assert math.fsum(weights[:index]) <= u + 1e-9
    assert math.fsum(weights[: index + 1]) >= u - 1e-9
    assert domain.from_unit(1.0) == domain.size - 1


def test_a_grid_may_have_more_points_than_anybody_can_list() -> None:
    """The size is counted, never listed (U-07)."""
    for parameter in (double("0", "1", "1e-9", "normal"), integer("1", "1" + "0" * 40, "", "logUniform")):
        domain = parse_domain(parameter)
        assert isinstance(domain, Grid)
        assert domain.size > 10**8
        index = domain.from_unit(0.25)
        assert 0 < index < domain.size
        assert domain.read(domain.format(index)) == (index, True)


def test_a_step_that_doubles_cannot_show_is_no_step() -> None:
    assert isinstance(parse_domain(double("0", "1", "1e-300")), Continuous)
    assert isinstance(parse_domain(double("1", "1" + "0" * 5, "1e-9")), Grid)


def test_bounds_that_are_the_same_double_are_one_value() -> None:
    assert parse_space([double("0.1", "0.10000000000000000001")]).size == 1


def chi_square(counts: Counter[int], weights: list[float]) -> float:
    draws = counts.total()
    return sum((counts[index] - draws * weight) ** 2 / (draws * weight) for index, weight in enumerate(weights))


def chi_square_bound(freedom: int) -> float:
    """The quantile for significance 1e-6, after Wilson and Hilferty."""
    part = 2 / (9 * freedom)
    return freedom * (1 - part + NormalDist().inv_cdf(1 - 1e-6) * math.sqrt(part)) ** 3


ACCEPTANCE: dict[str, tuple[ParameterText, set[str]]] = {
    "int": (integer("1", "4"), set("1234")),
    "int step": (integer("1", "50", "10"), {"1", "11", "21", "31", "41"}),
    "int fraction": (integer("1", "5", "0.8"), set("12345")),
    "int log fraction": (integer("5", "10", "0.01", "logUniform"), {"5", "6", "7", "8", "9", "10"}),
    "int normal": (integer("5", "100", "", "normal"), {str(number) for number in range(5, 101)}),
    "int log normal": (integer("32", "64", "", "logNormal"), {str(number) for number in range(32, 65)}),
    "int negative": (integer("-10", "10"), {str(number) for number in range(-10, 11)}),
    "double step": (double("0.1", "0.9", "0.2"), {"0.1", "0.3", "0.5", "0.7", "0.9"}),
    "double short": (double("0.1", "0.3", "0.1"), {"0.1", "0.2", "0.3"}),
    "double odd": (double("0", "1", "0.35"), {"0.0", "0.35", "0.7"}),
    "double log step": (double("0.001", "1", "0.1", "logUniform"), {str(n / 1000) for n in range(1, 1000, 100)}),
    "double normal step": (double("0", "1", "0.1", "normal"), {str(n / 10) for n in range(11)}),
    "discrete": (listed("3", "2", "6", kind="discrete"), set("326")),
    "discrete text": (listed("0.10", "0.2", kind="discrete"), {"0.10", "0.2"}),
    "categorical": (listed("cat1", "cat2", "cat3"), {"cat1", "cat2", "cat3"}),
}


@pytest.mark.parametrize(("parameter", "texts"), ACCEPTANCE.values(), ids=ACCEPTANCE.keys())
def test_draws_are_in_the_list_of_values_and_follow_the_weights(parameter: ParameterText, texts: set[str]) -> None:
    """§8: 5,000 draws; D-07, D-08, D-09."""
    space, dice = parse_space([parameter]), random.Random(7)
    points = [space.sample(dice) for _ in range(5000)]
    assert {space.format(point)["x"] for point in points} <= texts
    weights = weights_of(space.domains[0])
    assert len(weights) == len(texts)
    common = [index for index, weight in enumerate(weights) if weight * 5000 >= 5]
    counts = Counter(int(point[0]) for point in points)
    part = [weights[index] for index in common]
    drawn = Counter({place: counts[index] for place, index in enumerate(common)})
    assert chi_square(drawn, [weight / sum(part) for weight in part]) < chi_square_bound(len(common) - 1)


CONTINUOUS = {
    "uniform": (double("0.1", "0.9"), 0.5, 0.8 / math.sqrt(12)),
    "negative": (double("-5", "5"), 0.0, 10 / math.sqrt(12)),
    "normal": (double("0", "1", "", "normal"), 0.5, 0.1644),
}


@pytest.mark.parametrize(("parameter", "mean", "deviation"), CONTINUOUS.values(), ids=CONTINUOUS.keys())
def test_continuous_draws_have_the_mean_and_deviation(parameter: ParameterText, mean: float, deviation: float) -> None:
    space, dice = parse_space([parameter]), random.Random(3)
    draws = [float(space.sample(dice)[0]) for _ in range(5000)]
    assert statistics.fmean(draws) == pytest.approx(mean, abs=4 * deviation / math.sqrt(5000))
    assert statistics.stdev(draws) == pytest.approx(deviation, rel=0.04)
    assert float(parameter.min) <= min(draws) and max(draws) <= float(parameter.max)


@pytest.mark.parametrize("distribution", ["logUniform", "logNormal"])
def test_the_median_of_logarithmic_draws_is_the_geometric_mean(distribution: str) -> None:
    space, dice = parse_space([double("0.001", "1", "", distribution)]), random.Random(5)
    draws = [float(space.sample(dice)[0]) for _ in range(5000)]
    assert statistics.median(draws) == pytest.approx(0.0316, rel=0.15)
    assert 0.001 <= min(draws) and max(draws) <= 1


@pytest.mark.parametrize("distribution", ["uniform", "logUniform", "normal", "logNormal"])
@pytest.mark.parametrize("kind", [integer, double])
def test_equal_bounds_are_a_constant(kind: Callable[..., ParameterText], distribution: str) -> None:
    space = parse_space([kind("1", "1", "", distribution)])
    assert space.size == 1
    assert space.format(space.sample(random.Random(1)))["x"] == ("1" if kind is integer else "1.0")


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
    "V3 too large": (double("0", "1e400"), "spec.parameters[0].feasibleSpace.max"),
    "V3 underscore": (integer("1", "1_0"), "spec.parameters[0].feasibleSpace.max"),
    "V5 text": (integer("1", "5", "x"), "spec.parameters[0].feasibleSpace.step"),
    "V8 too small": (double("1e-390", "1", "", "logUniform"), "spec.parameters[0].feasibleSpace.min"),
    "distribution": (double("0", "1", "", "beta"), "spec.parameters[0].feasibleSpace.distribution"),
    "V8 normal": (double("-1", "1", "", "logNormal"), "spec.parameters[0].feasibleSpace.min"),
    "V9 empty": (listed(), "spec.parameters[0].feasibleSpace.list"),
    "V9 twice": (listed("a", "b", "a"), "spec.parameters[0].feasibleSpace.list[2]"),
}


@pytest.mark.parametrize(("parameter", "path"), REFUSED.values(), ids=REFUSED.keys())
def test_a_space_that_cannot_be_served_names_the_field(parameter: ParameterText, path: str) -> None:
    errors = space_errors([parameter])
    assert [error.path for error in errors] == [path]
    assert "of parameter 'x'" in str(errors[0]) and errors[0].detail
    with pytest.raises(ValueError, match="spec"):
        parse_space([parameter])


def test_names_are_unique_and_not_empty() -> None:
    """V1."""
    errors = space_errors([integer("1", "2"), integer("1", "2"), ParameterText("", "int", "1", "2")])
    assert [error.path for error in errors] == ["spec.parameters[1].name", "spec.parameters[2].name"]


def test_an_unknown_type_is_told_as_a_text() -> None:
    """V2: also when it comes as a member of the enumeration."""
    (found,) = space_errors([ParameterText("x", ParameterType.UNKNOWN, "1", "2")])
    assert "parameterType of parameter 'x': 'unknown' must be int" in str(found)


def test_algorithms_ask_more_of_a_space() -> None:
    """V10, V11."""
    free = [double("0", "1")]
    found = algorithm_space_errors("grid", {}, free, None, 3)[0]
    assert found.path == "spec.parameters[0].feasibleSpace.step"
    assert "feasibleSpace.step of parameter 'x': grid needs a step" in str(found)
    assert not algorithm_space_errors("grid", {}, free, 10, 3)
    assert algorithm_space_errors("cmaes", {}, free, 10, 3)
    assert not algorithm_space_errors("cmaes", {}, [*free, *free], 10, 3)
    assert algorithm_space_errors("hyperband", {}, [listed("a", kind="discrete")], 10, 3)
    assert not algorithm_space_errors("random", {}, [listed("a", kind="discrete")], 10, 3)


def test_the_resource_of_hyperband_is_a_number() -> None:
    """What hyperband gives to it ('1', '3', '9') is no word of a list."""
    resource = {"resource_name": "x"}
    (found,) = algorithm_space_errors("hyperband", resource, [listed("few", "many")], 10, 3)
    assert str(found) == (
        "spec.parameters[0].parameterType of parameter 'x': 'categorical' cannot be the resource of hyperband, "
        "which is a number: use the type int"
    )
    for entry in (listed("1", "9", kind="discrete"), integer("1", "9"), double("1", "9")):
        assert not algorithm_space_errors("hyperband", resource, [entry], 10, 3)
    assert not algorithm_space_errors("hyperband", {"resource_name": "y"}, [listed("few", "many")], 10, 3)


def test_a_space_of_models_and_of_texts_is_the_same() -> None:
    spec = ParameterSpec.from_dict(
        {
            "name": "x",
            "parameterType": "double",
            "feasibleSpace": {"min": "0.1", "max": "1", "distribution": "logUniform"},
        }
    )
    assert parse_space([spec]) == parse_space([double("0.1", "1", "", "logUniform")])
    assert [error.path for error in space_errors([ParameterSpec()])] == [
        "spec.parameters[0].name",
        "spec.parameters[0].parameterType",
    ]


@pytest.mark.parametrize("text", ["2", "2.0", "2e0", " 2 ", "+2", "0.2e1"])
def test_spelling_does_not_matter_to_a_point(text: str) -> None:
    """§6: 2, 2.0 and 2e0 are the same."""
    for parameter in (integer("1", "4"), double("0", "4", "0.5"), double("0", "4")):
        space = parse_space([parameter])
        point = space.parse({"x": text})
        assert point == space.parse({"x": "2"})
        assert point is not None and space.holds({"x": text}, point)


@pytest.mark.parametrize("text", ["", "a", "nan", "inf", "-inf", "1e999", "1_0", "9" * 500])
@pytest.mark.parametrize("parameter", [integer("1", "4"), double("1", "4"), double("1", "4", "0.5"), listed("b")])
def test_an_assignment_that_is_no_value_is_unusable(parameter: ParameterText, text: str) -> None:
    """U-02."""
    assert parse_space([parameter]).parse({"x": text}) is None
    assert parse_space([parameter]).parse({}) is None


@given(st.integers(1, 3), st.integers(0, 40), st.text("0123456789٣", min_size=1, max_size=18))
def test_whole_numbers_are_read_as_any_other_decimals(step: int, low: int, digits: str) -> None:
    """Digits alone are read in a shorter way; a point behind them makes no difference."""
    for kind in (ParameterType.INT, ParameterType.DOUBLE):
        text = ParameterText("x", kind, min=str(low), max=str(low + 60), step=str(step))
        (domain,) = parse_space([text]).domains
        assert domain.read(digits) == domain.read(f"{digits}.0")


@dataclass
class Entry:
    """An assignment, as a message has it."""

    name: str
    value: str


TEXTS = st.one_of(st.sampled_from(["1", "2.0", " 3", "1_0", "nan", "-inf", "9", "1e9", "b", ""]), st.floats().map(repr))
ENTRIES = st.lists(st.builds(Entry, st.sampled_from(["number", "grid", "list"]), TEXTS), max_size=5)


@given(ENTRIES)
@example([Entry("number", "2.5"), Entry("grid", "3"), Entry("list", "b")])
@example([Entry("number", "1_0"), Entry("grid", "3"), Entry("list", "b")])
@example([Entry("grid", "3"), Entry("number", "2.5"), Entry("list", "b")])
@example([Entry("number", "2.5"), Entry("grid", "3"), Entry("list", "b"), Entry("list", "c")])
def test_a_list_of_assignments_is_read_as_their_mapping(entries: list[Entry]) -> None:
    """In the order of the parameters it is read in a shorter way, and means the same."""
    texts = [("number", double("1", "4")), ("grid", integer("1", "4")), ("list", listed("b", "c"))]
    space = parse_space([replace(parameter, name=name) for name, parameter in texts])
    for _ in range(2):  # the second time from what was read before
        assert space.read_entries(entries) == space.read({entry.name: entry.value for entry in entries})


@given(
    st.sampled_from([integer("1", "4"), double("1", "4"), double("1", "4", "0.5"), listed("2", kind="discrete")]),
    st.text(),
)
def test_no_assignment_can_make_parsing_fail(parameter: ParameterText, text: str) -> None:
    space = parse_space([parameter])
    point = space.parse({"x": text})
    assert point is None or space.format(point)


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (double("0", "1"), "5", "1.0"),
        (double("0", "1"), "-1e300", "0.0"),
        (double("0", "1", "0.25"), "0.3", "0.25"),
        (double("0", "1", "0.35"), "1", "0.7"),
        (integer("1", "50", "10"), "100", "41"),
        (integer("1", "11", "2.5"), "5", "4"),
    ],
)
def test_numbers_outside_or_off_the_grid_are_kept_for_the_model(
    parameter: ParameterText, text: str, value: str
) -> None:
    """§6: clamped and snapped, but not the point itself."""
    space = parse_space([parameter])
    point = space.parse({"x": text})
    assert point is not None and space.format(point)["x"] == value
    assert not space.holds({"x": text}, point)


PARAMETERS = st.sampled_from(
    [
        *GRIDS,
        double("0.001", "1", "", "logUniform"),
        double("-5", "5"),
        double("-1.7e308", "1.7e308"),
        double("0.001", "1", "", "logNormal"),
        double("0", "1", "", "normal"),
        integer("1", "1000", "", "logNormal"),
    ]
)
SPACES = st.lists(PARAMETERS, min_size=1, max_size=4).map(
    lambda entries: parse_space([replace(entry, name=f"p{index}") for index, entry in enumerate(entries)])
)


@given(SPACES, st.integers())
def test_every_drawn_point_survives_text_and_model_coordinates(space: SearchSpace, seed: int) -> None:
    point = space.sample(random.Random(seed))
    texts = space.format(point)
    assert space.parse(texts) == point
    assert space.holds(texts, point)
    assert not [text for text in texts.values() if text in ("-0.0", "nan", "inf")]
    coordinates = space.encode(point)
    assert all(0 <= coordinate <= 1 for coordinate in coordinates)
    assert space.decode(coordinates) == pytest.approx(point, rel=1e-9, abs=1e-12)


@given(SPACES, st.data())
def test_every_place_of_the_unit_cube_and_of_the_model_is_inside(space: SearchSpace, data: st.DataObject) -> None:
    unit = st.floats(0, 1)
    width = sum(domain.width for domain in space.domains)
    for point in (
        space.from_unit(data.draw(st.lists(unit, min_size=len(space.domains), max_size=len(space.domains)))),
        space.decode(data.draw(st.lists(st.floats(-2, 3), min_size=width, max_size=width))),
    ):
        for domain, value in zip(space.domains, point, strict=True):
            if isinstance(domain, Continuous):
                assert domain.distribution.low <= value <= domain.distribution.high
            else:
                assert 0 <= value < domain.size


DECIMALS = st.decimals(-1000, 1000, places=3)


@given(DECIMALS, DECIMALS, st.decimals("0.001", 100, places=3))
def test_a_grid_is_what_decimal_arithmetic_says(one: Decimal, other: Decimal, step: Decimal) -> None:
    """§5.1: min + k * step, no more and no fewer."""
    low, high = min(one, other), max(one, other)
    domain = parse_domain(double(str(low), str(high), str(step)))
    assert isinstance(domain, Grid)
    assert domain.size == (high - low) // step + 1
    for index in {0, domain.size // 2, domain.size - 1}:
        assert domain.number(index) == float(low + index * step)


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
    assert parse_space([double("0", "1"), ParameterText("b", "int", "1", "2")]).size is None


def test_models_see_an_order_where_there_is_one() -> None:
    """§6: ordinal lists by rank, nominal ones as one coordinate for each entry."""
    ordinal, nominal = parse_domain(listed("16", "4", "256", kind="discrete")), parse_domain(listed("b", "a", "c"))
    assert isinstance(ordinal, Ordinal) and isinstance(nominal, Nominal)
    assert [ordinal.encode(index) for index in range(3)] == [(0.0,), (0.5,), (1.0,)]
    assert nominal.encode(1) == (0.0, 1.0, 0.0)
    assert nominal.format(nominal.decode([0.2, 0.1, 0.7])) == "c"
    logarithmic = parse_domain(double("0.0001", "1", "", "logUniform"))
    assert isinstance(logarithmic, Continuous)
    assert logarithmic.encode(0.01) == pytest.approx((0.5,))


def test_neighbours_end_at_the_ends() -> None:
    for parameter in (integer("1", "3"), listed("1", "2", "3", kind="discrete"), listed("a", "b", "c")):
        domain = parse_domain(parameter)
        assert not isinstance(domain, Continuous)
        assert [domain.neighbour(index, up=True) for index in range(3)] == [1, 2, None]
        assert [domain.neighbour(index, up=False) for index in range(3)] == [None, 0, 1]


def test_a_parameter_without_a_step_can_be_spread_evenly() -> None:
    """V11: both ends included; in log space for logarithmic distributions; printed as a user would."""
    plain, logarithmic = Continuous(Distribution("normal", 0.1, 0.9)), Continuous(
        Distribution("logUniform", 1e-05, 0.1)
    )
    assert [plain.spread(index, 5) for index in range(5)] == [0.1, 0.3, 0.5, 0.7, 0.9]
    assert [logarithmic.spread(index, 5) for index in range(5)] == [1e-05, 0.0001, 0.001, 0.01, 0.1]


@given(SPACES, st.integers())
def test_every_drawn_point_survives_the_unit_cube(space: SearchSpace, seed: int) -> None:
    """§6: to_unit and from_unit are inverse to each other; what is finite comes back exactly."""
    point = space.sample(random.Random(seed))
    cube = space.to_unit(point)
    assert all(0 <= u <= 1 for u in cube)
    for domain, value, again in zip(space.domains, point, space.from_unit(cube), strict=True):
        if isinstance(domain, Continuous):
            ends = domain.distribution.coordinate(float(value)), domain.distribution.coordinate(float(again))
            assert ends[0] == pytest.approx(ends[1], abs=1e-9)
        else:
            assert again == value


@pytest.mark.parametrize("distribution", ["uniform", "logUniform", "normal", "logNormal"])
def test_densities_are_those_of_the_distribution(distribution: str) -> None:
    """§4: over model coordinates a density is how fast the distribution function rises; weights of a grid sum to one."""
    line, grid = parse_domain(double("0.01", "1", "", distribution)), parse_domain(integer("1", "9", "", distribution))
    assert isinstance(line, Continuous) and isinstance(grid, Grid)
    for coordinate in (0.1, 0.35, 0.5, 0.8):
        low, high = (line.to_unit(line.decode([coordinate + shift])) for shift in (-1e-5, 1e-5))
        rise = (high - low) / 2e-5
        assert math.exp(line.log_density(line.decode([coordinate]))) == pytest.approx(rise, rel=1e-4)
    assert sum(math.exp(grid.log_density(index)) for index in range(9)) == pytest.approx(1.0)
    space = SearchSpace(("a", "b"), (line, grid))
    assert space.log_density((0.1, 4)) == line.log_density(0.1) + grid.log_density(4)


def test_a_list_beside_bounds_does_not_make_an_int_a_list() -> None:
    """§1: admission refuses it; an algorithm that is asked without admission goes by the type (found by fuzzing)."""
    assert parse_domain(replace(integer("1", "5"), list=("", ""))) == parse_domain(integer("1", "5"))
    assert parse_domain(replace(listed("a", "b"), min="1", max="5")) == parse_domain(listed("a", "b"))
