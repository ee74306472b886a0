"""Points as rows of numbers: a whole history between a space and a model at once.

Says the same as `SearchSpace.encode`, `decode`, `to_unit` and `from_unit`, column by column instead of point by point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from katib_domain.search_space import Continuous, Distribution, Domain, Nominal, Point, SearchSpace, Value

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def encode_points(space: SearchSpace, points: Sequence[Point]) -> Matrix:
    """The model coordinates of points, a row for each; `space.width` columns."""
    return _rows(space, points, _encoded, space.width)


def points_to_unit(space: SearchSpace, points: Sequence[Point]) -> Matrix:
    """Places in the unit cube that give points, a row for each; a column for each parameter."""
    return _rows(space, points, _to_unit, len(space.domains))


def decode_rows(space: SearchSpace, rows: Matrix) -> list[Point]:
    """The points that are nearest to rows of model coordinates."""
    return [space.decode(row) for row in np.asarray(rows).tolist()]


def rows_from_unit(space: SearchSpace, rows: Matrix) -> list[Point]:
    """The points at places in the unit cube."""
    return [space.from_unit(row) for row in np.asarray(rows).tolist()]


def _rows(
    space: SearchSpace, points: Sequence[Point], column: Callable[[Domain, Sequence[Value]], Matrix], width: int
) -> Matrix:
    if not points:
        return np.empty((0, width))
    values = zip(*points, strict=True)
    columns = [column(domain, list(entry)) for domain, entry in zip(space.domains, values, strict=True)]
    return np.hstack(columns) if columns else np.empty((len(points), 0))


def _encoded(domain: Domain, values: Sequence[Value]) -> Matrix:
    if isinstance(domain, Continuous):
        return _coordinates(domain.distribution, np.array(values, dtype=np.float64))[:, None]
    if isinstance(domain, Nominal):
        rows = np.zeros((len(values), domain.size))
        rows[np.arange(len(values)), np.array(values, dtype=np.int64)] = 1.0
        return rows
    return _looked_up(values, lambda index: domain.encode(index)[0])


def _to_unit(domain: Domain, values: Sequence[Value]) -> Matrix:
    if not isinstance(domain, Continuous):
        return _looked_up(values, domain.to_unit)
    if domain.distribution.bell:
        return _looked_up(values, domain.to_unit)
    return _coordinates(domain.distribution, np.array(values, dtype=np.float64))[:, None]


def _coordinates(distribution: Distribution, values: Vector) -> Vector:
    left, right = distribution.ends
    places = np.log(values) if distribution.logarithmic else values
    # Halves, since the span of the widest ranges is no double.
    found: Vector = np.clip((places / 2 - left / 2) / (right / 2 - left / 2), 0.0, 1.0)
    return found


def _looked_up(values: Sequence[Value], function: Callable[[int], float]) -> Matrix:
    """A function of each value, which is asked once for equal ones."""
    found = {value: function(value) for value in dict.fromkeys(values)}  # type: ignore[arg-type]
    return np.array([found[value] for value in values])[:, None]
