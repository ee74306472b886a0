"""Every end-to-end test runs on the laptop and on a real control plane, except those about the laptop itself."""

from __future__ import annotations

from pathlib import Path

import pytest

E2E = Path(__file__).parents[1] / "e2e"
BOTH = ("cluster: Katib", "node: Katib", "restarting_node: RestartingNode", "both: Mapping")
"""How a test asks for either Kubernetes: see tests/e2e/conftest.py."""
LAPTOP_ONLY = {
    "test_bad_input.py": "what `katib run` says of files, command lines, ports and disks; test_refused_on_both.py has what Katib refuses",
    "test_kills.py": "the laptop's programs, each killed: the supervisor that ends the others and the next start are the laptop's",
    "test_new_algorithm.py": "the commands of docs/new-algorithm.md; test_searches_on_both.py runs its Experiment",
    "test_programs.py": "command lines that meet no Kubernetes",
    "test_run.py": "`katib run` and its kin; test_on_both.py and test_searches_on_both.py have what its Experiments are about",
    "test_safety.py": "who may reach the laptop's ports and files, and what outlives it",
    "test_seeds.py": "what is promised of a laptop; test_same_on_both.py compares a seeded Experiment on both",
    "test_state.py": "the laptop's state directories of other versions",
}
MODULES = sorted(path.name for path in E2E.glob("test_*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_an_end_to_end_test_runs_on_both_or_says_why_not(module: str) -> None:
    asks = any(words in (E2E / module).read_text() for words in BOTH)
    assert asks != (
        module in LAPTOP_ONLY
    ), "ask for `cluster`, `node` or `restarting_node`, or say in LAPTOP_ONLY why the laptop is enough"


def test_a_reason_is_about_a_test_that_is_there() -> None:
    assert LAPTOP_ONLY.keys() <= set(MODULES)
