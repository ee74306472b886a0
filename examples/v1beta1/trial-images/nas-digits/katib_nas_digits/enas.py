"""Train the network that an architecture describes, and print its metrics after every epoch.

The architecture has a row for each layer: the id of its operation, and one flag for each earlier layer (the input is layer
0) that it is connected with besides the last one. What the ids mean stands in the configuration.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from katib_nas_digits.learning import Descent, Weights, accuracy, load_pictures, parse_argument
from katib_nas_digits.tape import Value, average, cross_entropy, dense, gradients, join, normalise, relu
from katib_nas_digits.windows import Window, convolve, convolve_each, largest, mean

Layer = Callable[[Value], Value]
BATCH = 64
RATE = 0.5


@dataclass(frozen=True)
class Network:
    """Layers, each with the layers before it that it takes its input from, and the weights of the last one."""

    layers: tuple[tuple[Layer, tuple[int, ...]], ...]
    head: Value

    def logits(self, pictures: Any) -> Value:
        outputs = [Value(pictures)]
        for layer, sources in self.layers:
            outputs.append(layer(join([outputs[source] for source in sources])))
        return dense(average(outputs[-1]), self.head)


def build_network(architecture: Sequence[Sequence[int]], configuration: Mapping[str, Any], weights: Weights) -> Network:
    """The network of an architecture; raises ValueError for one that it cannot make."""
    channels = [int(configuration["input_sizes"][-1])]
    layers = []
    for number, (operation, *flags) in enumerate(architecture):
        sources = (*(place for place, flag in enumerate(flags) if flag), number)
        described = configuration["embedding"][str(operation)]
        inputs = sum(channels[source] for source in sources)
        layer, outputs = build_layer(described["opt_type"], described["opt_params"], inputs, weights)
        layers.append((layer, sources))
        channels.append(outputs)
    kinds = int(configuration["output_sizes"][-1])
    return Network(tuple(layers), weights.make(channels[-1], kinds, inputs=channels[-1]))


def build_layer(kind: str, given: Mapping[str, Any], inputs: int, weights: Weights) -> tuple[Layer, int]:
    """A layer with its parameters, and how many channels it gives."""
    window = Window(int(given.get("filter_size", 3)), int(given.get("stride", 1)))
    filters, multiplier = int(given.get("num_filter", 64)), int(given.get("depth_multiplier", 1))
    area = window.size**2
    if kind == "convolution":
        whole = weights.make(inputs, window.size, window.size, filters, inputs=inputs * area)
        return (lambda x: relu(normalise(convolve(x, whole, window)))), filters
    if kind == "reduction":
        pool = Window(int(given.get("pool_size", 2)), int(given.get("pool_size", 2)))
        function = {"max_pooling": largest, "avg_pooling": mean}[given["reduction_type"]]
        return (lambda x: function(x, pool)), inputs
    if kind not in ("separable_convolution", "depthwise_convolution"):
        raise ValueError(f"operation {kind!r} is not known: use convolution, separable_convolution, ...")
    each = weights.make(inputs, window.size, window.size, multiplier, inputs=area)
    if kind == "depthwise_convolution":
        return (lambda x: relu(normalise(convolve_each(x, each, window)))), inputs * multiplier
    point = weights.make(inputs * multiplier, 1, 1, filters, inputs=inputs * multiplier)
    return (lambda x: relu(normalise(convolve(convolve_each(x, each, window), point, Window(1))))), filters


def train(
    architecture: Sequence[Sequence[int]], configuration: Mapping[str, Any], epochs: int, seed: int
) -> Iterator[dict[str, float]]:
    """Accuracy (0 to 1) and loss (cross-entropy, nats) of learned and of held-out pictures, after each epoch."""
    dice = np.random.default_rng(seed)
    weights = Weights(dice)
    network = build_network(architecture, configuration, weights)
    learned, held_out = load_pictures()
    descent = Descent(weights.values)
    for epoch in range(epochs):
        rate = RATE * (1 + np.cos(np.pi * epoch / epochs)) / 2
        for batch in learned.batches(BATCH, dice):
            loss = cross_entropy(network.logits(batch.images), batch.labels)
            descent.step(float(rate), gradients(loss, weights.values))
        found = {}
        for name, pictures in (("Training", learned), ("Validation", held_out)):
            logits = network.logits(pictures.images)
            found[f"{name}-Accuracy"] = accuracy(logits, pictures.labels)
            found[f"{name}-Loss"] = float(cross_entropy(logits, pictures.labels).array)
        yield found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="katib_nas_digits.enas", description=__doc__)
    parser.add_argument("--architecture", type=parse_argument, required=True, help="rows of operations and flags")
    parser.add_argument("--nn_config", type=parse_argument, required=True, help="what the operations are")
    parser.add_argument("--num_epochs", type=int, default=10, help="passes over the training pictures")
    parser.add_argument("--num_gpus", type=int, default=0, help="ignored: this trains on the processor")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and shuffling")
    options = parser.parse_args(arguments)
    for epoch, metrics in enumerate(
        train(options.architecture, options.nn_config, options.num_epochs, options.seed), start=1
    ):
        print(f"epoch={epoch}", *(f"{name}={value:.4f}" for name, value in metrics.items()), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
