"""A network of cells whose every edge is a mixture of primitives, weighed by numbers that are learned too (DARTS)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from katib_nas_digits.learning import KINDS, Weights
from katib_nas_digits.tape import Array, Value, add, average, dense, join, mix, normalise, relu, row, softmax
from katib_nas_digits.windows import Window, convolve, convolve_each, largest, mean

NONE, SKIP = "none", "skip_connection"
SIZED = re.compile(r"(\w+)_(\d+)x\2")
Layer = Callable[[Value], Value]


def build_primitive(name: str, channels: int, stride: int, weights: Weights) -> Layer:
    """A primitive by its name, such as `max_pooling_3x3`; raises ValueError for one that is not known."""
    if name == NONE:
        return lambda x: Value(np.zeros_like(x.array[:, ::stride, ::stride]))
    if name == SKIP:
        return (lambda x: x) if stride == 1 else build_point(channels, channels, stride, weights)
    found = SIZED.fullmatch(name)
    kind, size = (found[1], int(found[2])) if found else (name, 0)
    if kind in ("max_pooling", "avg_pooling"):
        pool = largest if kind == "max_pooling" else mean
        return lambda x: normalise(pool(x, Window(size, stride)))
    if kind not in ("separable_convolution", "dilated_convolution"):
        raise ValueError(f"primitive {name!r} is not known: use max_pooling_3x3, separable_convolution_3x3, ...")
    window = Window(size, stride, 2 if kind == "dilated_convolution" else 1)
    each = weights.make(channels, size, size, 1, inputs=size**2)
    point = weights.make(channels, 1, 1, channels, inputs=channels)
    return lambda x: normalise(convolve(convolve_each(relu(x), each, window), point, Window(1)))


def build_point(inputs: int, outputs: int, stride: int, weights: Weights) -> Layer:
    """A convolution of single pixels, which changes the number of channels."""
    point = weights.make(inputs, 1, 1, outputs, inputs=inputs)
    return lambda x: normalise(convolve(relu(x), point, Window(1, stride)))


@dataclass(frozen=True)
class Cell:
    """Nodes that sum up mixtures of all states before them: the outputs of two cells, and earlier nodes."""

    reduces: bool
    before: tuple[Layer, Layer]
    edges: tuple[tuple[tuple[Layer, ...], ...], ...]

    def output(self, first: Value, second: Value, shares: Value) -> Value:
        states = [self.before[0](first), self.before[1](second)]
        number = 0
        for edges in self.edges:
            parts = []
            for state, primitives in zip(states, edges, strict=True):
                parts.append(mix([primitive(state) for primitive in primitives], row(shares, number)))
                number += 1
            states.append(add(parts))
        return join(states[2:])


@dataclass(frozen=True)
class Outline:
    """How large the network of cells is."""

    layers: int
    nodes: int
    channels: int
    stem_multiplier: int

    def reduces(self, layer: int) -> bool:
        """Whether a cell halves the picture: at a third and two thirds of the layers, at the second of two."""
        return layer in (self.layers // 3, 2 * self.layers // 3) if self.layers > 2 else self.layers == 2 and layer == 1


class Network:
    """The stem, cells, and the last layer. `alphas` weigh the primitives of normal and of reduction cells' edges."""

    def __init__(self, outline: Outline, primitives: Sequence[str], dice: np.random.Generator) -> None:
        self.outline, self.primitives = outline, (*primitives, NONE)
        self.weights = Weights(dice)
        edges = sum(2 + node for node in range(outline.nodes))
        shape = (edges, len(self.primitives))
        self.alphas = [Value((0.001 * dice.normal(size=shape)).astype(np.float32)) for _ in range(2)]
        self._build()

    def _build(self) -> None:
        outline, channels = self.outline, self.outline.channels
        stem = outline.stem_multiplier * channels
        self._stem = self.weights.make(1, 3, 3, stem, inputs=9)
        widths, shrunk = (stem, stem), False
        self._cells: list[Cell] = []
        for layer in range(outline.layers):
            reduces = outline.reduces(layer)
            channels *= 2 if reduces else 1
            first = build_point(widths[0], channels, 2 if shrunk else 1, self.weights)
            second = build_point(widths[1], channels, 1, self.weights)
            self._cells.append(Cell(reduces, (first, second), self._edges(channels, reduces)))
            widths, shrunk = (widths[1], channels * outline.nodes), reduces
        self._head = self.weights.make(widths[1], KINDS, inputs=widths[1])

    def _edges(self, channels: int, reduces: bool) -> tuple[tuple[tuple[Layer, ...], ...], ...]:
        return tuple(
            tuple(
                tuple(
                    build_primitive(name, channels, 2 if reduces and source < 2 else 1, self.weights)
                    for name in self.primitives
                )
                for source in range(2 + node)
            )
            for node in range(self.outline.nodes)
        )

    def logits(self, images: Array) -> Value:
        shares = [softmax(alpha) for alpha in self.alphas]
        first = second = normalise(convolve(Value(images), self._stem, Window(3)))
        for cell in self._cells:
            first, second = second, cell.output(first, second, shares[cell.reduces])
        return dense(average(second), self._head)

    def genotype(self) -> str:
        """The strongest primitives of the two strongest edges of each node, for both kinds of cells."""
        ends = f"range(2,{2 + self.outline.nodes})"
        normal, reduction = (self._strongest(softmax(alpha).array) for alpha in self.alphas)
        return f"Genotype(normal={normal},normal_concat={ends},reduce={reduction},reduce_concat={ends})"

    def _strongest(self, shares: Array) -> str:
        nodes, start = [], 0
        for node in range(self.outline.nodes):
            real = shares[start : start + 2 + node, :-1]  # the last primitive is none
            best = sorted(sorted(range(len(real)), key=lambda edge: -real[edge].max())[:2])
            nodes.append([(self.primitives[int(real[edge].argmax())], edge) for edge in best])
            start += 2 + node
        return str(nodes).replace(" ", "")
