"""Search the best cell by gradient descent on the architecture itself (DARTS, second order), and print its genotype.

Reference: Liu, Simonyan, Yang, "DARTS: Differentiable Architecture Search", arXiv:1806.09055.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from katib_nas_digits.cells import Network, Outline
from katib_nas_digits.learning import Descent, Pictures, accuracy, load_pictures, parse_argument
from katib_nas_digits.tape import Array, cross_entropy, gradients

FINITE = 0.01
BETAS = (0.5, 0.999)


@dataclass(frozen=True)
class Settings:
    """What Katib's algorithm darts tells its trials; numbers may come as texts."""

    num_epochs: int = 50
    w_lr: float = 0.025
    w_lr_min: float = 0.001
    w_momentum: float = 0.9
    w_weight_decay: float = 3e-4
    w_grad_clip: float = 5.0
    alpha_lr: float = 3e-4
    alpha_weight_decay: float = 1e-3
    batch_size: int | None = 128
    num_workers: int = 4
    init_channels: int = 16
    print_step: int = 50
    num_nodes: int = 4
    stem_multiplier: int = 3

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Settings:
        """The settings that are known among those given; no batch size means all pictures at once."""
        defaults = cls()
        values: dict[str, Any] = {}
        for name, value in given.items():
            if hasattr(defaults, name):
                kind = float if isinstance(getattr(defaults, name), float) else int
                values[name] = None if value is None else kind(value)
        return cls(**values)


@dataclass
class Adam:
    """Steps of the architecture."""

    settings: Settings
    moments: list[tuple[Array, Array]] = field(default_factory=list)
    steps: int = 0

    def step(self, network: Network, slopes: Sequence[Array]) -> None:
        self.steps += 1
        moments = self.moments or [(np.zeros_like(slope), np.zeros_like(slope)) for slope in slopes]
        self.moments = []
        for alpha, slope, (first, second) in zip(network.alphas, slopes, moments, strict=True):
            slope = slope + self.settings.alpha_weight_decay * alpha.array
            first = BETAS[0] * first + (1 - BETAS[0]) * slope
            second = BETAS[1] * second + (1 - BETAS[1]) * slope**2
            self.moments.append((first, second))
            size = np.sqrt(second / (1 - BETAS[1] ** self.steps)) + 1e-8
            step = first / (1 - BETAS[0] ** self.steps) / size
            alpha.array = (alpha.array - self.settings.alpha_lr * step).astype(np.float32)


def slopes_of(network: Network, pictures: Pictures) -> tuple[list[Array], list[Array]]:
    """The gradient of the loss by the architecture, and by the weights."""
    loss = cross_entropy(network.logits(pictures.images), pictures.labels)
    found = gradients(loss, [*network.alphas, *network.weights.values])
    return found[: len(network.alphas)], found[len(network.alphas) :]


def architecture_slopes(
    network: Network, training: Pictures, validation: Pictures, descent: Descent, rate: float
) -> list[Array]:
    """The gradient of the validation loss by the architecture, the weights having made one step on the training loss."""
    kept = [weight.array for weight in network.weights.values]
    _, slopes = slopes_of(network, training)
    speeds = descent.speeds or [np.zeros_like(array) for array in kept]
    move(
        network,
        kept,
        [s + descent.momentum * v + descent.decay * w for s, v, w in zip(slopes, speeds, kept, strict=True)],
        -rate,
    )
    direct, by_weights = slopes_of(network, validation)
    norm = float(np.sqrt(sum(float(np.vdot(part, part)) for part in by_weights)))
    size = FINITE / max(norm, 1e-8)
    sides = []
    for sign in (size, -size):
        move(network, kept, by_weights, sign)
        sides.append(slopes_of(network, training)[0])
    move(network, kept, by_weights, 0.0)
    return [part - rate * (up - down) / (2 * size) for part, up, down in zip(direct, *sides, strict=True)]


def move(network: Network, start: Sequence[Array], direction: Sequence[Array], length: float) -> None:
    """Put the weights so far from a start in a direction."""
    for weight, array, part in zip(network.weights.values, start, direction, strict=True):
        weight.array = array + np.float32(length) * part


def search(settings: Settings, primitives: Sequence[str], layers: int, seed: int) -> Iterator[tuple[float, str]]:
    """Accuracy of the mixture on the half that the architecture learns from, and its genotype, after each epoch."""
    dice = np.random.default_rng(seed)
    outline = Outline(layers, settings.num_nodes, settings.init_channels, settings.stem_multiplier)
    network = Network(outline, primitives, dice)
    pictures, _ = load_pictures()
    half = len(pictures.labels) // 2
    training, validation = pictures.take(np.s_[:half]), pictures.take(np.s_[half:])
    descent = Descent(network.weights.values, settings.w_momentum, settings.w_weight_decay, settings.w_grad_clip)
    adam = Adam(settings)
    for epoch in range(settings.num_epochs):
        share = (1 + np.cos(np.pi * epoch / settings.num_epochs)) / 2
        rate = float(settings.w_lr_min + (settings.w_lr - settings.w_lr_min) * share)
        pairs = zip(
            training.batches(settings.batch_size, dice), validation.batches(settings.batch_size, dice), strict=False
        )
        for step, (known, judged) in enumerate(pairs, start=1):
            adam.step(network, architecture_slopes(network, known, judged, descent, rate))
            descent.step(rate, slopes_of(network, known)[1])
            if step % settings.print_step == 0:
                print(f"epoch={epoch + 1} step={step}", flush=True)
        yield accuracy(network.logits(validation.images), validation.labels), network.genotype()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="katib_nas_digits.darts", description=__doc__)
    parser.add_argument("--algorithm-settings", type=parse_argument, required=True, help="settings, as JSON")
    parser.add_argument("--search-space", type=parse_argument, required=True, help="names of primitives, as JSON")
    parser.add_argument("--num-layers", type=int, required=True, help="cells of the network")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and shuffling")
    options = parser.parse_args(arguments)
    best = (-1.0, "")
    settings = Settings.read(options.algorithm_settings)
    for epoch, found in enumerate(search(settings, options.search_space, options.num_layers, options.seed), start=1):
        best = max(best, found, key=lambda entry: entry[0])
        print(f"epoch={epoch} accuracy={found[0]:.4f}", flush=True)
    print(f"Best-Genotype={best[1]}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
