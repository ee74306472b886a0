"""Experiments through kubectl, on the laptop and on a real control plane: there our programs have only their printed roles."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from experiments import SCORE, apply, create, finished, trials_of
from laptops import Katib, eventually

from katib_apis.v1beta1 import names

Writer = Callable[..., Path]
CONFIG = ("configmap", names.OBJECT_CONFIG_MAP, "-n", names.ENV_CORE_NAMESPACE_DEFAULT)
ADDED = "{name: CHANGED, value: here}"
STOPPING = """  earlyStopping:
    algorithmName: patience
  parallelTrialCount"""


@pytest.mark.parametrize("algorithm", ["random", "grid"])
def test_an_experiment_runs_to_its_end_and_its_deletion_takes_everything(
    cluster: Katib, experiment_file: Writer, algorithm: str
) -> None:
    name = f"all-{algorithm}"
    changes = [("algorithmName: random", f"algorithmName: {algorithm}")]
    if algorithm == "grid":
        changes.append(('max: "1"', 'max: "1"\n        step: "0.25"'))
    apply(cluster, experiment_file(name, SCORE, *changes))
    status = finished(cluster, name)
    trials = trials_of(cluster, name)
    assert status["trialsSucceeded"] == len(trials) == 4
    assert cluster.kubectl("delete", "experiment", name).returncode == 0
    for kind in ("trials", "suggestions", "jobs", "pods"):
        eventually(lambda kind=kind: name not in cluster.kubectl("get", kind, "-o", "name").stdout)


def test_failed_trials_fail_the_experiment_and_say_why(cluster: Katib, experiment_file: Writer) -> None:
    apply(cluster, experiment_file("failing", f"{SCORE}; exit 7"))
    status = finished(cluster, "failing", "Failed")
    failed = status["failedTrialList"]
    assert len(failed) == status["trialsFailed"] >= 1
    described = cluster.kubectl("describe", "trial", failed[0]).stdout
    assert "JobFailed" in described and "BackoffLimitExceeded" in described
    cluster.kubectl("delete", "experiment", "failing")


@pytest.fixture
def config(cluster: Katib) -> Iterator[str]:
    """The KatibConfig, which is as it was again afterwards."""
    found: str = cluster.get(*CONFIG)["data"][names.OBJECT_CONFIG_KEY]
    yield found
    write_config(cluster, found)


def write_config(cluster: Katib, text: str) -> None:
    patch = json.dumps({"data": {names.OBJECT_CONFIG_KEY: text}})
    assert cluster.kubectl("patch", *CONFIG, "--type=merge", "-p", patch).returncode == 0


def test_an_algorithm_without_an_endpoint_is_served_by_a_deployment_that_goes_with_the_experiment(
    cluster: Katib, config: str, experiment_file: Writer, tmp_path: Path
) -> None:
    """S4 to S8; CTL-19: while trials run, it follows a change of the KatibConfig."""
    gated = f"until [ -e {tmp_path}/gate ]; do sleep 0.1; done; {SCORE}"
    apply(cluster, experiment_file("own", gated, ("algorithmName: random", "algorithmName: tpe")))
    eventually(lambda: len(trials_of(cluster, "own")) == 2)
    assert cluster.get("service", "own-tpe")["spec"]["ports"][0]["port"] == names.PORT_SUGGESTION
    assert "algorithmName: tpe\n" in config
    write_config(cluster, config.replace("algorithmName: tpe\n", f"algorithmName: tpe\n    env: [{ADDED}]\n"))
    template = "jsonpath={.spec.template.spec.containers[0].env}"
    eventually(lambda: "CHANGED" in cluster.kubectl("get", "deployment", "own-tpe", "-o", template).stdout)
    (tmp_path / "gate").touch()
    assert finished(cluster, "own")["trialsSucceeded"] == 4
    eventually(lambda: cluster.kubectl("get", "deployment", "own-tpe").returncode != 0)
    eventually(lambda: "own-tpe" not in cluster.kubectl("get", "pods", "-o", "name").stdout)


def test_an_early_stopping_service_of_its_own_may_mark_trials_once_nothing_stands_in_its_way(
    cluster: Katib, experiment_file: Writer
) -> None:
    """RES-8: RBAC lets the controller give what it holds. Somebody else's object of that name is told and left alone."""
    name, group = "guarded-tpe", "rbac.authorization.k8s.io"
    role = {"apiGroup": group, "kind": "Role", "name": "other"}
    create(cluster, {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": {"name": name}, "roleRef": role})
    changes = [("algorithmName: random", "algorithmName: tpe"), ("  parallelTrialCount", STOPPING)]
    apply(cluster, experiment_file("guarded", SCORE, *changes))
    taken = f"RoleBinding default/{name} exists already and is not controlled by us"
    eventually(lambda: taken in cluster.kubectl("describe", "suggestion", "guarded").stdout)
    assert cluster.get("role", name)["rules"] == [
        {"apiGroups": ["kubeflow.org"], "resources": ["trials"], "verbs": ["get"]},
        {"apiGroups": ["kubeflow.org"], "resources": ["trials/status"], "verbs": ["patch"]},
    ]
    cluster.kubectl("delete", "rolebinding", name)
    eventually(lambda: cluster.kubectl("get", "rolebinding", name).returncode == 0)
    binding = cluster.get("rolebinding", name)
    assert binding["roleRef"]["name"] == name
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": "default"}]
    assert cluster.kubectl("delete", "experiment", "guarded").returncode == 0
    kinds = "serviceaccounts,roles,rolebindings,deployments,services,suggestions"
    eventually(lambda: "guarded" not in cluster.kubectl("get", kinds, "-o", "name").stdout)


def test_a_lowered_parallel_trial_count_gives_up_the_youngest_trials(
    cluster: Katib, experiment_file: Writer, tmp_path: Path
) -> None:
    apply(cluster, experiment_file("narrowed", f"until [ -e {tmp_path}/gate ]; do sleep 0.1; done; {SCORE}"))
    eventually(lambda: cluster.get("experiment", "narrowed").get("status", {}).get("trialsRunning") == 2)
    narrower = '{"spec": {"parallelTrialCount": 1}}'
    assert cluster.kubectl("patch", "experiment", "narrowed", "--type=merge", "-p", narrower).returncode == 0
    eventually(lambda: len(trials_of(cluster, "narrowed")) == 1)
    (tmp_path / "gate").touch()
    assert finished(cluster, "narrowed")["trialsSucceeded"] == 4


@pytest.mark.parametrize("policy", ["LongRunning", "FromVolume"])
def test_a_larger_budget_restarts_an_experiment_whose_policy_allows_it(
    cluster: Katib, experiment_file: Writer, policy: str
) -> None:
    name = f"more-{policy.lower()}"
    changes = ("  parallelTrialCount: 2\n", f"  resumePolicy: {policy}\n  parallelTrialCount: 2\n")
    apply(cluster, experiment_file(name, SCORE, changes))
    assert finished(cluster, name)["trials"] == 4
    cluster.kubectl("patch", "experiment", name, "--type=merge", "-p", '{"spec": {"maxTrialCount": 6}}')
    eventually(lambda: cluster.get("experiment", name)["status"].get("trials") == 6)
    assert finished(cluster, name)["trialsSucceeded"] == 6


def test_a_trial_that_promises_little_is_stopped_early(cluster: Katib, experiment_file: Writer) -> None:
    """ES-02 to ES-10: the second trial would sleep for ten minutes; it is stopped at its first report."""
    stopping = """  earlyStopping:
    algorithmName: medianstop
    algorithmSettings:
      - {name: min_trials_required, value: "1"}
      - {name: start_step, value: "1"}
  parallelTrialCount: 1"""
    changes = [
        ("algorithmName: random", "algorithmName: grid"),
        ("  parallelTrialCount: 2", stopping),
        ("maxTrialCount: 4", "maxTrialCount: 2"),
        ("parameterType: double", "parameterType: discrete"),
        ('min: "0"\n        max: "1"', 'list: ["1", "0"]'),
    ]
    apply(cluster, experiment_file("stopped", f"{SCORE}; test ${{trialParameters.x}} = 1 || sleep 600", *changes))
    status = finished(cluster, "stopped")
    assert (status["trialsSucceeded"], status["trialsEarlyStopped"]) == (1, 1)
    trial = cluster.get("trial", status["earlyStoppedTrialList"][0])
    assert trial["spec"]["earlyStoppingRules"] == [
        {"name": "score", "value": "1.0", "comparison": "less", "startStep": 1}
    ]
    assert trial["status"]["observation"]["metrics"][0]["latest"] == "0"
    ends = [(entry["type"], entry["status"]) for entry in trial["status"]["conditions"]]
    assert ("Running", "False") in ends and ends[-1] == ("EarlyStopped", "True")
    assert trial["status"]["completionTime"]


def test_a_template_may_lie_in_a_config_map(cluster: Katib, experiment_file: Writer) -> None:
    file = experiment_file("with-template")
    head, _, job = file.read_text().partition("    trialSpec:\n")
    place = "    configMap: {configMapName: template, configMapNamespace: default, templatePath: job}\n"
    for outcome, kind in ("success", "Complete"), ("failure", "Failed"):
        place += f'    {outcome}Condition: status.conditions.#(type=="{kind}")#|#(status=="True")#\n'
    config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: template\n  labels: {katib.kubeflow.org/component: trial-templates}\n"
    file.write_text(f"{config_map}data:\n  job: |\n{job}---\n{head}{place}")
    apply(cluster, file)
    assert finished(cluster, "with-template")["trialsSucceeded"] == 4
