"""One seeded search of a problem, by an algorithm of ours or by a sampler of Optuna's, trial by trial or in batches.

An algorithm of ours answers the same message that its service would; a sampler is asked and told in process, with its
defaults and a seed. The losses of a batch are told once all of it has run.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from problems import PROBLEMS, Parameter, Problem
from published import PUBLISHED
from tasks import TASKS

from katib_apis.v1beta1 import api_pb2
from katib_suggestion.answers import answer_suggestions
from katib_suggestion.memory import Memory
from katib_suggestion.registry import Registry

METRIC = "loss"
OPTUNA = "optuna "
STEPPED = "grid"
"""It searches finite spaces only, and so gets each problem in steps."""
EVERYWHERE: Mapping[str, Problem] = {**PROBLEMS, **PUBLISHED, **TASKS}
Batch = Callable[[int, Sequence[float]], list[dict[str, str]]]
"""So many new points as texts, given the losses of all points before them, in order."""


@dataclass(frozen=True)
class Run:
    """One seeded search; an algorithm called "optuna NAME" is a sampler of Optuna's."""

    algorithm: str
    problem: str
    parallel: int
    seed: int
    trials: int
    settings: Mapping[str, str] = field(default_factory=dict)
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or " ".join([self.algorithm, *(f"{key}={value}" for key, value in self.settings.items())])

    @property
    def key(self) -> tuple[str, str, int, int]:
        return self.name, self.problem, self.parallel, self.seed


@dataclass(frozen=True)
class Found:
    """The losses of a search in the order of its trials, and how long all of it took."""

    run: Run
    losses: Sequence[float]
    seconds: float


def get_problem(run: Run) -> Problem:
    problem = EVERYWHERE[run.problem]
    return problem.in_steps() if run.algorithm == STEPPED and problem.levels else problem


def search(run: Run) -> Found:
    """A whole search; each batch waits for the one before it. A finite space that is used up ends it."""
    problem, started = get_problem(run), time.perf_counter()
    batch = _optuna(run, problem) if run.algorithm.startswith(OPTUNA) else _ours(run, problem)
    losses: list[float] = []
    while len(losses) < run.trials:
        points = batch(min(run.parallel, run.trials - len(losses)), losses)
        if not points:
            break
        losses += [
            problem.loss({entry.name: entry.parse(point[entry.name]) for entry in problem.parameters})
            for point in points
        ]
    return Found(run, losses, time.perf_counter() - started)


def an_experiment(run: Run, problem: Problem) -> api_pb2.Experiment:
    settings = run.settings if run.algorithm == STEPPED else {"random_state": str(run.seed), **run.settings}
    spec = api_pb2.ExperimentSpec(
        parameter_specs=api_pb2.ExperimentSpec.ParameterSpecs(
            parameters=[entry.declared() for entry in problem.parameters]
        ),
        objective=api_pb2.ObjectiveSpec(
            type=api_pb2.MAXIMIZE if problem.maximize else api_pb2.MINIMIZE, objective_metric_name=METRIC
        ),
        algorithm=api_pb2.AlgorithmSpec(
            algorithm_name=run.algorithm,
            algorithm_settings=[api_pb2.AlgorithmSetting(name=key, value=value) for key, value in settings.items()],
        ),
        parallel_trial_count=run.parallel,
        max_trial_count=run.trials,
    )
    return api_pb2.Experiment(name=f"{run.problem}-{run.seed}", spec=spec)


def a_trial(number: int, assignments: api_pb2.GetSuggestionsReply.ParameterAssignments) -> api_pb2.Trial:
    trial = api_pb2.Trial(name=f"trial-{number:04}")
    trial.spec.parameter_assignments.assignments.extend(assignments.assignments)
    trial.status.start_time = f"2026-01-31T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    return trial


def _ours(run: Run, problem: Problem) -> Batch:
    experiment, registry, memory = an_experiment(run, problem), Registry(), Memory()
    trials: list[api_pb2.Trial] = []
    told: list[float] = []

    def batch(wanted: int, losses: Sequence[float]) -> list[dict[str, str]]:
        for trial, loss in zip(trials[len(told) :], losses[len(told) :], strict=True):
            told.append(loss)
            trial.status.condition = api_pb2.TrialStatus.SUCCEEDED
            trial.status.observation.metrics.add(name=METRIC, value=repr(-loss if problem.maximize else loss))
        request = api_pb2.GetSuggestionsRequest(
            experiment=experiment,
            trials=trials,
            current_request_number=wanted,
            total_request_number=len(trials) + wanted,
        )
        points = answer_suggestions(request, registry, memory=memory).parameter_assignments
        trials.extend(a_trial(len(trials) + place, point) for place, point in enumerate(points))
        return [{entry.name: entry.value for entry in point.assignments} for point in points]

    return batch


def _optuna(run: Run, problem: Problem) -> Batch:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        sampler=a_sampler(run.algorithm.removeprefix(OPTUNA), run.seed),
        direction="maximize" if problem.maximize else "minimize",
    )
    space = {entry.name: a_distribution(entry) for entry in problem.parameters}
    waiting: list[Any] = []

    def batch(wanted: int, losses: Sequence[float]) -> list[dict[str, str]]:
        for trial, loss in zip(waiting, losses[len(losses) - len(waiting) :], strict=True):
            study.tell(trial, -loss if problem.maximize else loss)
        waiting[:] = [study.ask(space) for _ in range(wanted)]
        return [{name: str(value) for name, value in trial.params.items()} for trial in waiting]

    return batch


def a_distribution(entry: Parameter) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if entry.entries:
        return CategoricalDistribution(entry.entries)
    if entry.kind == api_pb2.INT:
        return IntDistribution(int(entry.low), int(entry.high), step=int(entry.step) or 1)
    return FloatDistribution(entry.low, entry.high, log=entry.log, step=entry.step or None)


def a_sampler(name: str, seed: int) -> Any:
    from optuna import samplers

    warnings.simplefilter("ignore")  # what is experimental, and what a sampler falls back to for lists
    makers: Mapping[str, Callable[[], Any]] = {
        "random": lambda: samplers.RandomSampler(seed=seed),
        "tpe": lambda: samplers.TPESampler(seed=seed, multivariate=False),
        "multivariate-tpe": lambda: samplers.TPESampler(seed=seed, multivariate=True),
        "cmaes": lambda: samplers.CmaEsSampler(seed=seed),
        "sobol": lambda: samplers.QMCSampler(qmc_type="sobol", scramble=True, seed=seed),
        "halton": lambda: samplers.QMCSampler(qmc_type="halton", scramble=True, seed=seed),
        "gp": lambda: samplers.GPSampler(seed=seed),
    }
    return makers[name]()
