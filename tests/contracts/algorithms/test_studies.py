"""A study asks a running service as it asks this process: the same trials, the same refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from contracts.algorithms.questions import serving
from pages import blocks

from katib_suggestion.remote import Remote
from katib_suggestion.study import RefusedError, Study, double, integer

SPACE = {"rate": double(0.001, 1, distribution="logUniform"), "layers": integer(1, 5)}


def run(study: Study) -> Study:
    for _ in range(15):
        trial = study.ask()
        study.tell(trial, trial.parameters["rate"] * trial.parameters["layers"])
    return study


def test_a_study_of_a_running_service_is_the_same_as_one_of_this_process(tmp_path: Path) -> None:
    given = [{"rate": 0.5, "layers": 3}]
    earlier = run(Study(SPACE, seed=9))
    with serving(tmp_path):
        there = Remote(f"unix:{tmp_path}/s")
        remote = run(Study(SPACE, seed=4, service=there, given=given, learn_from=earlier))
        with pytest.raises(RefusedError, match="setting 'pace': no such setting"):
            Study(SPACE, settings={"pace": 1}, service=there)
        there.close()
    assert remote.trials == run(Study(SPACE, seed=4, given=given, learn_from=earlier)).trials


def test_a_service_that_is_not_there_is_a_connection_error_with_its_address(tmp_path: Path) -> None:
    there = Remote(f"unix:{tmp_path}/nobody")
    with pytest.raises(ConnectionError, match=r"nobody: UNAVAILABLE: .* is katib-suggestion running there"):
        Study(SPACE, service=there)
    there.close()


def test_the_page_about_ask_and_tell_works_to_the_letter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/ask-and-tell.md: every block, one after the other; the service listens where this test can have it."""
    with serving(tmp_path):
        code = "\n".join(block.text for block in blocks("ask-and-tell.md"))
        assert "localhost:6789" in code
        exec(code.replace("localhost:6789", f"unix:{tmp_path}/s"), {})
    assert "'layers': 3" in capsys.readouterr().out
