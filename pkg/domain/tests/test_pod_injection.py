"""webhooks.md §5 to §8: what a trial's pod gets, and which pods get nothing."""

from __future__ import annotations

import copy
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from katib_apis.v1beta1.models import MetricsCollectorConfig, Suggestion, Trial
from katib_domain.pod_injection import Injection, inject_pod
from katib_domain.pod_injection.commands import Wrapping, wrap_command

Json = dict[str, Any]
RULE = {"name": "accuracy", "value": "0.5", "comparison": "less", "startStep": 4}


def a_trial(**spec: Any) -> Trial:
    labels = {"katib.kubeflow.org/experiment": "exp", "team": "vision"}
    wanted: Json = {
        "objective": {"type": "maximize", "objectiveMetricName": "accuracy", "additionalMetricNames": ["loss"]},
        "primaryContainerName": "main",
        "metricsCollector": {"collector": {"kind": "StdOut"}},
        **spec,
    }
    return Trial.from_dict({"metadata": {"name": "t1", "namespace": "ns", "labels": labels}, "spec": wanted})


def a_collector(kind: str, **source: Any) -> Json:
    return {"metricsCollector": {"collector": {"kind": kind}, **({"source": source} if source else {})}}


CONFIG = {"kind": "StdOut", "image": "collector:1", "imagePullPolicy": "IfNotPresent", "waitAllProcesses": False}
POD: Json = {
    "metadata": {"name": "p", "labels": {"job-name": "t1"}},
    "spec": {
        "containers": [{"name": "main", "image": "i:1", "command": ["python", "train.py"], "args": ["--lr", "0.1"]}]
    },
}


def injected(trial: Trial, pod: Json = POD, **more: Any) -> Json:
    injection = Injection(
        trial,
        MetricsCollectorConfig.from_dict({**CONFIG, **more.pop("config", {})}),
        "katib-db-manager.kubeflow:6789",
        **more,
    )
    return inject_pod(pod, injection)


def test_the_example_of_the_contract() -> None:
    """webhooks.md §7: StdOut with waitAllProcesses: false."""
    trial = a_trial(objective={"type": "maximize", "objectiveMetricName": "accuracy"})
    pod = injected(trial)
    main, sidecar = pod["spec"]["containers"]
    assert sidecar["name"] == "metrics-logger-and-collector" and sidecar["image"] == "collector:1"
    assert sidecar["args"] == (
        "-t t1 -m accuracy -o-type maximize -s-db katib-db-manager.kubeflow:6789 "
        "-path /var/log/katib/metrics.log -format TEXT -w false"
    ).split(" ")
    assert main["command"] == ["sh", "-c"]
    assert main["args"] == [
        "python train.py --lr 0.1 1>/var/log/katib/metrics.log 2>&1 && echo completed > /var/log/katib/$$$$.pid"
    ]
    assert pod["spec"]["shareProcessNamespace"] is True
    assert {"name": "metrics-volume", "emptyDir": {}} in pod["spec"]["volumes"]
    for container in (main, sidecar):
        assert {"name": "metrics-volume", "mountPath": "/var/log/katib"} in container["volumeMounts"]


def test_the_pod_gets_the_trials_labels_and_name() -> None:
    """P3, P4."""
    pod = injected(a_trial())
    assert pod["metadata"]["labels"] == {
        "job-name": "t1",
        "katib.kubeflow.org/experiment": "exp",
        "team": "vision",
        "katib.kubeflow.org/trial": "t1",
    }
    (entry,) = pod["spec"]["containers"][0]["env"]
    assert entry["name"] == "KATIB_TRIAL_NAME"
    assert entry["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.labels['katib.kubeflow.org/trial']"


def test_a_pod_that_is_not_primary_gets_labels_only() -> None:
    """P5, WH-8: also when it has no container of the primary name."""
    trial = a_trial(primaryPodLabels={"role": "master"})
    pod = injected(trial, {**POD, "spec": {"containers": [{"name": "worker"}]}})
    assert pod["spec"] == {"containers": [{"name": "worker"}]}
    assert pod["metadata"]["labels"]["katib.kubeflow.org/trial"] == "t1"


def test_a_primary_pod_without_the_container_is_admitted() -> None:
    """WH-8, CTL-10: the Trial says what is wrong, the pod is not denied for ever."""
    pod = injected(a_trial(primaryContainerName="training"))
    assert pod["spec"] == POD["spec"]


def test_push_collects_by_itself() -> None:
    """P6."""
    pod = injected(a_trial(**a_collector("Push")))
    assert len(pod["spec"]["containers"]) == 1 and pod["spec"]["containers"][0]["command"] == ["python", "train.py"]


def test_a_file_collector_reads_the_file_that_the_experiment_names() -> None:
    place = {"kind": "File", "path": "/out/m.json", "format": "JSON"}
    pod = injected(a_trial(**a_collector("File", fileSystemPath=place)))
    main, sidecar = pod["spec"]["containers"]
    assert sidecar["args"][-6:] == ["-path", "/out/m.json", "-format", "JSON", "-w", "false"]
    assert main["args"] == ["python train.py --lr 0.1 && echo completed > /out/$$$$.pid"]
    assert {"name": "metrics-volume", "mountPath": "/out"} in main["volumeMounts"]


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        (["(a)=(b)", "(c)=(d)"], ["-f", "(a)=(b);(c)=(d)"]),
        (["(a);(b)", "(c)=(d)"], ["-filter", "(a);(b)", "-filter", "(c)=(d)"]),
    ],
)
def test_filters_with_a_semicolon_go_one_by_one(filters: list[str], words: list[str]) -> None:
    """WH-2, COL-11."""
    pod = injected(a_trial(**a_collector("StdOut", filter={"metricsFormat": filters})))
    arguments = pod["spec"]["containers"][1]["args"]
    start = arguments.index(words[0])
    assert arguments[start : start + len(words)] == words


def test_stop_rules_go_along_and_a_stopped_training_is_no_failure() -> None:
    pod = injected(a_trial(earlyStoppingRules=[RULE]), early_stopping="exp-random.ns:6788")
    main, sidecar = pod["spec"]["containers"]
    assert sidecar["args"][-4:] == ["-stop-rule", "accuracy;0.5;less;4", "-s-earlystop", "exp-random.ns:6788"]
    assert "|| if test -f /var/log/katib/$$$$.pid" in main["args"][0]
    assert '"$(head -n 1 /var/log/katib/$$.pid)" = early-stopped' in main["args"][0]


def test_stop_rules_go_to_the_collector_of_event_files_too() -> None:
    """WH-13, ES-08: in a directory."""
    trial = a_trial(earlyStoppingRules=[RULE], **a_collector("TensorFlowEvent"))
    main, sidecar = injected(trial, early_stopping="exp-random.ns:6788")["spec"]["containers"]
    assert sidecar["args"][-4:] == ["-stop-rule", "accuracy;0.5;less;4", "-s-earlystop", "exp-random.ns:6788"]
    assert "|| if test -f /var/log/katib/tfevent/$$$$.pid" in main["args"][0]


@pytest.mark.parametrize(
    ("collector", "path"),
    [
        (None, "/var/log/katib/metrics.log"),
        ({}, "/var/log/katib/metrics.log"),
        ({"collector": {}, "source": {}}, "/var/log/katib/metrics.log"),
        ({"collector": {"kind": "File"}}, "/var/log/katib/metrics.log"),
        ({"collector": {"kind": "File"}, "source": {"fileSystemPath": {}}}, "/var/log/katib/metrics.log"),
        ({"collector": {"kind": "TensorFlowEvent"}}, "/var/log/katib/tfevent/"),
        ({"collector": {"kind": "PrometheusMetric"}}, None),
    ],
)
def test_a_trial_that_came_past_the_defaults_gets_them_here(collector: Json | None, path: str | None) -> None:
    """WH-12."""
    arguments = injected(a_trial(metricsCollector=collector))["spec"]["containers"][1]["args"]
    assert ("-path" in arguments) is (path is not None)
    assert path is None or arguments[arguments.index("-path") + 1] == path


def test_a_custom_collector_is_taken_as_it_is() -> None:
    custom = {"name": "mine", "image": "mine:1", "args": ["x"]}
    collector = {"collector": {"kind": "Custom", "customCollector": custom}}
    source = {"source": {"fileSystemPath": {"kind": "File", "path": "/out/m"}}}
    pod = injected(a_trial(metricsCollector={**collector, **source}))
    main, sidecar = pod["spec"]["containers"]
    assert main["command"] == ["python", "train.py"]
    assert {**custom, "volumeMounts": sidecar["volumeMounts"]} == sidecar


def test_a_populations_volume_is_mounted_for_its_trial() -> None:
    """webhooks.md §8, WH-14: also for Push."""
    algorithm = {"algorithmName": "pbt", "algorithmSettings": [{"name": "suggestion_trial_dir", "value": "/ckpt"}]}
    suggestion = Suggestion.from_dict({"metadata": {"name": "exp"}, "spec": {"algorithm": algorithm}})
    for kind in ("StdOut", "Push"):
        pod = injected(a_trial(**a_collector(kind)), suggestion=suggestion)
        volume = {"name": "suggestion-volume", "persistentVolumeClaim": {"claimName": "exp-pbt"}}
        mount = {"name": "suggestion-volume", "mountPath": "/ckpt", "subPath": "exp/t1"}
        assert volume in pod["spec"]["volumes"] and mount in pod["spec"]["containers"][0]["volumeMounts"]


def test_the_sidecar_passes_pod_security_restricted_as_the_pods_user() -> None:
    """WH-15, RES-3."""
    pod = copy.deepcopy(POD)
    pod["spec"]["securityContext"] = {"runAsUser": 1000}
    context = injected(a_trial(), pod)["spec"]["containers"][1]["securityContext"]
    assert context == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        "runAsUser": 1000,
    }
    pod["spec"]["containers"][0]["securityContext"] = {"readOnlyRootFilesystem": True}
    copied = injected(a_trial(), pod, inject_security_context=True)["spec"]["containers"][1]["securityContext"]
    assert copied == {"readOnlyRootFilesystem": True}


def test_without_a_command_nothing_is_wrapped_or_looked_up() -> None:
    """WH-9."""
    pod = {**POD, "spec": {"containers": [{"name": "main", "image": "i:1"}]}}
    main, sidecar = injected(a_trial(), pod)["spec"]["containers"]
    assert "command" not in main and "args" not in main and sidecar["name"]


def test_the_pod_that_came_is_left_alone() -> None:
    before = copy.deepcopy(POD)
    injected(a_trial())
    assert POD == before


WRAPPED = [
    (["python main.py"], ["sh", "-c"], "python main.py 1>metric.log 2>&1 && echo completed > $$$$.pid"),
    (["sh", "-c", "python main.py"], ["sh", "-c"], "python main.py 1>metric.log 2>&1 && echo completed > $$$$.pid"),
    (["/bin/bash", "-lc", "train"], ["/bin/bash", "-lc"], "train 1>metric.log 2>&1 && echo completed > $$$$.pid"),
    (["sh"], ["sh", "-c"], "sh 1>metric.log 2>&1 && echo completed > $$$$.pid"),
    (["sh", "-c", "a; b"], ["sh", "-c"], "(\na; b\n) 1>metric.log 2>&1 && echo completed > $$$$.pid"),
    (["sh", "-c", "exec a"], ["sh", "-c"], "(\nexec a\n) 1>metric.log 2>&1 && echo completed > $$$$.pid"),
    (["sh", "-c", "a # b"], ["sh", "-c"], "(\na # b\n) 1>metric.log 2>&1 && echo completed > $$$$.pid"),
    (["sh", "-c", "a b#c"], ["sh", "-c"], "a b#c 1>metric.log 2>&1 && echo completed > $$$$.pid"),
    (["a", "#b"], ["sh", "-c"], "(\na #b\n) 1>metric.log 2>&1 && echo completed > $$$$.pid"),
]


@pytest.mark.parametrize(("command", "shell", "script"), WRAPPED)
def test_commands_are_wrapped_as_the_contract_shows(command: list[str], shell: list[str], script: str) -> None:
    """webhooks.md §6, WH-10."""
    wrapped = wrap_command(command, [], Wrapping("metric.log", redirect=True))
    assert wrapped is not None and (wrapped.command, wrapped.arguments) == (shell, [script])


@pytest.mark.parametrize(
    ("script", "output", "good"),
    [
        ("echo a; echo b", "a\nb\n", True),
        ("echo a; exit 3", "a\n", False),
        ("exec echo a", "a\n", True),
        ("echo a # b", "a\n", True),
    ],
)
def test_a_real_shell_does_what_the_wrapping_promises(tmp_path: Path, script: str, output: str, good: bool) -> None:
    """All output is in the file; the marker is there exactly when the training ended well; the exit code stays."""
    wrapped = wrap_command(["sh", "-c", script], [], Wrapping(f"{tmp_path}/m.log", redirect=True))
    assert wrapped is not None
    # Kubernetes makes one dollar of two.
    command = [*wrapped.command, *(text.replace("$$", "$") for text in wrapped.arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (tmp_path / "m.log").read_text() == output and done.stdout == ""
    markers = [file.read_text() for file in tmp_path.glob("*.pid")]
    assert (done.returncode == 0) is good and markers == (["completed\n"] if good else [])


WORDS = st.lists(st.text(min_size=1, max_size=8), max_size=4)


@settings(deadline=None)
@given(command=WORDS, arguments=WORDS, redirect=st.booleans())
def test_no_command_is_too_odd(command: list[str], arguments: list[str], redirect: bool) -> None:
    wrapped = wrap_command(command, arguments, Wrapping("/m/log", redirect=redirect))
    assert (wrapped is None) is (not command)
    assert wrapped is None or (len(wrapped.command) == 2 and len(wrapped.arguments) == 1)
