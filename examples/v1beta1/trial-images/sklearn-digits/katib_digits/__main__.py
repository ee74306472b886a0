"""Train a classifier of handwritten digits and print its metrics after every epoch."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

HELD_OUT = 0.25
BATCH = 64


@dataclass(frozen=True)
class Hyperparameters:
    """What an experiment tunes."""

    learning_rate: float
    momentum: float
    width: int
    activation: str


def train(hyperparameters: Hyperparameters, epochs: int, seed: int) -> Iterator[tuple[float, float]]:
    """Yield training loss (cross-entropy, nats) and held-out accuracy (0 to 1) after each epoch."""
    import numpy
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    pictures, digits = load_digits(return_X_y=True)
    split = train_test_split(pictures / 16.0, digits, test_size=HELD_OUT, random_state=0, stratify=digits)
    train_pictures, test_pictures, train_digits, test_digits = split
    model = MLPClassifier(
        hidden_layer_sizes=(hyperparameters.width,),
        activation=hyperparameters.activation,
        solver="sgd",
        learning_rate_init=hyperparameters.learning_rate,
        momentum=hyperparameters.momentum,
        batch_size=BATCH,
        random_state=seed,
    )
    for _ in range(epochs):
        model.partial_fit(train_pictures, train_digits, classes=numpy.arange(10))
        yield float(model.loss_), float(model.score(test_pictures, test_digits))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="katib_digits", description=__doc__)
    parser.add_argument("--learning-rate", type=float, default=0.05, help="step size of gradient descent")
    parser.add_argument("--momentum", type=float, default=0.9, help="momentum of gradient descent, 0 to 1")
    parser.add_argument("--width", type=int, default=32, help="neurons of the hidden layer")
    parser.add_argument("--activation", default="relu", choices=["relu", "tanh", "logistic"])
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training pictures")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and shuffling")
    options = parser.parse_args(arguments)
    hyperparameters = Hyperparameters(options.learning_rate, options.momentum, options.width, options.activation)
    for epoch, (loss, accuracy) in enumerate(train(hyperparameters, options.epochs, options.seed), start=1):
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        print(f"{now} epoch={epoch} loss={loss:.4f} accuracy={accuracy:.4f}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
