"""Which Trials go with a removed Experiment."""

from __future__ import annotations

from typing import Any

import pytest

from katib_local.settling import going


def a_trial(owner: str, kind: str = "Experiment", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "t", "ownerReferences": [{"kind": kind, "uid": owner}], **metadata}}


@pytest.mark.parametrize(
    ("trial", "goes"),
    [
        (a_trial("there"), False),
        (a_trial("gone"), True),
        (a_trial("gone", kind="Suggestion"), False),
        (a_trial("there", deletionTimestamp="2026-01-01T00:00:00Z"), True),
        ({"metadata": {"name": "t"}}, False),
    ],
    ids=["its experiment is there", "its experiment is gone", "of another kind", "is being deleted", "is nobody's"],
)
def test_a_trial_goes_with_its_experiment(trial: dict[str, Any], goes: bool) -> None:
    assert going([trial], [{"metadata": {"uid": "there"}}]) == (["t"] if goes else [])
