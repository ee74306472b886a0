"""An Experiment that runs, seen from the controller: it asks, keeps names, labels and settings, and ends trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from contracts.algorithms.questions import LOSS, a_question, an_experiment

from katib_apis.v1beta1 import api_pb2
from katib_suggestion.answers import answer_suggestions
from katib_suggestion.checkpoints import Checkpoints
from katib_suggestion.memory import Memory
from katib_suggestion.registry import Registry

Status = api_pb2.TrialStatus
START = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Running:
    """One Experiment; every call of the algorithm is by a fresh process unless there is a memory."""

    def __init__(
        self,
        algorithm: str,
        parameters: Sequence[api_pb2.ParameterSpec],
        settings: Mapping[str, str],
        *,
        goal: int = api_pb2.MINIMIZE,
        checkpoints: Checkpoints | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.experiment = an_experiment(algorithm, parameters, goal=goal, most=10**6)
        self._set(settings)
        self.trials: list[api_pb2.Trial] = []
        self.checkpoints, self.memory = checkpoints, memory
        self.forgets_labels = False
        """Katib's own controller never sends labels back (D-04)."""

    def reply(self, wanted: int) -> api_pb2.GetSuggestionsReply:
        """An answer that nobody keeps."""
        question = a_question(self.experiment, self.trials, wanted)
        return answer_suggestions(question, Registry(), memory=self.memory, checkpoints=self.checkpoints)

    def ask(self, wanted: int) -> list[api_pb2.Trial]:
        """New trials, which run from now on."""
        reply = self.reply(wanted)
        made = [self._make(len(self.trials) + place, entry) for place, entry in enumerate(reply.parameter_assignments)]
        self.trials += made
        self._set(self.settings | {entry.name: entry.value for entry in reply.algorithm.algorithm_settings})
        return made

    def _set(self, settings: Mapping[str, str]) -> None:
        kept = self.experiment.spec.algorithm.algorithm_settings
        del kept[:]
        for name, value in settings.items():
            kept.add(name=name, value=value)

    def _make(self, number: int, entry: api_pb2.GetSuggestionsReply.ParameterAssignments) -> api_pb2.Trial:
        trial = api_pb2.Trial(name=entry.trial_name or f"searching-{number}")
        trial.spec.objective.objective_metric_name = LOSS
        trial.spec.parameter_assignments.assignments.extend(
            api_pb2.ParameterAssignment(name=found.name, value=found.value) for found in entry.assignments
        )
        if not self.forgets_labels:
            trial.spec.labels.update(entry.labels)
        trial.status.condition = Status.RUNNING
        trial.status.start_time = f"{START + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}"
        return trial

    @property
    def settings(self) -> dict[str, str]:
        """The user's settings, and what was written back."""
        return {entry.name: entry.value for entry in self.experiment.spec.algorithm.algorithm_settings}

    def run(self, count: int, at_once: int, train: Callable[[api_pb2.Trial], float | None]) -> None:
        """Trials one after the other, with so many at once; one without a value fails. A used up space ends it."""
        active: list[api_pb2.Trial] = []
        while len(self.trials) < count or active:
            active += self.ask(min(at_once - len(active), count - len(self.trials))) if len(self.trials) < count else []
            if not active:
                return
            first = active.pop(0)
            end(first, train(first))


def end(trial: api_pb2.Trial, value: float | None, condition: int = Status.SUCCEEDED) -> None:
    """End a trial with a value, or as failed."""
    trial.status.condition = Status.FAILED if value is None else condition
    if value is not None:
        trial.status.observation.metrics.add(name=LOSS, value=repr(value))


def values_of(trial: api_pb2.Trial) -> dict[str, str]:
    return {entry.name: entry.value for entry in trial.spec.parameter_assignments.assignments}
