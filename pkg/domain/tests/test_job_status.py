"""What a live job says by the Trial's conditions: controllers.md §4, CTL-28."""

from typing import Any

import pytest

from katib_domain.job_status import JobPhase, JobVerdict, judge_job

COMPLETE = 'status.conditions.#(type=="Complete")#|#(status=="True")#'
FAILED = 'status.conditions.#(type=="Failed")#|#(status=="True")#'


def job(*conditions: Any, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "t"}, "status": {"conditions": list(conditions), **status}}


def entry(type_: str, status: str = "True", **words: Any) -> dict[str, Any]:
    return {"type": type_, "status": status, **words}


@pytest.mark.parametrize(
    ("live", "success", "failure", "expected"),
    [
        pytest.param({"metadata": {}}, COMPLETE, FAILED, JobVerdict(JobPhase.RUNNING), id="no status yet"),
        pytest.param(job(entry("Complete", "False")), COMPLETE, FAILED, JobVerdict(JobPhase.RUNNING), id="not yet"),
        pytest.param(
            job(entry("Complete", reason="R", message="M", lastTransitionTime="T")),
            COMPLETE,
            FAILED,
            JobVerdict(JobPhase.SUCCEEDED, "R", "M", "T"),
            id="succeeded",
        ),
        pytest.param(
            job(entry("Complete"), entry("Failed", Reason="R", MESSAGE="M")),
            COMPLETE,
            FAILED,
            JobVerdict(JobPhase.FAILED, "R", "M"),
            id="failure first, keys in any case",
        ),
        pytest.param(job(succeeded=1), "status.succeeded", None, JobVerdict(JobPhase.RUNNING), id="a bare number"),
        pytest.param(job(phase="x"), "status.phase", "", JobVerdict(JobPhase.RUNNING), id="a bare text"),
        pytest.param(job(phase="x"), "[status.phase]", None, JobVerdict(JobPhase.SUCCEEDED), id="an odd element"),
        pytest.param(job(gone=None), "[status.gone]", None, JobVerdict(JobPhase.SUCCEEDED), id="null in an array"),
        pytest.param(job(gone=None), "status.gone", None, JobVerdict(JobPhase.RUNNING), id="a bare null"),
        pytest.param(
            job(entry("Complete", reason=7)), COMPLETE, None, JobVerdict(JobPhase.SUCCEEDED), id="a reason of no text"
        ),
        pytest.param(job(), "", "", JobVerdict(JobPhase.RUNNING), id="no conditions"),
        pytest.param(
            job(succeeded=1),
            "status.[@this].#(succeeded==1)",
            "status.[@this].#(failed>0)",
            JobVerdict(JobPhase.SUCCEEDED),
            id="the Argo form",
        ),
    ],
)
def test_the_verdict(live: dict[str, Any], success: str | None, failure: str | None, expected: JobVerdict) -> None:
    assert judge_job(live, success=success, failure=failure) == expected


def test_a_path_that_cannot_be_read_fails_and_is_quoted() -> None:
    """CTL-28."""
    verdict = judge_job(job(), success="status.#(", failure=FAILED)
    assert verdict.phase is JobPhase.FAILED
    assert "status.#(" in verdict.message
