"""The same file again: attach, change the budget, or refuse."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from katib_local.submission import Attach, ChangeBudget, Create, Refuse, decide_submission, with_bookkeeping

WANTED: dict[str, Any] = {
    "metadata": {"name": "one", "namespace": "default"},
    "spec": {"maxTrialCount": 4, "objective": {"type": "maximize"}, "parameters": [{"name": "a"}]},
}


def changed(**fields: Any) -> dict[str, Any]:
    return {**WANTED, "spec": {**WANTED["spec"], **fields}}


def defaulted(document: dict[str, Any]) -> dict[str, Any]:
    live = copy.deepcopy(document)
    live["spec"]["resumePolicy"] = "Never"
    live["spec"]["parameters"][0]["feasibleSpace"] = {"distribution": "uniform"}
    return live


def test_a_new_experiment_is_created_as_kubectl_apply_would() -> None:
    submission = decide_submission(WANTED, None)
    assert isinstance(submission, Create)
    assert submission.experiment == with_bookkeeping(WANTED)


@pytest.mark.parametrize("live", [defaulted(with_bookkeeping(WANTED)), defaulted(WANTED)], ids=["ours", "foreign"])
def test_the_same_file_attaches_although_the_cluster_added_defaults(live: dict[str, Any]) -> None:
    assert decide_submission(WANTED, live) == Attach()


@pytest.mark.parametrize("live", [defaulted(with_bookkeeping(WANTED)), defaulted(WANTED)], ids=["ours", "foreign"])
def test_only_a_changed_budget_is_applied(live: dict[str, Any]) -> None:
    submission = decide_submission(changed(maxTrialCount=9, parallelTrialCount=2), live)
    assert isinstance(submission, ChangeBudget)
    assert submission.patch["spec"] == {"maxTrialCount": 9, "parallelTrialCount": 2}


def test_a_budget_that_was_left_out_is_removed() -> None:
    live = defaulted(with_bookkeeping(changed(maxFailedTrialCount=1)))
    submission = decide_submission(WANTED, live)
    assert isinstance(submission, ChangeBudget)
    assert submission.patch["spec"] == {"maxFailedTrialCount": None}


def test_a_budget_that_somebody_else_set_to_the_same_value_attaches() -> None:
    live = defaulted(with_bookkeeping(WANTED))
    live["spec"]["maxTrialCount"] = 9
    assert decide_submission(changed(maxTrialCount=9), live) == Attach()


@pytest.mark.parametrize("live", [defaulted(with_bookkeeping(WANTED)), defaulted(WANTED)], ids=["ours", "foreign"])
def test_any_other_change_is_refused_with_its_fields(live: dict[str, Any]) -> None:
    submission = decide_submission(changed(objective={"type": "minimize"}, maxTrialCount=5), live)
    assert submission == Refuse(("spec.objective",))
