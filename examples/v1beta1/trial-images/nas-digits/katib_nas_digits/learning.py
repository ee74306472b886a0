"""Pictures to learn from, weights to learn, and how a step of learning goes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from katib_nas_digits.tape import Array, Value

KINDS = 10


@dataclass(frozen=True)
class Pictures:
    """Examples, and what each one shows."""

    images: Array
    labels: Array

    def take(self, places: Any) -> Pictures:
        return Pictures(self.images[places], self.labels[places])

    def batches(self, size: int | None, dice: np.random.Generator) -> Iterator[Pictures]:
        """All examples once, shuffled, in batches; without a size in one."""
        order = dice.permutation(len(self.labels))
        step = size or len(order)
        for start in range(0, len(order), step):
            yield self.take(order[start : start + step])


def load_pictures() -> tuple[Pictures, Pictures]:
    """scikit-learn's handwritten digits, 8 by 8 pixels with one channel: three quarters to learn, one to judge by."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    shaped = (images.reshape(-1, 8, 8, 1) / 16.0).astype(np.float32)
    split = train_test_split(shaped, labels, test_size=0.25, random_state=0, stratify=labels)
    return Pictures(split[0], split[2]), Pictures(split[1], split[3])


@dataclass
class Weights:
    """All weights of a network, in the order in which its layers asked for them."""

    dice: np.random.Generator
    values: list[Value] = field(default_factory=list)

    def make(self, *shape: int, inputs: int) -> Value:
        """Random weights for a layer that sums up so many inputs."""
        array = self.dice.normal(0, np.sqrt(2 / inputs), shape).astype(np.float32)
        self.values.append(Value(array))
        return self.values[-1]


@dataclass
class Descent:
    """Gradient descent with momentum, weight decay, and gradients cut to a largest norm."""

    weights: Sequence[Value]
    momentum: float = 0.9
    decay: float = 0.0
    clip: float = 5.0
    speeds: list[Array] = field(default_factory=list)

    def step(self, rate: float, slopes: Sequence[Array]) -> None:
        norm = float(np.sqrt(sum(float(np.vdot(slope, slope)) for slope in slopes)))
        scale = min(1.0, self.clip / (norm + 1e-12)) if self.clip else 1.0
        speeds = self.speeds or [np.zeros_like(weight.array) for weight in self.weights]
        self.speeds = [
            self.momentum * speed + scale * slope + self.decay * weight.array
            for weight, speed, slope in zip(self.weights, speeds, slopes, strict=True)
        ]
        for weight, speed in zip(self.weights, self.speeds, strict=True):
            weight.array = weight.array - np.float32(rate) * speed


def accuracy(logits: Value, labels: Array) -> float:
    return float((logits.array.argmax(axis=1) == labels).mean())


def parse_argument(text: str) -> Any:
    """JSON from a command line: its double quotes came as single ones."""
    return json.loads(text.replace("'", '"'))
