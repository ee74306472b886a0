"""A small network of numpy that learns handwritten digits by gradient descent, epoch by epoch: real training in milliseconds.

Its rate, momentum and decay may change while it learns, and a copy of it is a checkpoint.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

TRAINED, BATCH, CLASSES = 500, 50, 10
WORST = 5.0
"""What a network that has diverged counts as."""


@cache
def pictures() -> tuple[Any, Any, Any, Any]:
    """Pictures to learn from and their digits, and others to be judged by."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.data))
    data, answers = digits.data[order] / 16, digits.target[order]
    return data[:TRAINED], np.eye(CLASSES)[answers[:TRAINED]], data[TRAINED:1000], answers[TRAINED:1000]


class Network:
    """One hidden layer; without one (`width` 0) a linear model."""

    def __init__(self, width: int, seed: int) -> None:
        self.dice = np.random.default_rng(seed)
        sizes = [64, width, CLASSES] if width else [64, CLASSES]
        self.weights = [
            self.dice.normal(0, (2 / before) ** 0.5, (before + 1, after)) for before, after in pairwise(sizes)
        ]
        self.speeds = [np.zeros_like(weights) for weights in self.weights]

    def layers(self, data: Any) -> list[Any]:
        """What each layer sees; the last entry is the chances of each digit."""
        seen = [np.hstack([data, np.ones((len(data), 1))])]
        for weights in self.weights[:-1]:
            hidden = np.maximum(0, seen[-1] @ weights)
            seen.append(np.hstack([hidden, np.ones((len(data), 1))]))
        scores = seen[-1] @ self.weights[-1]
        chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        return [*seen, chances / chances.sum(axis=1, keepdims=True)]

    def learn(self, rate: float, momentum: float, decay: float) -> None:
        """One epoch."""
        data, answers, _, _ = pictures()
        order = self.dice.permutation(TRAINED)
        with np.errstate(all="ignore"):
            for start in range(0, TRAINED, BATCH):
                rows = order[start : start + BATCH]
                self._step(data[rows], answers[rows], (rate, momentum, decay))

    def _step(self, data: Any, answers: Any, how: tuple[float, float, float]) -> None:
        rate, momentum, decay = how
        *seen, chances = self.layers(data)
        error = (chances - answers) / len(data)
        for place in reversed(range(len(self.weights))):
            slope = seen[place].T @ error + decay * self.weights[place]
            error = (error @ self.weights[place].T)[:, :-1] * (seen[place][:, :-1] > 0)
            self.speeds[place] = momentum * self.speeds[place] - rate * slope
            self.weights[place] = self.weights[place] + self.speeds[place]

    def loss(self) -> float:
        """The cross-entropy of pictures that it has not learned from, at most `WORST`."""
        _, _, data, answers = pictures()
        with np.errstate(all="ignore"):
            chances = self.layers(data)[-1][np.arange(len(data)), answers]
            loss = float(-np.log(np.maximum(chances, 1e-12)).mean())
        return loss if loss < WORST else WORST

    def mistakes(self) -> float:
        """The part of those pictures that it takes for another digit."""
        _, _, data, answers = pictures()
        with np.errstate(all="ignore"):
            return float((np.nan_to_num(self.layers(data)[-1]).argmax(axis=1) != answers).mean())
