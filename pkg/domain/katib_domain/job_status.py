"""What the live job of a Trial says about it, by the Trial's two conditions.

Knows controllers.md §4. Must not know any kind of job.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from katib_domain.gjson import MISSING, PathSyntaxError, find


class JobPhase(Enum):
    """What a job has come to."""

    FAILED = "Failed"
    SUCCEEDED = "Succeeded"
    RUNNING = "Running"


@dataclass(frozen=True)
class JobVerdict:
    """The outcome, with the words of the element that the condition found."""

    phase: JobPhase
    reason: str = ""
    message: str = ""
    since: str = ""


def judge_job(job: Mapping[str, Any], *, success: str | None, failure: str | None) -> JobVerdict:
    """Judge a live job: failure is looked for first, then success; else it is running.

    A path that cannot be read is a failure that quotes it (CTL-28), because waiting would not cure it.
    """
    try:
        if (element := _first_met(job, failure or "")) is not None:
            return _verdict(JobPhase.FAILED, element)
        if (element := _first_met(job, success or "")) is not None:
            return _verdict(JobPhase.SUCCEEDED, element)
    except PathSyntaxError as error:
        return JobVerdict(JobPhase.FAILED, "InvalidCondition", str(error))
    return JobVerdict(JobPhase.RUNNING)


def _first_met(job: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """Return the object by which a condition is met, an empty one if it is met by something odd; None if it is not."""
    found = find(job, path)
    if found is MISSING or found is None:
        return None
    if isinstance(found, Mapping):
        return found
    if isinstance(found, Sequence) and not isinstance(found, str) and found:
        return found[0] if isinstance(found[0], Mapping) else {}
    return None


def _verdict(phase: JobPhase, element: Mapping[str, Any]) -> JobVerdict:
    """Read the words; keys match in any case, what is no text reads as empty."""
    texts = {key.lower(): value for key, value in element.items() if isinstance(value, str)}
    return JobVerdict(phase, texts.get("reason", ""), texts.get("message", ""), texts.get("lasttransitiontime", ""))
