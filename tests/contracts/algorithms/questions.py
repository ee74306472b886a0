"""Requests as a controller sends them to an algorithm service, and a real process of that service."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from contracts.algorithms.networks import a_network
from grpc_health.v1 import health_pb2, health_pb2_grpc

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc, names
from katib_suggestion.registry import build_registry
from katib_suggestion.search import Algorithm

PATIENCE = 60
Assignments = Mapping[str, str]
OWN = tuple(os.environ.get("KATIB_TEST_ALGORITHMS", "").split())
"""Algorithms of the user's, as `[name=]module:Class`: the same promises are asked of them (docs/new-algorithm.md)."""
REGISTRY = build_registry(OWN)
ALGORITHMS = tuple(REGISTRY.names)


@dataclass(frozen=True)
class Profile:
    """What an algorithm has to be asked with, beside parameters."""

    settings: Mapping[str, str] = field(default_factory=dict)
    nas: api_pb2.NasConfig | None = None
    """For those that search architectures instead of parameters."""
    metrics: tuple[str, ...] = ()
    """Additional metrics, for those that look at several objectives."""
    resource: str = ""
    """A parameter that every Experiment gets beside its own, for those that set one themselves."""


LOSS, COST = "loss", "cost"
PROFILES: Mapping[str, Profile] = {
    "darts": Profile(nas=a_network()),
    "enas": Profile(nas=a_network()),
    "hyperband": Profile({"r_l": "9", "resource_name": "epochs"}, resource="epochs"),
    "motpe": Profile(metrics=(COST,)),
    "nsgaii": Profile(metrics=(COST,)),
    "pbt": Profile({"suggestion_trial_dir": "/checkpoints", "n_population": "5", "truncation_threshold": "0.2"}),
}
"""One line for each algorithm with settings that must be given, or with another space."""


def profile_of(algorithm: str) -> Profile:
    return PROFILES.get(algorithm, Profile())


def seed_of(algorithm: str, seed: int | str) -> dict[str, str]:
    """The setting that seeds an algorithm; none for one that has no seed."""
    return {name: str(seed) for name in REGISTRY.get_algorithm(algorithm).seed_names[:1]}


def names_points(algorithm: str) -> bool:
    """Whether an algorithm proposes new points of the parameters: those that repeat points keep fewer promises (U-06)."""
    kind = REGISTRY.get_algorithm(algorithm)
    return issubclass(kind, Algorithm) and not kind.repeats and profile_of(algorithm).nas is None


POINT_ALGORITHMS = tuple(filter(names_points, ALGORITHMS))


def a_parameter(
    name: str,
    kind: int,
    *,
    bounds: tuple[str, str] = ("", ""),
    step: str = "",
    distribution: int = 1,
    **more: list[str],
) -> api_pb2.ParameterSpec:
    space = api_pb2.FeasibleSpace(
        min=bounds[0], max=bounds[1], step=step, distribution=distribution, list=more.get("list", [])
    )
    return api_pb2.ParameterSpec(name=name, parameter_type=kind, feasible_space=space)


MIXED = (
    a_parameter("rate", api_pb2.DOUBLE, bounds=("0.001", "1"), distribution=api_pb2.LOG_UNIFORM),
    a_parameter("momentum", api_pb2.DOUBLE, bounds=("0.1", "0.9"), step="0.2"),
    a_parameter("layers", api_pb2.INT, bounds=("1", "5")),
    a_parameter("batch", api_pb2.DISCRETE, list=["16", "64", "32"]),
    a_parameter("optimizer", api_pb2.CATEGORICAL, list=["sgd", "adam", "ftrl"]),
)
"""One parameter of each type, with and without a step."""
FINITE = (MIXED[2], a_parameter("width", api_pb2.DOUBLE, bounds=("0.1", "0.3"), step="0.1"))
"""15 points."""


def an_experiment(
    algorithm: str,
    parameters: Sequence[api_pb2.ParameterSpec] = MIXED,
    settings: Mapping[str, str] | None = None,
    *,
    goal: int = api_pb2.MINIMIZE,
    most: int = 100,
) -> api_pb2.Experiment:
    chosen = api_pb2.AlgorithmSpec(algorithm_name=algorithm)
    profile = profile_of(algorithm)
    for name, value in {**profile.settings, **(settings or {})}.items():
        chosen.algorithm_settings.add(name=name, value=value)
    missing = {profile.resource} - {"", *(entry.name for entry in parameters)}
    more = [a_parameter(name, api_pb2.INT, bounds=("1", "1")) for name in missing]
    spec = api_pb2.ExperimentSpec(
        parameter_specs=api_pb2.ExperimentSpec.ParameterSpecs(parameters=[] if profile.nas else [*parameters, *more]),
        nas_config=profile.nas,
        objective=api_pb2.ObjectiveSpec(type=goal, objective_metric_name=LOSS, additional_metric_names=profile.metrics),
        algorithm=chosen,
        parallel_trial_count=3,
        max_trial_count=most,
    )
    return api_pb2.Experiment(name="searching", spec=spec)


def a_trial(
    number: int, assignments: Assignments, value: str | None = None, condition: int = api_pb2.TrialStatus.SUCCEEDED
) -> api_pb2.Trial:
    """A trial; with a value it has one observation of the loss, and the same of what only some algorithms look at."""
    trial = api_pb2.Trial(name=f"searching-{number}")
    trial.spec.objective.objective_metric_name = LOSS
    for name, text in assignments.items():
        trial.spec.parameter_assignments.assignments.add(name=name, value=text)
    trial.status.condition = condition
    if value is not None:
        for metric in (LOSS, COST):
            trial.status.observation.metrics.add(name=metric, value=value)
    return trial


def a_question(
    experiment: api_pb2.Experiment, trials: Sequence[api_pb2.Trial] = (), wanted: int = 3
) -> api_pb2.GetSuggestionsRequest:
    return api_pb2.GetSuggestionsRequest(
        experiment=experiment,
        trials=trials,
        current_request_number=wanted,
        total_request_number=len(trials) + wanted,
    )


def points_of(reply: api_pb2.GetSuggestionsReply) -> list[dict[str, str]]:
    """The assignments of a reply, each by name."""
    return [{entry.name: entry.value for entry in point.assignments} for point in reply.parameter_assignments]


class Service:
    """A running `katib-suggestion`, asked over gRPC."""

    def __init__(self, channel: grpc.Channel, process: int) -> None:
        self.process = process
        self.stub = api_pb2_grpc.SuggestionStub(channel)
        self.health = health_pb2_grpc.HealthStub(channel)

    def ask(self, question: api_pb2.GetSuggestionsRequest) -> api_pb2.GetSuggestionsReply:
        reply: api_pb2.GetSuggestionsReply = self.stub.GetSuggestions(question, timeout=PATIENCE)
        return reply

    def points(self, question: api_pb2.GetSuggestionsRequest) -> list[dict[str, str]]:
        return points_of(self.ask(question))

    def validate(self, experiment: api_pb2.Experiment) -> None:
        request = api_pb2.ValidateAlgorithmSettingsRequest(experiment=experiment)
        self.stub.ValidateAlgorithmSettings(request, timeout=PATIENCE)

    def is_serving(self, service: str = names.HEALTH_SERVICE_SUGGESTION) -> bool:
        reply = self.health.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE)
        return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[Service]:
    """A service in a process of its own, ready to be asked."""
    address = f"unix:{folder}/s"
    program = str(Path(sys.executable).parent / "katib-suggestion")
    own = [f"--algorithm={entry}" for entry in OWN]
    command = [program, f"--listen-address={address}", *own, *flags]
    # A pipe that nobody reads would stop it when it is full.
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            with grpc.insecure_channel(address) as channel:
                grpc.channel_ready_future(channel).result(timeout=PATIENCE)
                yield Service(channel, process.pid)
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)
