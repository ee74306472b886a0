"""Four more problems with published optima (quality.md §2 to §4): smooth, with many optima, logarithmic, and in steps.

Definitions: the six-hump camel and Shekel 10 of Dixon and Szegő 1978; a sphere of logarithms; Hartmann 6 on 46,656 points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from problems import Problem, Values, coordinates, double, doubles, hartmann6


def camel(values: Values) -> float:
    x, y = coordinates(values)
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (4 * y**2 - 4) * y**2


FOXHOLES = (
    *((0.1, (4, 4, 4, 4)), (0.2, (1, 1, 1, 1)), (0.2, (8, 8, 8, 8)), (0.4, (6, 6, 6, 6)), (0.4, (3, 7, 3, 7))),
    *((0.6, (2, 9, 2, 9)), (0.3, (5, 3, 5, 3)), (0.7, (8, 1, 8, 1)), (0.5, (6, 2, 6, 2)), (0.5, (7, 3.6, 7, 3.6))),
)
"""Shekel 10: how wide each foxhole is, and where."""


def shekel(values: Values) -> float:
    x = coordinates(values)
    return -sum(
        1 / (sum((at - centre) ** 2 for at, centre in zip(x, place, strict=True)) + width) for width, place in FOXHOLES
    )


def logarithms(values: Values) -> float:
    return sum((math.log10(float(value)) + 3) ** 2 for value in values.values())


PUBLISHED: Mapping[str, Problem] = {
    "camel": Problem((double("x1", -3.0, 3.0), double("x2", -2.0, 2.0)), camel, -1.0316284534898774),
    "shekel10": Problem(doubles(4, 0.0, 10.0), shekel, -10.536443153483534),
    "logsphere5": Problem(tuple(double(f"x{place}", 1e-5, 0.1, log=True) for place in range(1, 6)), logarithms),
    "stepped6": Problem(
        tuple(replace(entry, step=0.2) for entry in doubles(6, 0.0, 1.0)), hartmann6, -2.94892292353436, maximize=True
    ),
}
