"""Ask and tell: the algorithms as a Python library, in this process or behind a running service.

study = Study({"rate": double(1e-4, 1e-1, distribution="logUniform"), "layers": integer(1, 5)}, algorithm="tpe", seed=7)
for _ in range(30):
    trial = study.ask()
    study.tell(trial, train(**trial.parameters))
print(study.best.parameters, study.best.value)

A study asks the same questions as a controller does, so it gets the same answers: here by calling a function, there by
gRPC. Nothing is stored; what was told lives as long as the study.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, Literal, Protocol, Unpack

from katib_apis.v1beta1 import api_pb2, names
from katib_suggestion.answers import answer_suggestions, answer_validation
from katib_suggestion.experiments import to_objectives, to_parameter_spec
from katib_suggestion.memory import Memory
from katib_suggestion.objectives import directed
from katib_suggestion.options import (
    OBJECTIVE,
    Options,
    counting,
    find_count,
    read_algorithms,
    read_options,
    read_values,
    said,
    validate_flags,
    validate_lesson,
    validate_search,
)
from katib_suggestion.parameters import Parameter, categorical, discrete, double, integer, read_parameters
from katib_suggestion.problem import Objective, RefusedError
from katib_suggestion.proposals import MOST_AT_ONCE
from katib_suggestion.registry import Registry, build_registry

__all__ = [
    "Asked",
    "Parameter",
    "RefusedError",
    "SearchEndedError",
    "Study",
    "categorical",
    "discrete",
    "double",
    "integer",
]

log = logging.getLogger(__name__)
Direction = Literal["minimize", "maximize"]
Condition = api_pb2.TrialStatus
GOALS: Mapping[str, Any] = {"minimize": api_pb2.MINIMIZE, "maximize": api_pb2.MAXIMIZE}


class SearchEndedError(Exception):
    """Every point of the space was handed out."""


@dataclass(frozen=True)
class Asked:
    """A trial of a study."""

    number: int
    parameters: Mapping[str, Any]
    value: float | None = None
    """The objective, once it was told."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """All metrics, once they were told."""
    study: str = field(default="", repr=False, compare=False)
    """A word for the study that was asked."""
    name: str = field(default="", compare=False)
    """The trial's name, by which others refer to it."""
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)
    """What a scheduler says of the trial, as of a Trial of an Experiment: pbt its generation and its parent."""

    @property
    def parent(self) -> str:
        """The name of the trial whose weights pbt lets it go on from; empty for one that begins anew."""
        return self.labels.get(names.LABEL_PBT_PARENT, "")


class Service(Protocol):
    """Who answers a study's questions; both raise RefusedError for what cannot be served."""

    def validate(self, request: api_pb2.ValidateAlgorithmSettingsRequest) -> None: ...

    def suggest(self, request: api_pb2.GetSuggestionsRequest) -> api_pb2.GetSuggestionsReply: ...


class Local:
    """The algorithms of this process: ours, installed ones, and those that are given as `module:Class`.

    Raises RefusedError for one that is given and cannot be served.
    """

    def __init__(self, algorithms: Iterable[str] = ()) -> None:
        self._registry: Registry = build_registry(read_algorithms(algorithms))
        self._memory = Memory()

    def validate(self, request: api_pb2.ValidateAlgorithmSettingsRequest) -> None:
        answer_validation(request, self._registry)

    def suggest(self, request: api_pb2.GetSuggestionsRequest) -> api_pb2.GetSuggestionsReply:
        return answer_suggestions(request, self._registry, memory=self._memory)


class Study:
    """A search: ask for a trial, tell what it gave. Trials may be told in any order, and many asked for before."""

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        *,
        algorithm: str = "tpe",
        direction: Direction = "minimize",
        seed: int | None = None,
        service: Service | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Raises RefusedError for a space or a setting that the algorithm cannot work with.

        Args:
            parameters: What is searched, by name.
            algorithm: Its algorithmName.
            direction: Which way the objective is better.
            seed: With a seed, a study that is told the same repeats its trials.
            service: Who answers; by default the algorithms of this process. See `remote.Remote`.
            options: See `Options`.
        """
        self._parameters = read_parameters(parameters)
        options = read_options(options, self._parameters)
        validate_search(algorithm, direction, seed, service)
        self._token = secrets.token_hex(8)
        self._service = service or Local()
        try:
            self._experiment = _to_experiment(self._parameters, algorithm, direction, seed, options)
            self._given = [_to_assignments(entry) for entry in options.get("given", ())]
        except UnicodeEncodeError as error:
            raise RefusedError(f"{error.object!r}: has characters that stand for nothing: leave them out") from error
        self._sign = 1.0 if direction == "minimize" else -1.0
        self._earlier = _read_lesson(options["learn_from"], self._parameters) if "learn_from" in options else []
        self._trials: list[api_pb2.Trial] = []
        self._asked: list[Asked] = []
        self._service.validate(api_pb2.ValidateAlgorithmSettingsRequest(experiment=self._experiment))
        if self._given:
            self._suggest(0)  # which of them are no points is told with an answer

    @property
    def trials(self) -> Sequence[Asked]:
        """Every trial, in the order in which they were asked for."""
        return tuple(self._asked)

    @property
    def best(self) -> Asked:
        """The trial with the best objective; raises LookupError before one was told."""
        told = [(self._sign * entry.value, entry.number) for entry in self._asked if entry.value is not None]
        if not told:
            raise LookupError("no trial has a value yet: tell one first")
        return self._asked[min(told)[1]]

    @property
    def best_trials(self) -> Sequence[Asked]:
        """The best compromises among all metrics, in the order in which they were asked for.

        No other trial is better than one of these in a metric and as good in the others; trials that lack a metric do
        not count. With one metric these are the trials with the best value.
        """
        from katib_suggestion.pareto import fronts  # brings numpy, which a study of one objective need not have

        told = [entry for entry in self._asked if all(goal.metric in entry.metrics for goal in self._objectives)]
        losses = [[goal.loss(entry.metrics[goal.metric]) for goal in self._objectives] for entry in told]
        return tuple(entry for entry, front in zip(told, fronts(losses), strict=True) if front == 0)

    def ask(self) -> Asked:
        """The next trial; raises SearchEndedError when there is none."""
        found = self.ask_many(1)
        if not found:
            raise SearchEndedError(f"all {len(self._asked)} points were handed out")
        return found[0]

    def ask_many(self, count: int) -> list[Asked]:
        """The next trials, all different; fewer when no more are left.

        Raises RefusedError for what is no count, and for more than one answer holds.
        """
        number = find_count(count, MOST_AT_ONCE)
        if number is None:
            raise RefusedError(f"count: {said(count)} is no {counting(MOST_AT_ONCE)}: say how many trials are wanted")
        reply = self._suggest(number)
        self._keep_settings(reply.algorithm)
        return [self._add(entry) for entry in reply.parameter_assignments]

    def _suggest(self, count: int) -> api_pb2.GetSuggestionsReply:
        """An answer that nothing is kept of."""
        request = api_pb2.GetSuggestionsRequest(
            experiment=self._experiment,
            trials=self._trials,
            current_request_number=count,
            total_request_number=len(self._trials) + count,
            given_assignments=self._given,
            earlier_trials=self._earlier,
        )
        try:
            return self._service.suggest(request)
        except RefusedError as error:
            raise RefusedError(*(text.replace("given_assignments[", "given[") for text in error.errors)) from error

    def tell(
        self,
        trial: Asked,
        value: float | Mapping[str, float | None] | None,
        *,
        stopped: bool = False,
        again: bool = False,
    ) -> None:
        """What a trial gave: the objective, or all metrics by name; None when it failed.

        A number that is not finite is no value, which is said in the log: a search that diverged is never the best.
        `stopped` says that the trial was stopped early, `again` that it corrects what was told before. Raises
        RefusedError for a trial of another study, one that was told already, and for what are no values of its metrics.
        """
        validate_flags(stopped=stopped, again=again)
        self._check_turn(trial, again)
        metrics = {self._objective: None} if value is None else read_values(value, self._metrics)
        status = api_pb2.TrialStatus(condition=Condition.EARLYSTOPPED if stopped else Condition.SUCCEEDED)
        told: dict[str, float] = {}
        for name, number in metrics.items():
            if number is None:
                continue
            status.observation.metrics.add(name=name, value=repr(number))
            if isfinite(number):
                told[name] = number
            else:
                log.warning(
                    "trial %d: %s: %r is no finite number, so it counts as no value; tell None when a trial failed",
                    trial.number,
                    name,
                    number,
                )
        if value is None:
            status.condition = Condition.FAILED
        self._trials[trial.number].status.CopyFrom(status)
        self._asked[trial.number] = replace(trial, value=told.get(self._objective), metrics=told)

    def _check_turn(self, trial: Asked, again: bool) -> None:
        if not isinstance(trial, Asked):
            raise RefusedError(f"trial: {trial!r} is no trial: tell what ask or ask_many returned")
        if trial.study != self._token or trial.number not in range(len(self._asked)):
            raise RefusedError(
                f"trial: number {trial.number} is of another study: tell it to the one that was asked for it"
            )
        if not again and self._trials[trial.number].HasField("status"):
            raise RefusedError(f"trial: number {trial.number} was told already: say again=True to correct it")

    @property
    def _objectives(self) -> Sequence[Objective]:
        """Every metric with its direction."""
        spec = self._experiment.spec
        settings = {entry.name: entry.value for entry in spec.algorithm.algorithm_settings}
        found, _ = directed(settings.get("minimize", ""), settings.get("maximize", ""), to_objectives(spec.objective))
        return found

    @property
    def _objective(self) -> str:
        return self._metrics[0]

    @property
    def _metrics(self) -> Sequence[str]:
        """The objective's name, then those of the additional metrics."""
        spec = self._experiment.spec.objective
        return (spec.objective_metric_name, *spec.additional_metric_names)

    def _add(self, suggestion: api_pb2.GetSuggestionsReply.ParameterAssignments) -> Asked:
        number = len(self._trials)
        trial = api_pb2.Trial(name=suggestion.trial_name or f"{self._experiment.name}-{number}")
        trial.spec.objective.CopyFrom(self._experiment.spec.objective)
        trial.spec.parameter_assignments.assignments.extend(suggestion.assignments)
        trial.spec.labels.update(suggestion.labels)
        self._trials.append(trial)
        texts = {entry.name: entry.value for entry in suggestion.assignments}
        values = {name: entry.read(texts[name]) for name, entry in self._parameters.items()}
        asked = Asked(number, values, study=self._token, name=trial.name, labels=dict(suggestion.labels))
        self._asked.append(asked)
        return asked

    def _keep_settings(self, written: api_pb2.AlgorithmSpec) -> None:
        """Merge settings that were written back, as a controller does (algorithms.md §2.3)."""
        kept = self._experiment.spec.algorithm.algorithm_settings
        merged = {entry.name: entry.value for entry in (*kept, *written.algorithm_settings)}
        del kept[:]
        for name, value in merged.items():
            kept.add(name=name, value=value)


def _read_lesson(learn_from: Study, parameters: Mapping[str, Parameter]) -> list[api_pb2.Trial]:
    if not isinstance(learn_from, Study):
        raise RefusedError(f"learn_from: {said(learn_from)} is no study: give a Study of the same parameters")
    kinds, own = (
        {name: entry.text.type for name, entry in side.items()} for side in (learn_from._parameters, parameters)
    )
    validate_lesson(kinds, own)
    return learn_from._trials


def _to_assignments(values: Mapping[str, Any]) -> api_pb2.TrialSpec.ParameterAssignments:
    found = api_pb2.TrialSpec.ParameterAssignments()
    for name, value in values.items():
        found.assignments.add(name=name, value=str(value))
    return found


def _to_experiment(
    parameters: Mapping[str, Parameter], algorithm: str, direction: str, seed: int | None, options: Options
) -> api_pb2.Experiment:
    objective, *others = options.get("metrics", (OBJECTIVE,))
    spec = api_pb2.ExperimentSpec(
        objective=api_pb2.ObjectiveSpec(
            type=GOALS[direction], objective_metric_name=objective, additional_metric_names=others
        ),
        algorithm=api_pb2.AlgorithmSpec(algorithm_name=algorithm),
        max_trial_count=options.get("max_trial_count", 0),
        parallel_trial_count=options.get("parallel_trial_count", 0),
    )
    settings = dict(options.get("settings", {}))
    if seed is not None and settings.setdefault("random_state", seed) != seed:
        raise RefusedError(
            f"seed: {seed!r} is not settings['random_state'], {settings['random_state']!r}: give one of them"
        )
    for key, value in settings.items():
        spec.algorithm.algorithm_settings.add(name=key, value=str(value))
    for key, parameter in parameters.items():
        spec.parameter_specs.parameters.append(to_parameter_spec(key, parameter.text))
    # Without a seed, what depends on the name is another thing each time.
    return api_pb2.Experiment(name="study" if seed is not None else f"study-{secrets.token_hex(4)}", spec=spec)
