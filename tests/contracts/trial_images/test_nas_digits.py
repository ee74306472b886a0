"""The trial images of enas and darts: they read what the algorithms write, and truly learn (algorithms.md §13, §14, B)."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from katib_nas_digits.cells import Network, Outline, build_primitive
from katib_nas_digits.darts import Settings, architecture_slopes, search, slopes_of
from katib_nas_digits.enas import build_layer, build_network, train
from katib_nas_digits.learning import Descent, Pictures, Weights, parse_argument
from katib_nas_digits.tape import (
    Value,
    add,
    average,
    cross_entropy,
    dense,
    gradients,
    join,
    mix,
    normalise,
    relu,
    row,
    softmax,
)
from katib_nas_digits.windows import Window, convolve, convolve_each, largest, mean

DICE = np.random.default_rng(1)
PICTURE = Value(DICE.normal(size=(2, 5, 5, 3)))
SMALLER = Value(DICE.normal(size=(2, 3, 3, 2)))
FILTERS = Value(DICE.normal(size=(3, 3, 3, 4)))
TABLE = Value(DICE.normal(size=(2, 3)))
MATRIX = Value(DICE.normal(size=(3, 4)))
LABELS = np.array([2, 0])

OPERATIONS: dict[str, tuple[Callable[[], Value], tuple[Value, ...]]] = {
    "convolution": (lambda: convolve(PICTURE, FILTERS, Window(3)), (PICTURE, FILTERS)),
    "convolution with stride": (lambda: convolve(PICTURE, FILTERS, Window(3, 2)), (PICTURE, FILTERS)),
    "dilated convolution": (lambda: convolve(PICTURE, FILTERS, Window(3, 1, 2)), (PICTURE, FILTERS)),
    "depthwise convolution": (lambda: convolve_each(PICTURE, FILTERS, Window(3, 2)), (PICTURE, FILTERS)),
    "largest": (lambda: largest(PICTURE, Window(2, 2)), (PICTURE,)),
    "mean": (lambda: mean(PICTURE, Window(3, 2)), (PICTURE,)),
    "join": (lambda: join([PICTURE, SMALLER, PICTURE]), (PICTURE, SMALLER)),
    "relu": (lambda: relu(PICTURE), (PICTURE,)),
    "normalise": (lambda: normalise(PICTURE), (PICTURE,)),
    "average and dense": (lambda: dense(average(PICTURE), Value(FILTERS.array[0, 0])), (PICTURE,)),
    "dense": (lambda: dense(TABLE, MATRIX), (TABLE, MATRIX)),
    "softmax": (lambda: softmax(TABLE), (TABLE,)),
    "mix": (lambda: mix([PICTURE, relu(PICTURE), PICTURE], row(softmax(TABLE), 1)), (PICTURE, TABLE)),
    "add": (lambda: add([PICTURE, relu(PICTURE)]), (PICTURE,)),
    "cross entropy": (lambda: cross_entropy(TABLE, LABELS), (TABLE,)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_slope_of_an_operation_is_what_small_steps_find(name: str) -> None:
    operation, sources = OPERATIONS[name]
    shape = operation().array.shape
    side = Value(np.random.default_rng(2).normal(size=(int(np.prod(shape)), 1)))

    def total() -> Value:
        """A number that depends on all that the operation gives."""
        found = operation()
        return dense(Value(found.array.reshape(1, -1), (found, lambda gradient: gradient.reshape(shape))), side)

    for source, slope in zip(sources, gradients(total(), sources), strict=True):
        kept = source.array
        for place in list(np.ndindex(kept.shape))[::7]:
            ends = []
            for step in (1e-6, -1e-6):
                source.array = kept.copy()
                source.array[place] += step
                ends.append(float(total().array.sum()))
            source.array = kept
            assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(slope[place], rel=1e-4, abs=1e-4)


def configuration(**operations: tuple[str, dict[str, object]]) -> dict[str, object]:
    embedding = {
        number[1:]: {"opt_id": int(number[1:]), "opt_type": kind, "opt_params": given}
        for number, (kind, given) in operations.items()
    }
    return {"num_layers": 2, "input_sizes": [8, 8, 1], "output_sizes": [10], "embedding": embedding}


SMALL = configuration(
    o0=("convolution", {"filter_size": "3", "num_filter": "8"}),
    o3=("reduction", {"reduction_type": "max_pooling", "pool_size": 2}),
    o5=("convolution", {"filter_size": "5", "num_filter": "16", "stride": "2"}),
)


def test_a_network_is_made_as_the_architecture_and_the_parameters_say() -> None:
    """D-49: parameters are read inside opt_params; flags connect earlier layers, the last one is always connected."""
    shapes = {}
    for architecture in ([[0], [5, 0]], [[0], [5, 1]], [[3], [0, 0]], [[0], [3, 1]]):
        weights = Weights(np.random.default_rng(0))
        network = build_network(architecture, SMALL, weights)
        assert network.logits(np.zeros((2, 8, 8, 1), np.float32)).array.shape == (2, 10)
        shapes[str(architecture)] = [value.array.shape for value in weights.values]
    assert shapes == {
        "[[0], [5, 0]]": [(1, 3, 3, 8), (8, 5, 5, 16), (16, 10)],
        "[[0], [5, 1]]": [(1, 3, 3, 8), (9, 5, 5, 16), (16, 10)],
        "[[3], [0, 0]]": [(1, 3, 3, 8), (8, 10)],
        "[[0], [3, 1]]": [(1, 3, 3, 8), (9, 10)],
    }


def test_every_operation_that_stock_images_know_is_known() -> None:
    """Appendix B; defaults where a parameter is not given."""
    given = {"filter_size": "3", "num_filter": "4", "stride": "2", "depth_multiplier": "2"}
    channels, sizes = {}, {}
    picture = Value(np.ones((1, 8, 8, 3), np.float32))
    for kind in ("convolution", "separable_convolution", "depthwise_convolution"):
        layer, channels[kind] = build_layer(kind, given, 3, Weights(np.random.default_rng(0)))
        sizes[kind] = layer(picture).array.shape
    assert channels == {"convolution": 4, "separable_convolution": 4, "depthwise_convolution": 6}
    assert {kind: shape[1:] for kind, shape in sizes.items()} == {kind: (4, 4, channels[kind]) for kind in sizes}
    for pooling in ("max_pooling", "avg_pooling"):
        layer, count = build_layer("reduction", {"reduction_type": pooling, "pool_size": 3}, 3, Weights(DICE))
        assert (layer(picture).array.shape, count) == ((1, 3, 3, 3), 3)
    with pytest.raises(ValueError, match="'transformer' is not known"):
        build_layer("transformer", {}, 3, Weights(DICE))


def test_a_trial_of_enas_learns() -> None:
    *_, found = train([[0], [5, 0]], SMALL, 2, seed=0)
    assert list(found) == ["Training-Accuracy", "Training-Loss", "Validation-Accuracy", "Validation-Loss"]
    assert found["Validation-Accuracy"] > 0.6


def test_arguments_are_json_with_single_quotes() -> None:
    assert parse_argument("{'a': [1, null]}") == {"a": [1, None]}


PRIMITIVES = (
    "none",
    "skip_connection",
    "avg_pooling_3x3",
    "max_pooling_3x3",
    "separable_convolution_3x3",
    "separable_convolution_5x5",
    "dilated_convolution_3x3",
    "dilated_convolution_5x5",
)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive_keeps_channels_and_halves_the_picture_when_told(name: str) -> None:
    """Appendix B."""
    picture = Value(np.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype(np.float32))
    for stride, size in ((1, 8), (2, 4)):
        primitive = build_primitive(name, 4, stride, Weights(np.random.default_rng(0)))
        assert primitive(picture).array.shape == (2, size, size, 4)


def test_a_primitive_that_is_not_known_is_named() -> None:
    with pytest.raises(ValueError, match="'attention_3x3' is not known"):
        build_primitive("attention_3x3", 4, 1, Weights(DICE))


def test_reduction_cells_lie_where_the_contract_says() -> None:
    """§14."""
    reducing = {count: [n for n in range(count) if Outline(count, 1, 1, 1).reduces(n)] for count in (1, 2, 3, 8)}
    assert reducing == {1: [], 2: [1], 3: [1, 2], 8: [2, 5]}


def test_settings_come_as_texts_or_numbers_and_no_batch_size_is_all_pictures() -> None:
    """§14: defaults are JSON numbers, the user's are texts, None is null; others are passed over."""
    settings = Settings.read({"num_epochs": "3", "w_lr": 0.1, "batch_size": None, "num_epoch": "9"})
    assert (settings.num_epochs, settings.w_lr, settings.batch_size, settings.w_momentum) == (3, 0.1, None, 0.9)
    pictures = Pictures(np.zeros((5, 8, 8, 1)), np.arange(5))
    assert [len(batch.labels) for batch in pictures.batches(None, DICE)] == [5]
    assert [len(batch.labels) for batch in pictures.batches(2, DICE)] == [2, 2, 1]


def test_the_slope_of_the_architecture_looks_one_step_of_the_weights_ahead() -> None:
    """§14: second order; the difference of losses after that step, found by small changes of the architecture."""
    dice = np.random.default_rng(0)
    network = Network(Outline(1, 1, 2, 1), ["max_pooling_3x3", "separable_convolution_3x3"], dice)
    for value in (*network.weights.values, *network.alphas):
        value.array = value.array.astype(np.float64)
    known, judged = (Pictures(dice.normal(size=(6, 8, 8, 1)), np.arange(6)) for _ in range(2))
    rate, descent = 0.1, Descent(network.weights.values, momentum=0.0)
    start = [value.array for value in network.weights.values]

    def ahead() -> float:
        slopes = slopes_of(network, known)[1]
        for value, array, slope in zip(network.weights.values, start, slopes, strict=True):
            value.array = array - rate * slope
        loss = float(cross_entropy(network.logits(judged.images), judged.labels).array)
        for value, array in zip(network.weights.values, start, strict=True):
            value.array = array
        return loss

    slope = architecture_slopes(network, known, judged, descent, rate)[0]
    kept = network.alphas[0].array
    for place in np.ndindex(kept.shape):
        ends = []
        for step in (1e-4, -1e-4):
            network.alphas[0].array = kept.copy()
            network.alphas[0].array[place] += step
            ends.append(ahead())
        network.alphas[0].array = kept
        assert (ends[0] - ends[1]) / 2e-4 == pytest.approx(slope[place], rel=0.05, abs=1e-4)


def test_a_trial_of_darts_names_two_edges_of_each_node() -> None:
    """Appendix B: pairs of primitive and source, without spaces; none is never among them."""
    settings = Settings(num_epochs=1, num_nodes=2, init_channels=2, stem_multiplier=1, batch_size=None)
    ((_, genotype),) = search(settings, ["skip_connection", "max_pooling_3x3"], 2, seed=0)
    edge = r"\('(skip_connection|max_pooling_3x3)',[0-2]\)"
    cell = rf"\[\[{edge},{edge}\],\[{edge},{edge}\]\]"
    concat = r"range\(2,4\)"
    assert re.fullmatch(
        rf"Genotype\(normal={cell},normal_concat={concat},reduce={cell},reduce_concat={concat}\)", genotype
    )
