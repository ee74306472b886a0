"""Losses as a Gaussian process likes them: symmetric around zero, with variance one.

A long tail of bad losses is drawn in by the power transform that makes the losses most like a normal sample (Yeo and
Johnson 2000); it keeps their order and is smooth, so the best point stays the best.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
POWERS = np.linspace(-2.0, 2.0, 41).tolist()
FARTHEST, NARROWEST, LONGEST = 1e100, 1e-200, 1e30
"""Of losses, of their spread, and of losses in units of it: beyond these, powers leave the range of doubles."""


def normal_like(losses: Vector) -> Vector:
    """The losses in the same order, with mean zero and variance one; all zero when they are all alike."""
    losses = np.clip(losses, -FARTHEST, FARTHEST)
    scale = spread_of(losses)
    if scale < NARROWEST:
        return np.zeros_like(losses)
    middle = np.clip((losses - np.median(losses)) / scale, -LONGEST, LONGEST)
    best = max(POWERS, key=lambda power: _likelihood(middle, power))
    return standardised(powered(middle, best))


def spread_of(losses: Vector) -> float:
    """How far apart losses are: between the quartiles, or by their deviation when half of them are the same."""
    low, high = np.percentile(losses, (25.0, 75.0))
    return float(high - low) or float(np.std(losses))


def standardised(values: Vector) -> Vector:
    deviation = float(np.std(values))
    result: Vector = (values - np.mean(values)) / (deviation or 1.0)
    return result


def powered(values: Vector, power: float) -> Vector:
    """The transform of Yeo and Johnson; one leaves values as they are, less draws in a right tail."""
    up, down = np.log1p(np.maximum(values, 0.0)), np.log1p(np.maximum(-values, 0.0))
    right = np.expm1(power * up) / power if abs(power) > 1e-9 else up
    other = 2.0 - power
    left = np.expm1(other * down) / other if abs(other) > 1e-9 else down
    return np.where(values >= 0.0, right, -left)


def _likelihood(values: Vector, power: float) -> float:
    """How well transformed values fit a normal distribution, as a logarithm."""
    variance = float(np.var(powered(values, power)))
    if variance <= 0.0:
        return -np.inf
    slope = (power - 1.0) * np.sign(values) * np.log1p(np.abs(values))
    return float(slope.sum() - 0.5 * len(values) * np.log(variance))
