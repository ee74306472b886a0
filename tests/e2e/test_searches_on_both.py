"""The examples' ways of searching on the laptop and on a real control plane, and one's own: with budgets of a few trials.

Whether they find good networks `test_run.py` asks on the laptop.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from experiments import Json, apply, finished, trials_of, values_of
from laptops import ROOT, Katib
from pages import blocks

from katib_apis.v1beta1 import names

EXAMPLES = ROOT / "examples/v1beta1"
NAMESPACE = "kubeflow"
Writer = Callable[..., Path]


@pytest.fixture
def example(tmp_path: Path) -> Writer:
    """Writes an example with another budget, and a script in place of its training: seconds are for Kubernetes here."""

    def write(path: str, trials: int, parallel: int, script: str = "", **settings: str) -> Path:
        experiment = yaml.safe_load((EXAMPLES / path).read_text())
        counts = {"maxTrialCount": trials, "parallelTrialCount": parallel, "maxFailedTrialCount": 1}
        spec = experiment["spec"] | counts
        for entry in spec["algorithm"].get("algorithmSettings", []):
            entry["value"] = settings.get(entry["name"], entry["value"])
        container = spec["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"][0]
        del container["resources"]
        spec["trialTemplate"]["retain"] = True
        if script:
            used = [f'"${{trialParameters.{entry["name"]}}}"' for entry in spec["trialTemplate"]["trialParameters"]]
            container["command"] = ["sh", "-c", f": {' '.join(used)}; {script}"]
        file = tmp_path / "example.yaml"
        file.write_text(yaml.safe_dump(experiment | {"spec": spec}))
        return file

    return write


def test_the_first_example_trains(cluster: Katib, example: Writer) -> None:
    apply(cluster, example("hp-tuning/random.yaml", 2, 2))
    status = finished(cluster, "random", namespace=NAMESPACE)
    assert status["trialsSucceeded"] == 2
    metrics = {entry["name"]: float(entry["max"]) for entry in status["currentOptimalTrial"]["observation"]["metrics"]}
    assert metrics.keys() == {"accuracy", "loss"} and metrics["accuracy"] > 0.1


def test_hyperband_writes_its_settings_back_and_gives_the_best_more(cluster: Katib, example: Writer) -> None:
    """The best of three with one epoch gets three; two others begin with three. What it is at stands in the Suggestion."""
    script = "echo accuracy=${trialParameters.momentum}; echo loss=1"
    apply(cluster, example("hp-tuning/hyperband.yaml", 6, 3, script, r_l="3", eta="3"))
    assert finished(cluster, "hyperband", namespace=NAMESPACE)["trialsSucceeded"] == 6
    trials = trials_of(cluster, "hyperband", NAMESPACE)
    epochs = [values_of(trial)["num-epochs"] for trial in trials]
    assert sorted(epochs) == ["1"] * 3 + ["3"] * 3
    best = max((accuracy(trial) for trial, number in zip(trials, epochs, strict=True) if number == "1"), key=float)
    (promoted,) = (trial for trial in trials if trial["metadata"]["labels"][names.LABEL_HYPERBAND_RUNG] == "1")
    assert accuracy(promoted) == best
    settings = cluster.get("suggestion", "hyperband", "-n", NAMESPACE)["status"]["algorithmSettings"]
    assert {entry["name"] for entry in settings} >= {"current_s", "current_i"}


def test_a_population_goes_on_from_its_checkpoints(cluster: Katib, example: Writer) -> None:
    """S4 to S8 with a volume: the service and the trials share it."""
    steps = "/var/log/katib/checkpoints/steps"
    script = f"n=$(cat {steps} 2>/dev/null || echo 0); n=$((n+1)); echo $n > {steps}; echo accuracy=0.$n; echo loss=1"
    apply(cluster, example("hp-tuning/simple-pbt.yaml", 8, 3, script, n_population="5"))
    assert finished(cluster, "simple-pbt", namespace=NAMESPACE)["trialsSucceeded"] == 8
    trials = trials_of(cluster, "simple-pbt", NAMESPACE)
    generations = [int(trial["metadata"]["labels"][names.LABEL_PBT_GENERATION]) for trial in trials]
    assert [accuracy(trial) for trial in trials] == [f"0.{number + 1}" for number in generations]
    assert max(generations) > 0
    claim = cluster.get("persistentvolumeclaim", "simple-pbt-pbt", "-n", NAMESPACE)
    assert claim["spec"]["storageClassName"] == "own"
    volumes = cluster.get("persistentvolumes")["items"]
    assert [volume["spec"]["persistentVolumeReclaimPolicy"] for volume in volumes] == ["Delete"]


def accuracy(trial: Json) -> str:
    found: Any = {entry["name"]: entry["latest"] for entry in trial["status"]["observation"]["metrics"]}["accuracy"]
    return str(found)


def test_architectures_reach_trials_whole(cluster: Katib, example: Writer) -> None:
    values = 'echo "${trialParameters.neuralNetworkArchitecture}"; echo "${trialParameters.neuralNetworkConfig}"'
    script = f"echo Validation-Accuracy=0.5; echo Validation-Loss=1; {values}"
    apply(cluster, example("nas/enas-cpu.yaml", 2, 2, script))
    assert finished(cluster, "enas-cpu", namespace=NAMESPACE)["trialsSucceeded"] == 2
    for trial in trials_of(cluster, "enas-cpu", NAMESPACE):
        job = f"job/{trial['metadata']['name']}"
        printed = cluster.kubectl("logs", job, "-n", NAMESPACE, "-c", names.CONTAINER_LOG_COLLECTOR).stdout
        assert all(values_of(trial)[name] in printed for name in ("architecture", "nn_config")), printed


def test_an_algorithm_of_ones_own_searches(cluster: Katib, tmp_path: Path) -> None:
    """docs/new-algorithm.md."""
    (block,) = (block for block in blocks("new-algorithm.md") if block.note == "file=climb.yaml")
    file = tmp_path / "climb.yaml"
    file.write_text(block.text.replace("maxTrialCount: 8", "maxTrialCount: 3"))
    apply(cluster, file)
    assert finished(cluster, "climb")["trialsSucceeded"] == 3
