"""What the Suggestion controller asks algorithm services, and what comes back. Plain data, and how a reply is read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from katib_apis.v1beta1 import api_pb2, defaults, names
from katib_apis.v1beta1.models import (
    AlgorithmSetting,
    EarlyStoppingRule,
    Experiment,
    Suggestion,
    TrialAssignment,
)
from katib_domain.messages import from_algorithm, from_assignment
from katib_domain.naming import legal_name


@dataclass(frozen=True)
class Service:
    """Where an algorithm is served, and how it wants to be spoken to."""

    endpoint: str
    timeout: float = defaults.SUGGESTION_CONFIG_TIMEOUT_SECONDS
    full_history: bool = False
    early_stopping_endpoint: str = ""
    early_stopping_timeout: float = defaults.EARLY_STOPPING_CONFIG_TIMEOUT_SECONDS
    db_manager: str = ""


@dataclass(frozen=True)
class Validate:
    """Are the settings and the search space of this Experiment valid?"""

    experiment: Experiment
    suggestion: Suggestion
    service: Service


@dataclass(frozen=True)
class Suggest:
    """Give me ``current`` more assignments, so that there are ``total``."""

    experiment: Experiment
    suggestion: Suggestion
    service: Service
    current: int
    total: int
    window: int


Question: TypeAlias = Validate | Suggest


@dataclass(frozen=True)
class Valid:
    """The algorithm accepts the Experiment."""


@dataclass(frozen=True)
class Invalid:
    """The algorithm refuses the Experiment, for good."""

    message: str


@dataclass(frozen=True)
class NoAnswer:
    """The service could not answer now; it will be asked again."""

    message: str


@dataclass(frozen=True)
class Suggested:
    """The assignments, under the names that their Trials will have.

    ``used`` are the names of the Trials that were there when the question was put, ``active`` how many of them were not
    over, ``surplus`` how many assignments came that nobody had asked for.
    """

    assignments: tuple[TrialAssignment, ...] = ()
    settings: tuple[AlgorithmSetting, ...] = ()
    asked: int = 0
    surplus: int = 0
    used: frozenset[str] = frozenset()
    active: int = 0
    window: int = defaults.RUNTIME_CONFIG_SUGGESTION_WINDOW


Reply: TypeAlias = Valid | Invalid | NoAnswer | Suggested


@dataclass(frozen=True)
class Present:
    """The Trials of an Experiment at the moment of a question; ``version`` changes with the state of any of them."""

    names: frozenset[str] = frozenset()
    active: int = 0
    version: int = 0
    messages: Sequence[bytes] = field(default=(), compare=False)


def read_reply(
    question: Suggest,
    reply: api_pb2.GetSuggestionsReply,
    rules: Sequence[EarlyStoppingRule],
    present: Present,
    fresh_names: Iterator[str],
) -> Suggested | Invalid:
    """Turn a reply into assignments: at most as many as were asked for (GRPC-2), each with a legal, unused name."""
    wanted = reply.parameter_assignments[: question.current]
    for assignments in wanted:
        if problem := _wrong_parameters(question.experiment, assignments):
            return Invalid(problem)
    status = question.suggestion.status
    taken = {entry.name or "" for entry in (status.suggestions if status is not None else None) or ()} | present.names
    read = []
    for assignments in wanted:
        read.append(_named(assignments, rules, taken, fresh_names))
        taken.add(read[-1].name or "")
    return Suggested(
        assignments=tuple(read),
        settings=tuple(from_algorithm(reply.algorithm)) if reply.HasField("algorithm") else (),
        asked=question.current,
        surplus=len(reply.parameter_assignments) - len(wanted),
        used=present.names,
        active=present.active,
        window=question.window,
    )


def _named(
    reply: api_pb2.GetSuggestionsReply.ParameterAssignments,
    rules: Sequence[EarlyStoppingRule],
    taken: set[str],
    fresh_names: Iterator[str],
) -> TrialAssignment:
    """Take the service's name if it is free, made legal (RES-4); the original goes along for an annotation."""
    name = legal_name(reply.trial_name) if reply.trial_name else ""
    while not name or name in taken:
        name = next(fresh_names)
    assignment = from_assignment(reply, name, rules)
    if reply.trial_name and name != reply.trial_name:
        labels = {**(assignment.labels or {}), names.ANNOTATION_SUGGESTED_NAME: reply.trial_name}
        assignment.labels = labels
    return assignment


def _wrong_parameters(experiment: Experiment, reply: api_pb2.GetSuggestionsReply.ParameterAssignments) -> str:
    """Name the parameters that are missing, unknown or there twice (GRPC-16); NAS services name theirs as they like."""
    spec = experiment.spec
    wanted = [parameter.name or "" for parameter in (spec.parameters if spec is not None else None) or ()]
    if not wanted:
        return ""
    given = [pair.name for pair in reply.assignments]
    missing = [name for name in wanted if name not in given]
    unknown = [name for name in given if name not in wanted]
    double = sorted({name for name in given if given.count(name) > 1})
    problems = {"lacks parameter": missing, "has unknown parameter": unknown, "repeats parameter": double}
    return "; ".join(f"the assignment {what} {', '.join(found)}" for what, found in problems.items() if found)
