"""Train a classifier of handwritten digits and print its metrics after every epoch."""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HELD_OUT = 0.25
BATCH = 64
PIXELS, DIGITS = 64, 10


@dataclass(frozen=True)
class Hyperparameters:
    """What an experiment tunes."""

    learning_rate: float
    momentum: float
    width: int
    activation: str

    @property
    def weights(self) -> int:
        """How many numbers the network has: what it costs to keep and to ask."""
        return (PIXELS + 1) * self.width + (self.width + 1) * DIGITS


def train(
    hyperparameters: Hyperparameters, epochs: int, seed: int, checkpoint: Path | None = None
) -> Iterator[tuple[float, float]]:
    """Yield training loss (cross-entropy, nats) and held-out accuracy (0 to 1) after each epoch.

    With a checkpoint training goes on from that file, if it is there, and writes it in the end.
    """
    import numpy
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pictures, digits = load_digits(return_X_y=True)
    split = train_test_split(pictures / 16.0, digits, test_size=HELD_OUT, random_state=0, stratify=digits)
    train_pictures, test_pictures, train_digits, test_digits = split
    model = load(checkpoint, hyperparameters) or a_network(hyperparameters, seed)
    for _ in range(epochs):
        model.partial_fit(train_pictures, train_digits, classes=numpy.arange(DIGITS))
        yield float(model.loss_), float(model.score(test_pictures, test_digits))
    if checkpoint is not None:
        save(checkpoint, model)


def a_network(hyperparameters: Hyperparameters, seed: int) -> Any:
    """A network that knows nothing yet."""
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        hidden_layer_sizes=(hyperparameters.width,),
        activation=hyperparameters.activation,
        solver="sgd",
        learning_rate_init=hyperparameters.learning_rate,
        momentum=hyperparameters.momentum,
        batch_size=BATCH,
        random_state=seed,
    )


def load(checkpoint: Path | None, hyperparameters: Hyperparameters) -> Any:
    """The network of a checkpoint, to go on with this learning rate and momentum; None when there is no such file."""
    if checkpoint is None or not checkpoint.exists():
        return None
    model = pickle.loads(checkpoint.read_bytes())  # noqa: S301 - written by a trial of the same experiment
    model._optimizer.learning_rate = hyperparameters.learning_rate
    model._optimizer.momentum = hyperparameters.momentum
    return model


def save(checkpoint: Path, model: Any) -> None:
    """Write a checkpoint, whole or not at all."""
    unfinished = checkpoint.with_suffix(".unfinished")
    unfinished.write_bytes(pickle.dumps(model))
    unfinished.replace(checkpoint)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="katib_digits", description=__doc__)
    parser.add_argument("--learning-rate", type=float, default=0.05, help="step size of gradient descent")
    parser.add_argument("--momentum", type=float, default=0.9, help="momentum of gradient descent, 0 to 1")
    parser.add_argument("--width", type=int, default=32, help="neurons of the hidden layer")
    parser.add_argument("--activation", default="relu", choices=["relu", "tanh", "logistic"])
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training pictures")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and shuffling")
    parser.add_argument("--checkpoint", type=Path, help="file to go on from, and to write in the end")
    options = parser.parse_args(arguments)
    hyperparameters = Hyperparameters(options.learning_rate, options.momentum, options.width, options.activation)
    for epoch, (loss, accuracy) in enumerate(
        train(hyperparameters, options.epochs, options.seed, options.checkpoint), start=1
    ):
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        line = f"{now} epoch={epoch} loss={loss:.4f} accuracy={accuracy:.4f} weights={hyperparameters.weights}"
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
