"""Marks Trials as stopped early: the one place beside the algorithms that talks to Kubernetes (ES-01).

It reads a Trial and patches its status, nothing else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from katib_apis.v1beta1.enums import TrialConditionType
from katib_apis.v1beta1.models import Trial, TrialStatus
from katib_client.v1beta1.trial import TrialClient
from katib_domain.conditions import TRIAL_ENDS, is_in
from katib_domain.marks import TRIAL_EARLY_STOPPED, mark_trial
from katib_domain.revise import revised
from katib_machinery.clock import Clock
from katib_machinery.transport import ApiError
from katib_suggestion.early_stopping.answers import EndedError

ATTEMPTS = 10


class TrialMarker:
    """Writes the condition EarlyStopped."""

    def __init__(self, trials: TrialClient, clock: Clock) -> None:
        self._trials = trials
        self._clock = clock

    async def mark(self, namespace: str, name: str) -> None:
        """Mark a Trial, once: a second call changes nothing (ES-10). Returns when it is stored.

        Raises EndedError, ApiError, or UnreachableError. A write of somebody else in between is kept, and looked at.
        """
        for attempt in range(1, ATTEMPTS + 1):
            trial = await self._trials.get(namespace, name)
            patch = desired_patch(trial, self._clock.now())
            if patch is None:
                return
            try:
                await self._trials.patch(namespace, name, patch, subresource="status")
            except ApiError as error:
                if not error.conflict or attempt == ATTEMPTS:
                    raise
            else:
                return


def desired_patch(trial: Trial, now: datetime) -> dict[str, Any] | None:
    """The change that marks a Trial as stopped early, for this very version of it; None if it is marked.

    Raises EndedError for one that has ended otherwise.
    """
    if is_in(trial, TrialConditionType.EARLY_STOPPED):
        return None
    end = next((end for end in TRIAL_ENDS if is_in(trial, end)), None)
    if end is not None:
        raise EndedError(f"the Trial {trial.key} has ended already: {end}")
    status = trial.status or TrialStatus()
    marked = mark_trial(
        revised(status, {"completion_time": status.completion_time or now}), TRIAL_EARLY_STOPPED, now
    ).to_dict()
    change = {key: marked[key] for key in ("conditions", "completionTime")}
    return {"metadata": {"resourceVersion": trial.resource_version}, "status": change}
