"""Real kubectl against the laptop, on Katib's own kinds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from laptops import Katib, eventually

Writer = Callable[..., Path]


def test_apply_wait_get_describe_logs_patch_delete(laptop: Katib, experiment_file: Writer) -> None:
    file = str(experiment_file("with-kubectl"))
    applied = laptop.kubectl("apply", "-f", file)
    assert applied.stdout == "experiment.kubeflow.org/with-kubectl created\n", applied.stderr
    waited = laptop.kubectl("wait", "--for=condition=Succeeded", "experiment/with-kubectl", "--timeout=60s")
    assert waited.returncode == 0, waited.stderr + laptop.logs()
    before = laptop.get("experiment", "with-kubectl")["metadata"]
    # kubectl compares lists of custom resources whole, and the defaults inside them are not in the file.
    assert laptop.kubectl("apply", "-f", file).stdout == "experiment.kubeflow.org/with-kubectl configured\n"
    assert laptop.get("experiment", "with-kubectl")["metadata"]["generation"] == before["generation"] == 1
    table = laptop.kubectl("get", "experiment", "with-kubectl").stdout.splitlines()
    assert table[0].split() == ["NAME", "TYPE", "STATUS", "AGE"]
    assert table[1].split()[:3] == ["with-kubectl", "Succeeded", "True"]
    suggestion = laptop.kubectl("get", "suggestion", "with-kubectl").stdout.splitlines()
    assert suggestion[0].split() == ["NAME", "TYPE", "STATUS", "REQUESTED", "ASSIGNED", "AGE"]
    assert suggestion[1].split()[3:5] == ["4", "4"]
    trials = laptop.get("trials", "-l", "katib.kubeflow.org/experiment=with-kubectl")["items"]
    described = laptop.kubectl("describe", "trial", trials[0]["metadata"]["name"]).stdout
    for reason in ("JobCreated", "JobRunning", "JobSucceeded"):
        assert reason in described
    assert laptop.kubectl("delete", "experiment", "with-kubectl").returncode == 0
    eventually(lambda: not laptop.get("trials", "-l", "katib.kubeflow.org/experiment=with-kubectl")["items"])
    eventually(lambda: laptop.kubectl("get", "suggestion", "with-kubectl").returncode == 1)


def test_a_refused_experiment_reads_well_in_kubectl(laptop: Katib, experiment_file: Writer) -> None:
    file = experiment_file("wrong", "echo score=${trialParameters.x}", ("algorithmName: random", "algorithmName: none"))
    done = laptop.kubectl("apply", "-f", str(file))
    assert done.returncode == 1
    assert "spec.algorithm.algorithmName: Invalid value" in done.stderr


def test_the_best_trial_is_in_the_status(laptop: Katib, experiment_file: Writer) -> None:
    laptop.good("run", str(experiment_file("best")))
    optimal = laptop.get("experiment", "best")["status"]["currentOptimalTrial"]
    trials = laptop.get("trials", "-l", "katib.kubeflow.org/experiment=best")["items"]
    values = {trial["metadata"]["name"]: trial["spec"]["parameterAssignments"][0]["value"] for trial in trials}
    assert optimal["bestTrialName"] == max(values, key=lambda name: float(values[name]))
    assert json.dumps(optimal["parameterAssignments"]) == json.dumps(
        [{"name": "x", "value": values[optimal["bestTrialName"]]}]
    )
