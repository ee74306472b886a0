"""Points as rows of numbers: the same numbers as point by point."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_domain.search_space import ParameterText, parse_space
from katib_suggestion.arrays import decode_rows, encode_points, points_to_unit, rows_from_unit

SPACE = parse_space(
    [
        *(
            ParameterText(name, "double", min="0.01", max="10", distribution=name)
            for name in ("uniform", "logUniform", "normal", "logNormal")
        ),
        ParameterText("wide", "double", min="-1.7e308", max="1.7e308"),
        ParameterText("steps", "double", min="0.1", max="0.7", step="0.2"),
        ParameterText("whole", "int", min="1", max="50", distribution="logNormal"),
        ParameterText("sizes", "discrete", list=("16", "4", "64")),
        ParameterText("kinds", "categorical", list=("a", "b", "c")),
    ]
)


@given(st.integers(0, 40), st.integers())
def test_rows_are_what_the_space_says_of_each_point(count: int, seed: int) -> None:
    dice = random.Random(seed)
    points = [SPACE.sample(dice) for _ in range(count)]
    coordinates, cube = encode_points(SPACE, points), points_to_unit(SPACE, points)
    assert coordinates.shape == (count, SPACE.width) and cube.shape == (count, len(SPACE.domains))
    np.testing.assert_allclose(
        coordinates, np.array([*map(SPACE.encode, points)]).reshape(coordinates.shape), atol=1e-12
    )
    np.testing.assert_allclose(cube, np.array([*map(SPACE.to_unit, points)]).reshape(cube.shape), atol=1e-12)
    assert decode_rows(SPACE, coordinates) == [pytest.approx(point, rel=1e-9) for point in points]
    assert rows_from_unit(SPACE, cube) == [SPACE.from_unit(row) for row in cube.tolist()]


def test_a_space_without_parameters_has_rows_without_columns() -> None:
    assert encode_points(parse_space([]), [(), ()]).shape == (2, 0)
