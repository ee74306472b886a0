"""Layers that slide a window over pictures: convolutions and poolings. Pictures keep their size, divided by the stride."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from katib_nas_digits.tape import Array, Value


@dataclass(frozen=True)
class Window:
    """Squares of `size` times `size` pixels, `dilation` pixels apart, one every `stride` pixels."""

    size: int
    stride: int = 1
    dilation: int = 1

    @property
    def reach(self) -> int:
        return (self.size - 1) * self.dilation + 1

    def cut(self, pictures: Array, fill: float = 0.0) -> Array:
        """All squares: examples, rows, columns, channels, rows and columns of the square."""
        before = (self.reach - 1) // 2
        edges = (before, self.reach - 1 - before)
        grown = np.pad(pictures, ((0, 0), edges, edges, (0, 0)), constant_values=fill)
        squares = np.lib.stride_tricks.sliding_window_view(grown, (self.reach, self.reach), axis=(1, 2))
        return squares[:, :: self.stride, :: self.stride, :, :: self.dilation, :: self.dilation]

    def put_back(self, squares: Array, shape: tuple[int, ...]) -> Array:
        """The sum of squares where they were cut from pictures of a shape."""
        count, rows, columns, channels = shape
        grown = np.zeros((count, rows + self.reach - 1, columns + self.reach - 1, channels), squares.dtype)
        down, right = squares.shape[1] * self.stride, squares.shape[2] * self.stride
        for i in range(self.size):
            for j in range(self.size):
                top, left = i * self.dilation, j * self.dilation
                place = np.s_[:, top : top + down : self.stride, left : left + right : self.stride]
                grown[place] += squares[..., i, j]
        before = (self.reach - 1) // 2
        return grown[:, before : before + rows, before : before + columns]


def convolve(x: Value, weights: Value, window: Window) -> Value:
    """A convolution; weights are of channels, rows and columns of a square, and filters."""
    squares = window.cut(x.array)
    kept = squares.shape
    flat = squares.reshape(-1, int(np.prod(kept[3:])))
    matrix = weights.array.reshape(flat.shape[1], -1)

    def to_picture(gradient: Array) -> Array:
        return window.put_back((gradient.reshape(len(flat), -1) @ matrix.T).reshape(kept), x.array.shape)

    def to_weights(gradient: Array) -> Array:
        return (flat.T @ gradient.reshape(len(flat), -1)).reshape(weights.array.shape)

    return Value((flat @ matrix).reshape(*kept[:3], -1), (x, to_picture), (weights, to_weights))


def convolve_each(x: Value, weights: Value, window: Window) -> Value:
    """A depthwise convolution; weights are of channels, rows and columns of a square, and filters of each channel."""
    squares = window.cut(x.array)
    kept = squares.shape
    channels, filters = kept[3], weights.array.shape[3]
    flat = squares.transpose(3, 0, 1, 2, 4, 5).reshape(channels, -1, window.size**2)
    matrix = weights.array.reshape(channels, -1, filters)

    def by_channel(gradient: Array) -> Array:
        return gradient.reshape(*kept[:3], channels, filters).transpose(3, 0, 1, 2, 4).reshape(channels, -1, filters)

    def to_picture(gradient: Array) -> Array:
        parts = (by_channel(gradient) @ matrix.transpose(0, 2, 1)).reshape(channels, *kept[:3], *kept[4:])
        return window.put_back(parts.transpose(1, 2, 3, 0, 4, 5), x.array.shape)

    def to_weights(gradient: Array) -> Array:
        return (flat.transpose(0, 2, 1) @ by_channel(gradient)).reshape(weights.array.shape)

    result = (flat @ matrix).reshape(channels, *kept[:3], filters).transpose(1, 2, 3, 0, 4)
    return Value(result.reshape(*kept[:3], -1), (x, to_picture), (weights, to_weights))


def largest(x: Value, window: Window) -> Value:
    """The largest pixel of every square."""
    squares = window.cut(x.array, -np.inf)
    flat = squares.reshape(*squares.shape[:4], -1)
    places = flat.argmax(axis=4)[..., None]

    def back(gradient: Array) -> Array:
        chosen = np.zeros_like(flat)
        np.put_along_axis(chosen, places, gradient[..., None], axis=4)
        return window.put_back(chosen.reshape(squares.shape), x.array.shape)

    return Value(np.take_along_axis(flat, places, axis=4)[..., 0], (x, back))


def mean(x: Value, window: Window) -> Value:
    """The mean of every square, of what lies inside the picture."""
    squares = window.cut(x.array)
    inside = window.cut(np.ones_like(x.array[:1])).sum(axis=(4, 5))

    def back(gradient: Array) -> Array:
        return window.put_back(np.broadcast_to((gradient / inside)[..., None, None], squares.shape), x.array.shape)

    return Value(squares.sum(axis=(4, 5)) / inside, (x, back))
