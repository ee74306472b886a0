"""The book of Trials: by the Experiment that controls them (CTL-2), with messages that are made once."""

from typing import Any

import pytest

from katib_apis.v1beta1 import api_pb2, names
from katib_apis.v1beta1.models import Trial
from katib_apis.v1beta1.resources import TRIALS
from katib_controller.trial_book import TrialBook
from katib_machinery.informer import SharedInformer


@pytest.fixture
def trials(memory_api: Any) -> SharedInformer[Trial]:
    return SharedInformer(memory_api, TRIALS, Trial.from_dict, lambda error, raw: None)


def test_a_namesakes_trials_are_another_experiments(trials: SharedInformer[Trial], build: Any) -> None:
    """CTL-2: the uid counts, labels and namespaces do not."""
    book = TrialBook(trials)
    trials.put_own(build.a_trial("exp-a"))
    trials.put_own(build.a_trial("exp-b", metadata={"labels": {names.LABEL_EXPERIMENT: None}}))
    namesake = {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "name": "exp",
        "uid": "x",
        "controller": True,
    }
    trials.put_own(build.a_trial("exp-c", metadata={"ownerReferences": [namesake]}))
    assert book.summary("exp-uid").names == {"exp-a", "exp-b"}
    assert book.summary("x").names == {"exp-c"}
    assert book.summary("nobody").names == frozenset()


def test_the_book_follows_changes_and_forgets_with_the_last_trial(trials: SharedInformer[Trial], build: Any) -> None:
    book = TrialBook(trials)
    trial = trials.put_own(build.a_trial("exp-a"))
    version = book.version("exp-uid")
    assert [active.name for active in book.active("exp-uid")] == ["exp-a"]
    trials.put_own(build.a_trial("exp-a", "Succeeded", "0.5", metadata={"resourceVersion": "2"}))
    assert book.active("exp-uid") == [] and book.version("exp-uid") > version
    book.forget("exp-uid")
    assert book.summary("exp-uid").names == {"exp-a"}
    trials.remove_own(trial.key, trial.uid)
    assert book.summary("exp-uid").names == frozenset() and book.version("exp-uid") == 0


def test_a_state_of_a_trial_is_converted_once(trials: SharedInformer[Trial], build: Any) -> None:
    book, experiment = TrialBook(trials), build.an_experiment()
    trials.put_own(build.a_trial("exp-a"))

    def messages() -> list[bytes]:
        return list(book.framed_messages(experiment, [], full=True))

    first = messages()
    assert messages()[0] is first[0]
    trials.put_own(build.a_trial("exp-a", "Succeeded", "0.5", metadata={"resourceVersion": "2"}))
    request = api_pb2.GetSuggestionsRequest.FromString(b"".join(messages()))
    assert request.trials[0].status.condition == api_pb2.TrialStatus.SUCCEEDED
