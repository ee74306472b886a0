"""Real kubectl on Katib's own kinds, against the laptop and a real control plane."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from experiments import trials_of, values_of
from laptops import Katib, eventually

Writer = Callable[..., Path]


def test_apply_wait_get_describe_logs_patch_delete(cluster: Katib, experiment_file: Writer) -> None:
    file = str(experiment_file("with-kubectl"))
    applied = cluster.kubectl("apply", "-f", file)
    assert applied.stdout == "experiment.kubeflow.org/with-kubectl created\n", applied.stderr
    waited = cluster.kubectl("wait", "--for=condition=Succeeded", "experiment/with-kubectl", "--timeout=60s")
    assert waited.returncode == 0, waited.stderr + cluster.logs()
    before = cluster.get("experiment", "with-kubectl")["metadata"]
    # kubectl compares lists of custom resources whole, and the defaults inside them are not in the file.
    assert cluster.kubectl("apply", "-f", file).stdout == "experiment.kubeflow.org/with-kubectl configured\n"
    assert cluster.get("experiment", "with-kubectl")["metadata"]["generation"] == before["generation"] == 1
    table = cluster.kubectl("get", "experiment", "with-kubectl").stdout.splitlines()
    assert table[0].split() == ["NAME", "TYPE", "STATUS", "AGE"]
    assert table[1].split()[:3] == ["with-kubectl", "Succeeded", "True"]
    suggestion = cluster.kubectl("get", "suggestion", "with-kubectl").stdout.splitlines()
    assert suggestion[0].split() == ["NAME", "TYPE", "STATUS", "REQUESTED", "ASSIGNED", "AGE"]
    assert suggestion[1].split()[3:5] == ["4", "4"]
    trials = trials_of(cluster, "with-kubectl")
    optimal = cluster.get("experiment", "with-kubectl")["status"]["currentOptimalTrial"]
    values = {trial["metadata"]["name"]: values_of(trial)["x"] for trial in trials}
    assert optimal["bestTrialName"] == max(values, key=lambda name: float(values[name]))
    assert optimal["parameterAssignments"] == [{"name": "x", "value": values[optimal["bestTrialName"]]}]
    described = cluster.kubectl("describe", "trial", trials[0]["metadata"]["name"]).stdout
    for reason in ("JobCreated", "JobRunning", "JobSucceeded"):
        assert reason in described
    assert cluster.kubectl("delete", "experiment", "with-kubectl").returncode == 0
    eventually(lambda: not trials_of(cluster, "with-kubectl"))
    eventually(lambda: cluster.kubectl("get", "suggestion", "with-kubectl").returncode == 1)


def test_a_refused_experiment_reads_well_in_kubectl(cluster: Katib, experiment_file: Writer) -> None:
    file = experiment_file("wrong", "echo score=${trialParameters.x}", ("algorithmName: random", "algorithmName: none"))
    done = cluster.kubectl("apply", "-f", str(file))
    assert done.returncode == 1
    assert "spec.algorithm.algorithmName: Invalid value" in done.stderr
