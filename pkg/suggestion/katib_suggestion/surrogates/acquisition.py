"""How promising rows are, given means and deviations of their losses: a score each, and its slopes by both.

Losses are standardised and small is good; a great score is. Improvements are over `best`. References: Kushner 1964; Mockus
1975; Srinivas, Krause, Kakade, Seeger, ICML 2010; Ament, Daulton, Eriksson, Balandat, Bakshy, NeurIPS 2023 (logarithms that
do not vanish).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, log_ndtr

Vector = NDArray[np.float64]
Score = tuple[Vector, Vector, Vector]
Acquisition = Callable[[Vector, Vector, float], Score]
XI = 0.01
KAPPA = 1.96
CANCELS, VANISHES = -1.0, -1e4
LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)


def log_density(z: Vector) -> Vector:
    """The logarithm of the standard normal density."""
    result: Vector = -0.5 * z * z - LOG_ROOT_TWO_PI
    return result


def log_gain(z: Vector) -> tuple[Vector, Vector]:
    """The logarithm of phi(z) + z Phi(z), and its slope, for any z.

    Below -1 the sum cancels, and is written as phi(z) (1 + z m(z)) with Mills' ratio m; far below, its limit phi(z) / z²
    is taken.
    """
    right, left = np.maximum(z, CANCELS), np.clip(z, VANISHES, CANCELS)
    mills = math.sqrt(math.pi / 2.0) * erfcx(-left / math.sqrt(2.0))
    rest = 1.0 + left * mills
    plain = np.log(np.exp(log_density(right)) + right * np.exp(log_ndtr(right)))
    far = z < VANISHES
    tail = log_density(z) + np.where(far, -2.0 * np.log(np.maximum(-z, 1.0)), np.log(rest))
    steep = np.where(far, -z, mills / rest)
    near = z > CANCELS
    return np.where(near, plain, tail), np.where(near, np.exp(log_ndtr(right) - plain), steep)


def expected_improvement(mean: Vector, deviation: Vector, best: float) -> Score:
    """The logarithm of how much better than the best the loss is on average, worse counting as nothing."""
    z = (best - mean) / deviation
    value, slope = log_gain(z)
    return np.log(deviation) + value, -slope / deviation, (1.0 - slope * z) / deviation


def probability_of_improvement(mean: Vector, deviation: Vector, best: float) -> Score:
    """The logarithm of how probable it is that the loss is better than the best by a hundredth of a deviation."""
    z = (best - XI - mean) / deviation
    value = log_ndtr(z)
    slope = np.where(z < VANISHES, -z, np.exp(log_density(z) - value))
    return value, -slope / deviation, -slope * z / deviation


def lower_bound(mean: Vector, deviation: Vector, best: float) -> Score:
    """How low the loss may well be, with the opposite sign."""
    return KAPPA * deviation - mean, -np.ones_like(mean), np.full_like(mean, KAPPA)
