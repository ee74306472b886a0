"""enas and darts as trial images and users see them, asked over gRPC (algorithms.md §13, §14, appendix B)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import grpc
import pytest
from contracts.algorithms.networks import (
    CONVOLUTION,
    REDUCTION,
    a_network,
    a_parameter,
    an_operation,
)
from contracts.algorithms.questions import Service, a_question, a_trial, an_experiment, serving

from katib_apis.v1beta1 import api_pb2

Space = api_pb2.FeasibleSpace
SEED = {"random_state": "7"}


def searching(
    algorithm: str, network: api_pb2.NasConfig, settings: Mapping[str, str] | None = None
) -> api_pb2.Experiment:
    experiment = an_experiment(algorithm, settings=settings)
    experiment.spec.nas_config.CopyFrom(network)
    return experiment


def read(text: str) -> object:
    """What a trial image reads: single quotes are double quotes."""
    assert '"' not in text
    return json.loads(text.replace("'", '"'))


def assignments(experiment: api_pb2.Experiment, service: Service, wanted: int = 3) -> list[dict[str, str]]:
    return service.points(a_question(experiment, wanted=wanted))


def refusal(service: Service, experiment: api_pb2.Experiment) -> str:
    """What validation says, which is what GetSuggestions says."""
    said = []
    for ask in (lambda: service.validate(experiment), lambda: service.ask(a_question(experiment))):
        with pytest.raises(grpc.RpcError) as caught:
            ask()
        assert isinstance(caught.value, grpc.Call)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        said.append(str(caught.value.details()))
    assert said[0] == said[1]
    return said[0]


def test_enas_assigns_rows_of_operations_and_flags_and_what_they_mean(service: Service) -> None:
    """§13: row L has an operation's id and L-1 flags; ids count combinations, the last parameter fastest."""
    (found,) = assignments(searching("enas", a_network(), SEED), service, 1)
    assert list(found) == ["architecture", "nn_config"]
    rows = read(found["architecture"])
    assert isinstance(rows, list) and [len(row) for row in rows] == [1, 2, 3, 4]
    assert all(0 <= row[0] <= 7 and set(row[1:]) <= {0, 1} for row in rows)
    configuration = read(found["nn_config"])
    assert isinstance(configuration, dict)
    assert list(configuration) == ["num_layers", "input_sizes", "output_sizes", "embedding"]
    assert configuration["num_layers"] == 4
    assert (configuration["input_sizes"], configuration["output_sizes"]) == ([32, 32, 3], [10])
    embedding = configuration["embedding"]
    assert list(embedding) == list(dict.fromkeys(str(row[0]) for row in rows))
    for number, entry in embedding.items():
        assert list(entry) == ["opt_id", "opt_type", "opt_params"] and entry["opt_id"] == int(number)


def embeddings(service: Service, network: api_pb2.NasConfig) -> dict[int, tuple[str, dict[str, object]]]:
    """Every operation by its id."""
    network.graph_config.num_layers = 1
    found: dict[int, tuple[str, dict[str, object]]] = {}
    for texts in assignments(searching("enas", network, SEED), service, 100):
        configuration = read(texts["nn_config"])
        assert isinstance(configuration, dict)
        for entry in configuration["embedding"].values():
            found[entry["opt_id"]] = (entry["opt_type"], entry["opt_params"])
    return dict(sorted(found.items()))


def test_enas_numbers_every_combination_and_writes_values_by_type(service: Service) -> None:
    """§13: the example of the contract; a one-layer space is searched whole (U-06)."""
    assert embeddings(service, a_network()) == {
        0: ("convolution", {"filter_size": "3", "num_filter": "32"}),
        1: ("convolution", {"filter_size": "3", "num_filter": "64"}),
        2: ("convolution", {"filter_size": "5", "num_filter": "32"}),
        3: ("convolution", {"filter_size": "5", "num_filter": "64"}),
        4: ("reduction", {"reduction_type": "max_pooling", "pool_size": 2}),
        5: ("reduction", {"reduction_type": "max_pooling", "pool_size": 3}),
        6: ("reduction", {"reduction_type": "avg_pooling", "pool_size": 2}),
        7: ("reduction", {"reduction_type": "avg_pooling", "pool_size": 3}),
    }


def test_enas_counts_in_decimals_in_the_order_of_lists_and_by_one_without_a_step(service: Service) -> None:
    """D-46."""
    network = a_network(
        an_operation("dropout", a_parameter("rate", api_pb2.DOUBLE, Space(min="0", max="1", step="0.3"))),
        an_operation("pool", a_parameter("size", api_pb2.INT, Space(min="2", max="3"))),
        an_operation("dense", a_parameter("width", api_pb2.DISCRETE, Space(list=["64", "8"]))),
    )
    values = [next(iter(parameters.values())) for _, parameters in embeddings(service, network).values()]
    assert values == [0.0, 0.3, 0.6, 0.9, 2, 3, "64", "8"]


def test_enas_goes_on_after_a_restart_and_learns_from_each_trials_own_value(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """D-43, D-44, U-01, U-03: a new process for every call; same request, same reply; what is praised becomes frequent."""
    experiment = searching("enas", a_network(layers=3), SEED)
    experiment.spec.objective.type = api_pb2.MAXIMIZE
    trials: list[api_pb2.Trial] = []
    for _ in range(8):
        with serving(tmp_path_factory.mktemp("s")) as service:
            question = a_question(experiment, trials, wanted=5)
            points = service.points(question)
            assert points == service.points(question)
        trials += [a_trial(len(trials) + place, point, praise(point)) for place, point in enumerate(points)]
    values = [float(trial.status.observation.metrics[0].value) for trial in trials]
    assert sum(values[-10:]) >= 28 > sum(values[:10])


def praise(point: Mapping[str, str]) -> str:
    """How many layers are convolutions."""
    rows = read(point["architecture"])
    assert isinstance(rows, list)
    return str(sum(row[0] < 4 for row in rows))


@pytest.mark.parametrize("condition", range(8))
def test_enas_answers_when_no_trial_has_given_anything(service: Service, condition: int) -> None:
    """D-45: at the second call too, and beside a succeeded trial without a value."""
    experiment = searching("enas", a_network(), SEED)
    points = assignments(experiment, service)
    trials = [a_trial(number, point, None, condition) for number, point in enumerate(points)]
    again = service.points(a_question(experiment, trials))
    assert len({point["architecture"] for point in (*points, *again)}) == 6


def test_enas_asks_for_every_architecture_once_and_ends(service: Service) -> None:
    """U-05, U-06, D-47: also with one layer, which has no skip connection; in whatever state the trials are."""
    experiment = searching("enas", a_network(layers=1), SEED)
    trials: list[api_pb2.Trial] = []
    while points := service.points(a_question(experiment, trials)):
        for point in points:
            trials.append(a_trial(len(trials), point, "0.5", len(trials) % 8))
    texts = [entry.value for trial in trials for entry in trial.spec.parameter_assignments.assignments]
    assert sorted(text for text in texts if text[0] == "[") == [f"[[{number}]]" for number in range(8)]


def test_enas_takes_two_thousand_large_architectures_in_time(service: Service) -> None:
    """U-07: a network of 16 layers, and as many trials as a call must stand."""
    experiment = searching("enas", a_network(layers=16), SEED)
    points = assignments(experiment, service, 1000)
    trials = [a_trial(number, points[number % 1000], str(number % 97)) for number in range(2000)]
    assert len(service.points(a_question(experiment, trials))) == 3


ENAS_REFUSALS: dict[str, tuple[api_pb2.NasConfig, str]] = {
    "no layers": (a_network(layers=0), "spec.nasConfig.graphConfig.numLayers: 0 is not possible: give a number"),
    "too many layers": (a_network(layers=65), "numLayers: 65 is not possible: give a number of layers from 1 to 64"),
    "no operations": (
        api_pb2.NasConfig(graph_config=a_network().graph_config),
        "spec.nasConfig.operations: there are none: name at least one operation",
    ),
    "no sizes": (
        api_pb2.NasConfig(graph_config=api_pb2.GraphConfig(num_layers=1), operations=a_network().operations),
        "spec.nasConfig.graphConfig.inputSizes: is missing",
    ),
    "no type": (a_network(an_operation("", *CONVOLUTION.parameter_specs.parameters)), "operations[0].operationType"),
    "no parameters": (a_network(CONVOLUTION, an_operation("skip")), "operations[1].parameters: there are none"),
    "no name": (
        a_network(an_operation("a", a_parameter("", api_pb2.INT, Space(min="1", max="2")))),
        "operations[0].parameters[0].name",
    ),
    "no kind": (
        a_network(an_operation("a", a_parameter("x", api_pb2.UNKNOWN_TYPE, Space(min="1", max="2")))),
        "operations[0].parameters[0].parameterType of parameter 'x'",
    ),
    "no list": (
        a_network(an_operation("a", a_parameter("x", api_pb2.CATEGORICAL, Space()))),
        "operations[0].parameters[0].feasibleSpace.list of parameter 'x'",
    ),
    "no bounds": (
        a_network(an_operation("a", a_parameter("x", api_pb2.INT, Space()))),
        "operations[0].parameters[0].feasibleSpace.min of parameter 'x'",
    ),
    "a double without step": (
        a_network(an_operation("a", a_parameter("x", api_pb2.DOUBLE, Space(min="0", max="1")))),
        "operations[0].parameters[0].feasibleSpace.step: is missing",
    ),
    "a step of zero": (
        a_network(an_operation("a", a_parameter("x", api_pb2.DOUBLE, Space(min="0", max="1", step="0")))),
        "must be greater than 0",
    ),
    "a quote in a type": (
        a_network(an_operation("it's", *CONVOLUTION.parameter_specs.parameters)),
        "operations[0].operationType: \"it's\" holds '",
    ),
    "a quote in a value": (
        a_network(an_operation("a", a_parameter("x", api_pb2.CATEGORICAL, Space(list=['"'])))),
        "operations[0].parameters[0].feasibleSpace.list: '\"' holds",
    ),
    "a dollar in a name": (
        a_network(an_operation("a", a_parameter("$x", api_pb2.INT, Space(min="1", max="2")))),
        "operations[0].parameters[0].name: '$x' holds $",
    ),
    "more than can be counted": (
        a_network(REDUCTION, an_operation("a", a_parameter("x", api_pb2.INT, Space(min="1", max="1e15")))),
        "spec.nasConfig.operations: their parameters have more than 1000 combinations",
    ),
}


@pytest.mark.parametrize("case", ENAS_REFUSALS)
def test_enas_refuses_what_it_could_not_search_by_field_and_cure(service: Service, case: str) -> None:
    """§13, D-46, U-08."""
    network, words = ENAS_REFUSALS[case]
    assert words in refusal(service, searching("enas", network))


@pytest.mark.parametrize("algorithm", ["enas", "darts"])
def test_parameters_are_no_architecture(service: Service, algorithm: str) -> None:
    experiment = an_experiment(algorithm)
    experiment.spec.ClearField("nas_config")
    assert refusal(service, experiment).startswith("spec.nasConfig: is missing: say what")


CONTROLLER = "hidden_size train_steps log_every_steps"
RATES = "temperature tanh_const entropy_weight baseline_decay learning_rate skip_target skip_weight"
OPTIONAL = "temperature tanh_const entropy_weight skip_weight"
SHARES = "baseline_decay learning_rate skip_target"


def enas_settings(good: bool) -> list[tuple[str, str]]:
    """Settings at the edge of what is allowed, or just outside."""
    optional, shares = OPTIONAL.split(), SHARES.split()
    whole, rates = CONTROLLER.split(), RATES.split()
    if good:
        return [
            *((name, "1") for name in (*whole, *rates)),
            *((name, "None") for name in optional),
            *((name, "1e9") for name in optional),
        ]
    return [
        *((name, text) for name in whole for text in ("0", "1.5", "None", "")),
        *((name, text) for name in rates for text in ("0", "0.0", "-1", "nan", "inf", "none", "x")),
        *((name, text) for name in shares for text in ("1.01", "None")),
    ]


@pytest.mark.parametrize(("name", "text"), enas_settings(True))
def test_a_good_setting_of_enas_is_accepted_and_learned_with(service: Service, name: str, text: str) -> None:
    """§13: the table; upper bounds are inclusive, and the only spelling of none is None."""
    experiment = searching("enas", a_network(), {**SEED, f"controller_{name}": text})
    service.validate(experiment)
    points = assignments(experiment, service)
    trials = [a_trial(number, point, str(number)) for number, point in enumerate(points)]
    assert len(service.points(a_question(experiment, trials))) == 3


@pytest.mark.parametrize(("name", "text"), enas_settings(False))
def test_a_wrong_setting_of_enas_is_refused_by_name_and_value(service: Service, name: str, text: str) -> None:
    """§13: lower bounds of floats are exclusive."""
    said = refusal(service, searching("enas", a_network(), {f"controller_{name}": text}))
    assert said.startswith(f"spec.algorithm.algorithmSettings: setting controller_{name}: ")


SEPARABLE = an_operation(
    "separable_convolution", a_parameter("filter_size", api_pb2.CATEGORICAL, Space(list=["3", "5"]))
)
POOLING = an_operation("max_pooling", a_parameter("filter_size", api_pb2.CATEGORICAL, Space(list=["3"])))
SKIP = an_operation("skip_connection")
TOLD = {
    "num_epochs": "10",
    "w_lr": 0.025,
    "w_lr_min": 0.001,
    "w_momentum": 0.9,
    "w_weight_decay": 0.0003,
    "w_grad_clip": 5.0,
    "alpha_lr": 0.0003,
    "alpha_weight_decay": 0.001,
    "batch_size": None,
    "num_workers": 4,
    "init_channels": 16,
    "print_step": 50,
    "num_nodes": 4,
    "stem_multiplier": 3,
}
"""The contract's measured example."""


def cells(*operations: api_pb2.Operation, layers: int = 3) -> api_pb2.NasConfig:
    """What darts needs, and no sizes."""
    network = a_network(*operations, layers=layers)
    network.graph_config.ClearField("input_sizes")
    network.graph_config.ClearField("output_sizes")
    return network


def test_darts_tells_every_trial_the_settings_and_the_primitives(service: Service) -> None:
    """§14, measured; D-48: skip_connection needs no parameters; D-38: any number of calls; identical by design (U-06)."""
    settings = {"batch_size": "None", "num_epochs": "10"}
    experiment = searching("darts", cells(SEPARABLE, POOLING, SKIP), settings)
    service.validate(experiment)
    expected = {
        "algorithm-settings": json.dumps(TOLD).replace('"', "'"),
        "search-space": (
            "['separable_convolution_3x3', 'separable_convolution_5x5', 'max_pooling_3x3', 'skip_connection']"
        ),
        "num-layers": "3",
    }
    points = assignments(experiment, service)
    assert points == [expected] * 3 and list(points[0]) == list(expected)
    trials = [a_trial(number, point, "Genotype(normal=[])") for number, point in enumerate(points)]
    assert service.points(a_question(experiment, trials)) == points


def test_darts_passes_settings_on_that_it_does_not_know(service: Service) -> None:
    """§14: behind its own, as texts; the last of two counts."""
    experiment = searching("darts", cells(SKIP), {"num_epoch": "3", "w_lr": "1"})
    experiment.spec.algorithm.algorithm_settings.add(name="w_lr", value="0.5")
    told = read(assignments(experiment, service)[0]["algorithm-settings"])
    assert isinstance(told, dict)
    assert list(told) == [*TOLD, "num_epoch"] and told["num_epoch"] == "3" and told["w_lr"] == "0.5"


DARTS_WHOLE = "num_epochs batch_size init_channels print_step num_nodes stem_multiplier".split()
DARTS_RATES = "w_lr w_lr_min w_momentum w_weight_decay w_grad_clip alpha_lr alpha_weight_decay".split()
DARTS_GOOD = [*((name, "1") for name in DARTS_WHOLE), *((name, "0") for name in (*DARTS_RATES, "num_workers"))]
DARTS_WRONG = [
    *((name, text) for name in DARTS_WHOLE for text in ("0", "1.5", "x")),
    *((name, text) for name in DARTS_RATES for text in ("-0.1", "None", "nan", "x")),
    *(("num_workers", text) for text in ("-1", "None")),
    ("num_epochs", "None"),
]


@pytest.mark.parametrize(("name", "text"), DARTS_GOOD)
def test_a_good_setting_of_darts_is_accepted(service: Service, name: str, text: str) -> None:
    """§14: the table."""
    service.validate(searching("darts", cells(SKIP), {name: text}))


@pytest.mark.parametrize(("name", "text"), DARTS_WRONG)
def test_a_wrong_setting_of_darts_is_refused_by_name_and_value(service: Service, name: str, text: str) -> None:
    said = refusal(service, searching("darts", cells(SKIP), {name: text}))
    assert said.startswith(f"spec.algorithm.algorithmSettings: setting {name}: '{text}' is not ")


DARTS_REFUSALS: dict[str, tuple[Sequence[api_pb2.Operation], int, Mapping[str, str], str]] = {
    "no layers": ((SKIP,), 0, {}, "spec.nasConfig.graphConfig.numLayers: 0 is not possible: give at least 1"),
    "no parameters": ((an_operation("max_pooling"),), 1, {}, "operations[0].parameters: there are none"),
    "no list": (
        (an_operation("max_pooling", a_parameter("size", api_pb2.INT, Space(min="3", max="5"))),),
        1,
        {},
        "operations[0].parameters[0].feasibleSpace.list: is missing: list the sizes of max_pooling",
    ),
    "a quote in a setting": ((SKIP,), 1, {"note": "it's"}, "spec.algorithm.algorithmSettings: \"it's\" holds '"),
}


@pytest.mark.parametrize("case", DARTS_REFUSALS)
def test_darts_refuses_what_a_trial_could_not_read(service: Service, case: str) -> None:
    """§14, U-08."""
    operations, layers, settings, words = DARTS_REFUSALS[case]
    assert words in refusal(service, searching("darts", cells(*operations, layers=layers), settings))
