"""Real training for the benches: it learns, repeats, goes on from a copy, and says when it has diverged."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "hack/bench"))

from networks import WORST, Network


@pytest.mark.parametrize("width", [0, 16])
def test_a_network_learns_and_repeats(width: int) -> None:
    found = []
    for _ in range(2):
        network = Network(width, seed=1)
        for _ in range(10):
            network.learn(0.3, 0.5, 1e-5)
        found.append((network.loss(), network.mistakes()))
    assert found[0] == found[1]
    assert found[0][0] < 0.6 and found[0][1] < 0.15


def test_a_copy_is_a_checkpoint_that_goes_on_as_the_network_would() -> None:
    network = Network(16, seed=2)
    network.learn(0.3, 0.5, 1e-5)
    other = copy.deepcopy(network)
    for entry in (network, other):
        entry.learn(0.1, 0.9, 1e-5)
    assert network.loss() == other.loss()
    other.learn(0.1, 0.9, 1e-5)
    assert network.loss() != other.loss()


def test_a_network_that_has_diverged_has_the_worst_loss() -> None:
    network = Network(16, seed=3)
    for _ in range(5):
        network.learn(1e6, 0.9, 0.0)
    assert network.loss() == WORST
