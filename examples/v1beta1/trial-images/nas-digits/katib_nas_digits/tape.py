"""Arrays that know how they were computed, so that a loss can be differentiated: as much of it as these networks need.

Pictures are arrays of examples, rows, columns and channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Source = tuple["Value", Callable[[Array], Array]]
SMALL = 1e-5


class Value:
    """An array, and what it was computed from: each source with the function from this gradient to that one."""

    def __init__(self, array: Array, *sources: Source) -> None:
        self.array = array
        self.sources = sources


def gradients(loss: Value, of: Sequence[Value]) -> list[Array]:
    """The derivatives of a loss by some values; zero for those that it does not depend on."""
    found: dict[int, Array] = {id(loss): np.ones_like(loss.array)}
    for value in _latest_first(loss):
        gradient = found.get(id(value))
        for source, back in value.sources if gradient is not None else ():
            part = back(gradient)
            found[id(source)] = found[id(source)] + part if id(source) in found else part
    return [found.get(id(value), np.zeros_like(value.array)) for value in of]


def _latest_first(loss: Value) -> list[Value]:
    """All values that a loss was computed from, each before its sources."""
    order: list[Value] = []
    seen: set[int] = set()
    waiting = [(loss, False)]
    while waiting:
        value, done = waiting.pop()
        if done:
            order.append(value)
        elif id(value) not in seen:
            seen.add(id(value))
            waiting += [(value, True), *((source, False) for source, _ in value.sources)]
    return order[::-1]


def add(values: Sequence[Value]) -> Value:
    return Value(sum(value.array for value in values), *((value, lambda gradient: gradient) for value in values))  # type: ignore[arg-type]


def mix(values: Sequence[Value], weights: Value) -> Value:
    """The sum of values, each times its weight."""
    total = sum(weight * value.array for weight, value in zip(weights.array, values, strict=True))

    def to_weights(gradient: Array) -> Array:
        return np.array([np.vdot(gradient, value.array) for value in values], dtype=gradient.dtype)

    parts: list[Source] = [
        (value, lambda gradient, weight=weight: weight * gradient)
        for weight, value in zip(weights.array, values, strict=True)
    ]
    return Value(np.asarray(total), (weights, to_weights), *parts)


def relu(x: Value) -> Value:
    return Value(np.maximum(x.array, 0), (x, lambda gradient: gradient * (x.array > 0)))


def softmax(x: Value) -> Value:
    """Along the last axis."""
    raised = np.exp(x.array - x.array.max(axis=-1, keepdims=True))
    shares = raised / raised.sum(axis=-1, keepdims=True)
    return Value(shares, (x, lambda gradient: shares * (gradient - (gradient * shares).sum(axis=-1, keepdims=True))))


def row(x: Value, index: int) -> Value:
    """One row of a table."""

    def back(gradient: Array) -> Array:
        whole = np.zeros_like(x.array)
        whole[index] = gradient
        return whole

    return Value(x.array[index], (x, back))


def join(values: Sequence[Value]) -> Value:
    """Pictures side by side along their channels, smaller ones with zeros below and to the right."""
    height, width = (max(value.array.shape[axis] for value in values) for axis in (1, 2))
    grown = [
        np.pad(a, ((0, 0), (0, height - a.shape[1]), (0, width - a.shape[2]), (0, 0))) for a in map(_array, values)
    ]
    ends = np.cumsum([value.array.shape[3] for value in values])
    parts: list[Source] = []
    for value, end in zip(values, ends, strict=True):
        _, rows, columns, channels = value.array.shape
        place = np.s_[:, :rows, :columns, end - channels : end]
        parts.append((value, lambda gradient, place=place: gradient[place]))
    return Value(np.concatenate(grown, axis=3), *parts)


def _array(value: Value) -> Array:
    return value.array


def average(x: Value) -> Value:
    """Each channel's mean over the picture."""
    _, rows, columns, _ = x.array.shape
    back: Callable[[Array], Array] = lambda gradient: np.broadcast_to(  # noqa: E731
        gradient[:, None, None] / (rows * columns), x.array.shape
    )
    return Value(x.array.mean(axis=(1, 2)), (x, back))


def dense(x: Value, weights: Value) -> Value:
    return Value(
        x.array @ weights.array,
        (x, lambda gradient: gradient @ weights.array.T),
        (weights, lambda gradient: x.array.T @ gradient),
    )


def normalise(x: Value) -> Value:
    """Every channel with mean 0 and deviation 1 over all examples."""
    axes = (0, 1, 2)
    scale = 1 / np.sqrt(x.array.var(axis=axes) + SMALL)
    result = (x.array - x.array.mean(axis=axes)) * scale

    def back(gradient: Array) -> Array:
        return scale * (gradient - gradient.mean(axis=axes) - result * (gradient * result).mean(axis=axes))

    return Value(result, (x, back))


def cross_entropy(logits: Value, labels: Array) -> Value:
    """The mean over all examples, in nats."""
    raised = np.exp(logits.array - logits.array.max(axis=1, keepdims=True))
    shares = raised / raised.sum(axis=1, keepdims=True)
    places = np.arange(len(labels))
    loss = -np.log(np.maximum(shares[places, labels], 1e-12)).mean()

    def back(gradient: Array) -> Array:
        wrong = shares.copy()
        wrong[places, labels] -= 1
        return gradient * wrong / len(labels)

    return Value(np.asarray(loss, dtype=logits.array.dtype), (logits, back))
