"""Six search problems with known optima: what an Experiment declares, and the loss of its values.

All losses are minimised; a problem marked `maximize` is told to an algorithm as -loss, so that one that forgets the
direction is found out. Definitions: Dixon and Szegő 1978 (Branin, Hartmann 6), Rosenbrock 1960, Ackley 1987 (its optimum
moved off the centre); `mixed` and `intcat` are made for this bench. Python's random.Random keeps its streams across
versions, so the reference loss is the same everywhere.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from katib_apis.v1beta1 import api_pb2

Value = float | str
Values = Mapping[str, Value]
REFERENCE_DRAWS, REFERENCE_SEED = 4001, 20240229


@dataclass(frozen=True)
class Parameter:
    """One parameter: a range, or a list."""

    name: str
    kind: int
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    entries: tuple[str, ...] = ()
    step: float = 0.0

    def declared(self) -> api_pb2.ParameterSpec:
        """As an Experiment declares it."""
        space = api_pb2.FeasibleSpace(list=self.entries, distribution=api_pb2.UNIFORM)
        if not self.entries:
            space.min, space.max = (str(self._number(bound)) for bound in (self.low, self.high))
            space.distribution = api_pb2.LOG_UNIFORM if self.log else api_pb2.UNIFORM
            space.step = str(self._number(self.step)) if self.step else ""
        return api_pb2.ParameterSpec(name=self.name, parameter_type=self.kind, feasible_space=space)

    def parse(self, text: str) -> Value:
        return text if self.entries else self._number(float(text))

    def draw(self, dice: random.Random) -> Value:
        if self.entries:
            return dice.choice(self.entries)
        if self.kind == api_pb2.INT:
            return dice.randint(int(self.low), int(self.high))
        if self.log:
            return math.exp(dice.uniform(math.log(self.low), math.log(self.high)))
        if self.step:
            return self.low + self.step * dice.randint(0, round((self.high - self.low) / self.step))
        return dice.uniform(self.low, self.high)

    def in_steps(self, levels: int) -> Parameter:
        """The same range as a coarse grid; a list is one already."""
        if self.entries:
            return self
        span = self.high - self.low
        return replace(self, step=max(1, span // (levels - 1)) if self.kind == api_pb2.INT else span / (levels - 1))

    def _number(self, value: float) -> float:
        return int(value) if self.kind == api_pb2.INT else value


@dataclass(frozen=True)
class Problem:
    """Parameters, a loss, and its smallest value inside the declared space."""

    parameters: tuple[Parameter, ...]
    loss: Callable[[Values], float]
    optimum: float = 0.0
    maximize: bool = False
    levels: int = 0
    """Steps of each range when all of the space is to be tried."""

    @cached_property
    def reference(self) -> float:
        """The loss of a typical random point: the median of 4,001."""
        dice = random.Random(REFERENCE_SEED)
        drawn = [self.loss({entry.name: entry.draw(dice) for entry in self.parameters}) for _ in range(REFERENCE_DRAWS)]
        return sorted(drawn)[REFERENCE_DRAWS // 2]

    def regret(self, loss: float) -> float:
        """A loss on a scale with 0 at the optimum and 1 at a typical random point."""
        return (loss - self.optimum) / (self.reference - self.optimum)

    def in_steps(self) -> Problem:
        """The same as a finite space; regrets stay on the scale of the whole one."""
        stepped = Problem(
            tuple(entry.in_steps(self.levels) for entry in self.parameters), self.loss, self.optimum, self.maximize
        )
        stepped.__dict__["reference"] = self.reference
        return stepped


def double(name: str, low: float, high: float, *, log: bool = False) -> Parameter:
    return Parameter(name, api_pb2.DOUBLE, low, high, log)


def doubles(count: int, low: float, high: float) -> tuple[Parameter, ...]:
    return tuple(double(f"x{place}", low, high) for place in range(1, count + 1))


def whole(name: str, low: int, high: int) -> Parameter:
    return Parameter(name, api_pb2.INT, low, high)


def choice(name: str, entries: str, kind: int = api_pb2.CATEGORICAL) -> Parameter:
    return Parameter(name, kind, entries=tuple(entries.split()))


def coordinates(values: Values) -> list[float]:
    """x1, x2, … as numbers."""
    return [float(values[f"x{place}"]) for place in range(1, len(values) + 1)]


def branin(values: Values) -> float:
    x, y = coordinates(values)
    valley = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


PEAKS = (
    (1.0, (10, 3, 17, 3.5, 1.7, 8), (1312, 1696, 5569, 124, 8283, 5886)),
    (1.2, (0.05, 10, 17, 0.1, 8, 14), (2329, 4135, 8307, 3736, 1004, 9991)),
    (3.0, (3, 3.5, 1.7, 10, 17, 8), (2348, 1451, 3522, 2883, 3047, 6650)),
    (3.2, (17, 8, 0.05, 10, 0.1, 14), (4047, 8828, 8732, 5743, 1091, 381)),
)
"""Hartmann 6: the height of each peak, how narrow it is along each axis, and where it is in ten-thousandths."""


def hartmann6(values: Values) -> float:
    x = coordinates(values)
    total = 0.0
    for height, narrow, places in PEAKS:
        distance = sum(rate * (at - place * 1e-4) ** 2 for rate, at, place in zip(narrow, x, places, strict=True))
        total += height * math.exp(-distance)
    return -total


def rosenbrock(values: Values) -> float:
    x = coordinates(values)
    return sum(100 * (following - at**2) ** 2 + (1 - at) ** 2 for at, following in pairwise(x))


ACKLEY_OPTIMUM = (3.1, -7.3, 11.7, -14.9, 5.3)


def ackley(values: Values) -> float:
    x = [at - best for at, best in zip(coordinates(values), ACKLEY_OPTIMUM, strict=True)]
    bowl = -20 * math.exp(-0.2 * math.sqrt(sum(at * at for at in x) / len(x)))
    ripples = -math.exp(sum(math.cos(2 * math.pi * at) for at in x) / len(x))
    return bowl + ripples + 20 + math.e


OPTIMIZERS = {"sgd": (-1.0, 0.93, 0.15), "adam": (-2.8, 0.88, 0.0), "rmsprop": (-3.2, 0.80, 0.10)}
OPTIMIZERS["adagrad"] = (-1.6, 0.70, 0.30)
"""The best logarithm of the rate at batch 64, the best momentum, and what the optimizer costs at its best."""
ACTIVATIONS = {"relu": 0.05, "tanh": 0.20, "gelu": 0.0}


def mixed(values: Values) -> float:
    """Like training: the best rate depends on the optimizer and on the batch."""
    best_rate, best_momentum, floor = OPTIMIZERS[str(values["optimizer"])]
    activation, batch = str(values["act"]), math.log2(float(values["batch"]) / 64.0)
    want = best_rate + 0.5 * math.log10(float(values["batch"]) / 64.0)
    off = math.log10(float(values["lr"])) - want
    loss = floor + ACTIVATIONS[activation]
    loss += (0.6 if off < 0 else 1.4) * off * off
    loss += 6.0 * (float(values["momentum"]) - best_momentum) ** 2
    loss += 0.25 * math.log2(float(values["units"]) / 180.0) ** 2
    loss += 0.06 * abs(float(values["layers"]) - 5) * (2.0 if activation == "tanh" else 1.0)
    return loss + 0.04 * abs(batch)


CORNERS = {"a": (3, 11, 0.0), "b": (12, 4, 0.3), "c": (7, 7, 0.6), "d": (0, 15, 0.9), "e": (14, 1, 0.45)}
PLACES = {"p": 13, "q": 29, "r": 37, "s": 5}
SHIFTS = {"x": -6, "y": 0, "z": 7}


def intcat(values: Values) -> float:
    """Whole numbers whose best values depend on three choices, and on whether a sum is even."""
    a, b, c, d = (int(values[name]) for name in "abcd")
    best_a, best_b, floor = CORNERS[str(values["k1"])]
    second, third = str(values["k2"]), str(values["k3"])
    loss = floor + abs(a - best_a) / 8.0 + abs(b - best_b) / 8.0
    loss += 0.2 * ((a + b) % 2 != (best_a + best_b) % 2)
    loss += abs(c - PLACES[second]) / 15.0 + 0.2 * (second not in ("q", "r"))
    loss += 0.15 * (second == "r")
    return loss + ((d - SHIFTS[third]) / 8.0) ** 2 + 0.2 * (third != "x")


MIXED = (
    double("lr", 1e-5, 1.0, log=True),
    double("momentum", 0.5, 0.99),
    whole("units", 16, 512),
    whole("layers", 1, 8),
    choice("optimizer", "sgd adam rmsprop adagrad"),
    choice("act", "relu tanh gelu"),
    choice("batch", "16 32 64 128 256", api_pb2.DISCRETE),
)
INTCAT = (
    *(whole("a", 0, 15), whole("b", 0, 15), whole("c", 1, 40), whole("d", -10, 10)),
    *(choice("k1", "a b c d e"), choice("k2", "p q r s"), choice("k3", "x y z")),
)
PROBLEMS: Mapping[str, Problem] = {
    "branin": Problem((double("x1", -5.0, 10.0), double("x2", 0.0, 15.0)), branin, 0.39788735772973816, levels=12),
    "hartmann6": Problem(doubles(6, 0.0, 1.0), hartmann6, -3.3223680114155, maximize=True, levels=3),
    "rosenbrock10": Problem(doubles(10, -5.0, 10.0), rosenbrock, levels=2),
    "ackley5": Problem(doubles(5, -32.768, 32.768), ackley, levels=4),
    "mixed": Problem(MIXED, mixed, levels=3),
    "intcat": Problem(INTCAT, intcat, maximize=True, levels=4),
}
