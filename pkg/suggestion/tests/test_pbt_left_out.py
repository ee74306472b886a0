"""pbt behind a caller that leaves trials out of its requests: no name is given twice, and the search goes on (§2.3, §12)."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from contracts.algorithms.questions import a_parameter, a_question
from contracts.algorithms.running import Running, Status, end, values_of

from katib_apis.v1beta1 import api_pb2, names
from katib_suggestion.answers import answer_suggestions
from katib_suggestion.registry import Registry

RATE = a_parameter("rate", api_pb2.DOUBLE, bounds=("0", "1"))
SETTINGS = {
    "suggestion_trial_dir": "/checkpoints",
    "n_population": "5",
    "truncation_threshold": "0.2",
    "random_state": "7",
}


def rate_of(trial: api_pb2.Trial) -> float:
    return float(values_of(trial)["rate"])


class Forgetful(Running):
    """A caller that leaves trials out: those that are not there yet for a while, some that ended badly for ever (§2.3)."""

    def __init__(self, seed: int) -> None:
        super().__init__("pbt", [RATE], SETTINGS)
        self.forgets_labels = True
        self.dice = random.Random(seed)
        self.late: list[api_pb2.Trial] = []
        self.suggested: list[str] = []

    def ask_some(self, wanted: int) -> list[str]:
        question = a_question(self.experiment, self.trials, wanted)
        question.total_request_number = len(self.suggested) + wanted
        reply = answer_suggestions(question, Registry())
        assert answer_suggestions(question, Registry()) == reply
        self.late += [self._make(len(self.suggested) + n, entry) for n, entry in enumerate(reply.parameter_assignments)]
        found = [entry.trial_name for entry in reply.parameter_assignments]
        self.suggested += found
        return found

    def go_on(self) -> None:
        """Every trial ends, one of four badly, of which some are left out; the last ones stay late."""
        keep = self.dice.randrange(3)
        shown, self.late = self.late[: len(self.late) - keep], self.late[len(self.late) - keep :]
        for trial in shown:
            bad = self.dice.random() < 0.25
            end(trial, None if bad else rate_of(trial))
            if not bad or self.dice.random() < 0.5:
                self.trials.append(trial)


@pytest.mark.parametrize("seed", range(6))
def test_no_name_is_given_twice_whichever_trials_a_request_leaves_out(seed: int) -> None:
    """D-41, U-01: two suggestions of one name would be one Trial, and the other would be waited for."""
    running = Forgetful(seed)
    for _ in range(30):
        assert len(running.ask_some(running.dice.randint(1, 4))) >= 1
        running.go_on()
    assert len(set(running.suggested)) == len(running.suggested)
    assert max(int(name.split("-g")[1].split("-")[0]) for name in running.suggested) >= 3


def test_suggestions_without_a_trial_are_not_suggested_again() -> None:
    running = Forgetful(1)
    assert not {*running.ask_some(3)} & {*running.ask_some(3)}


def test_with_trials_left_out_each_of_the_good_goes_on_and_not_the_best_alone() -> None:
    """D-39, as ever."""
    running = Running("pbt", [RATE], SETTINGS)
    first = running.ask(5)
    for place, trial in enumerate(first):
        end(trial, float(place))
    question = a_question(running.experiment, running.trials, 5)
    question.total_request_number = 11
    second = answer_suggestions(question, Registry()).parameter_assignments
    parents = Counter(entry.labels[names.LABEL_PBT_PARENT] for entry in second)
    assert parents == Counter([*(trial.name for trial in first[:4]), first[0].name])


def test_a_member_that_was_suggested_while_others_were_left_out_is_a_member_like_any_other() -> None:
    """D-42, D-39: it is tried again once all are known, and goes on if it is good."""
    running = Forgetful(1)
    running.ask_some(2)
    running.ask_some(3)
    running.trials = [*running.late]
    lost = running.trials[-1]
    lost.status.condition = Status.FAILED
    (name,) = running.ask_some(1)
    again = running.late[-1]
    assert values_of(again) == values_of(lost) and name.startswith("searching-g0-") and name != lost.name
    running.trials[-1] = again
    running.trials.append(lost)
    for place, trial in enumerate(running.trials[:5]):
        end(trial, float(place))
    parents = [entry.labels[names.LABEL_PBT_PARENT] for entry in running.reply(5).parameter_assignments]
    assert parents == [*(trial.name for trial in running.trials[:4]), running.trials[0].name]
