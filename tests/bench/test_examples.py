"""There is an example for each algorithm of Katib's and each of our own, and it says how to run it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

EXAMPLES = sorted((Path(__file__).parents[2] / "examples/v1beta1").glob("*/*.yaml"))
SEARCHED = {
    *("random", "grid", "tpe", "multivariate-tpe", "bayesianoptimization", "cmaes", "sobol", "halton"),
    *("hyperband", "pbt", "enas", "darts"),
}
STOPPED = {"medianstop", "asha", "patience"}


def test_every_algorithm_and_every_stopping_rule_has_an_example() -> None:
    specs = [yaml.safe_load(path.read_text())["spec"] for path in EXAMPLES]
    assert {spec["algorithm"]["algorithmName"] for spec in specs} >= SEARCHED
    assert {spec["earlyStopping"]["algorithmName"] for spec in specs if "earlyStopping" in spec} >= STOPPED


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_how_to_run_it(path: Path) -> None:
    place = path.relative_to(Path(__file__).parents[2])
    assert f"# On this machine: katib run {place}\n" in path.read_text()
