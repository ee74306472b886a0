"""Pods on the node, as their authors see them through kubectl: processes, volumes, ends, logs, resources.

The node is the laptop's, and the kubelet of a real control plane.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from laptops import ROOT, Katib, eventually
from pods import Json, a_job, a_pod, create, ended, printed, terminated


def test_commands_arguments_and_environment(node: Katib) -> None:
    environment = [
        {"name": "GREETING", "value": "hello"},
        {"name": "BOTH", "value": "$(GREETING) $$(GREETING) $(NOBODY)"},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "env-map", "key": "k"}}},
        {"name": "HIDDEN", "valueFrom": {"secretKeyRef": {"name": "env-secret", "key": "s"}}},
        {"name": "ABSENT", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "k", "optional": True}}},
    ]
    main = {
        "command": ["sh", "-c", 'printf "%s\\n" "$@"; env', "arg0"],
        "args": ["$(GREETING)!", "a b"],
        "env": environment,
        "envFrom": [{"prefix": "MAP_", "configMapRef": {"name": "env-map"}}],
        "workingDir": "/tmp",
    }
    create(
        node,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "env-map"}, "data": {"k": "v"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "env-secret"}, "stringData": {"s": "secret"}},
        a_pod("environment", main=main),
    )
    lines = printed(node, "environment").splitlines()
    assert lines[:2] == ["hello!", "a b"]
    expected = {
        "BOTH=hello $(GREETING) $(NOBODY)",
        "POD=environment",
        "LABEL=environment",
        "KEY=v",
        "HIDDEN=secret",
        "MAP_k=v",
        "PWD=/tmp",
    }
    assert expected <= set(lines) and not [line for line in lines if line.startswith("ABSENT")]


def test_volumes_of_each_kind_stand_where_the_pod_names_them(node: Katib, tmp_path_factory: Any) -> None:
    host = tmp_path_factory.mktemp("host")
    (host / "file").write_text("from the host\n")
    items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
    sources = [
        {"configMap": {"name": "files", "items": [{"key": "a", "path": "deep/a.txt"}]}},
        {"secret": {"name": "hidden"}},
    ]
    volumes = [
        {"name": "empty", "emptyDir": {}},
        {"name": "map", "configMap": {"name": "files"}},
        {"name": "secret", "secret": {"secretName": "hidden"}},
        {"name": "host", "hostPath": {"path": str(host)}},
        {"name": "info", "downwardAPI": {"items": items}},
        {"name": "all", "projected": {"sources": sources}},
    ]
    mounts = [{"name": entry["name"], "mountPath": f"/mnt/katib/{entry['name']}"} for entry in volumes]
    mounts.append({"name": "empty", "mountPath": "/mnt/katib/below", "subPath": "inner"})
    mounts.append({"name": "empty", "mountPath": "/mnt/katib/named", "subPathExpr": "$(POD)/deep"})
    pod_name = {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    script = (
        "cd /mnt/katib/map && cat a && cat /mnt/katib/secret/s /mnt/katib/host/file /mnt/katib/all/deep/a.txt"
        " && cat /mnt/katib/info/labels && echo && echo written > /mnt/katib/below/file && cat /mnt/katib/empty/inner/file"
        " && echo back > /mnt/katib/host/back"
        " && echo named > /mnt/katib/named/file && cat /mnt/katib/empty/volumes/deep/file"
    )
    create(
        node,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "files"}, "data": {"a": "from a map\n"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hidden"}, "stringData": {"s": "from a secret\n"}},
        a_pod("volumes", script, main={"volumeMounts": mounts, "env": [pod_name]}, volumes=volumes),
    )
    lines = printed(node, "volumes").splitlines()
    assert lines == ["from a map", "from a secret", "from the host", "from a map", 'app="volumes"', "written", "named"]
    assert (host / "back").read_text() == "back\n"


def test_a_missing_volume_source_is_told(node: Katib) -> None:
    volumes = [{"name": "map", "configMap": {"name": "nowhere"}}]
    create(node, a_pod("no-volume", volumes=volumes))
    assert 'configmap "nowhere" not found' in terminated(ended(node, "no-volume"))["message"]
    assert "FailedMount" in node.kubectl("describe", "pod", "no-volume").stdout


def test_a_pod_speaks_to_the_api_with_the_token_of_its_service_account(node: Katib) -> None:
    server = node.kubectl("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}").stdout
    volumes = [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}]
    main = {"volumeMounts": [{"name": "token", "mountPath": "/mnt/katib/token"}]}
    kubectl = shutil.which("kubectl", path=str(Path(sys.executable).parent))
    script = f"{kubectl} --kubeconfig=/dev/null --server={server} --insecure-skip-tls-verify auth whoami"
    script += ' --token="$(cat /mnt/katib/token/token)" -o jsonpath="{.status.userInfo.username}"'
    node.kubectl("create", "serviceaccount", "tuner")
    create(node, a_pod("speaking", script, main=main, volumes=volumes, serviceAccountName="tuner"))
    assert printed(node, "speaking") == "system:serviceaccount:default:tuner\n"


def test_a_pod_of_a_service_account_that_is_not_there_is_refused(node: Katib) -> None:
    refused = node.kubectl("create", "-f", "-", stdin=json.dumps(a_pod("speechless", serviceAccountName="nobody")))
    assert refused.returncode == 1
    assert 'error looking up service account default/nobody: serviceaccount "nobody" not found' in refused.stderr


def test_containers_share_volumes_and_end_one_by_one(node: Katib) -> None:
    mount = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    other = {"name": "other", "image": "i:1", "command": ["sh", "-c", "echo first > /shared/f; exit 3"], **mount}
    script = "until [ -s /shared/f ]; do sleep 0.05; done; cat /shared/f"
    create(node, a_pod("two", script, main=mount, others=[other], volumes=[{"name": "shared", "emptyDir": {}}]))
    pod = ended(node, "two")
    assert pod["status"]["phase"] == "Failed"
    assert [terminated(pod, number)["exitCode"] for number in (0, 1)] == [0, 3]
    assert [terminated(pod, number)["reason"] for number in (0, 1)] == ["Completed", "Error"]
    assert node.kubectl("logs", "two", "-c", "main").stdout == "first\n"


def test_init_containers_run_first_and_sidecars_beside(node: Katib) -> None:
    mount = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    inits = [
        {"name": "sidecar", "image": "i:1", "restartPolicy": "Always", "command": ["sleep", "1000"]},
        {"name": "init", "image": "i:1", "command": ["sh", "-c", "echo made > /shared/f"], **mount},
    ]
    create(
        node,
        a_pod("inits", "cat /shared/f", main=mount, initContainers=inits, volumes=[{"name": "shared", "emptyDir": {}}]),
    )
    assert printed(node, "inits", "-c", "main") == "made\n"
    assert ended(node, "inits")["status"]["phase"] == "Succeeded"


def test_a_pod_tells_how_far_its_init_containers_are(node: Katib, tmp_path: Path) -> None:
    gates = [tmp_path / name for name in ("first", "second")]
    inits = [
        {
            "name": f"init-{gate.name}",
            "image": "i:1",
            "command": ["sh", "-c", f"until [ -e {gate} ]; do sleep 0.1; done"],
        }
        for gate in gates
    ]
    create(node, a_pod("stepwise", "true", initContainers=inits))
    shown = lambda: node.kubectl("get", "pod", "stepwise", "--no-headers").stdout.split()[1:3]  # noqa: E731
    for number, gate in enumerate(gates):
        eventually(lambda number=number: shown() == ["0/1", f"Init:{number}/2"])
        status = node.get("pod", "stepwise")["status"]
        assert [entry["ready"] for entry in status["initContainerStatuses"]] == [number == 1, False]
        assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing"
        (told,) = (entry for entry in status["conditions"] if entry["type"] == "Initialized")
        left = " ".join(entry["name"] for entry in inits[number:])
        assert (told["status"], told["reason"]) == ("False", "ContainersNotInitialized")
        assert told["message"] == f"containers with incomplete status: [{left}]"
        gate.touch()
    assert ended(node, "stepwise")["status"]["phase"] == "Succeeded" and shown() == ["0/1", "Completed"]


def test_a_pod_whose_init_container_fails_says_so(node: Katib) -> None:
    inits = [{"name": "init", "image": "i:1", "command": ["sh", "-c", "exit 3"]}]
    create(node, a_pod("unprepared", "true", initContainers=inits))
    status = ended(node, "unprepared")["status"]
    shown = node.kubectl("get", "pod", "unprepared", "--no-headers").stdout.split()[1:3]
    assert (status["phase"], shown) == ("Failed", ["0/1", "Init:Error"])
    assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing"


@pytest.mark.parametrize(("command", "code"), [("exit 7", 7), ("kill -9 $$$$", 137)])
def test_exit_codes_and_signals(node: Katib, command: str, code: int) -> None:
    name = f"exit-{code}"
    create(node, a_pod(name, command))
    pod = ended(node, name)
    assert pod["status"]["phase"] == "Failed" and terminated(pod)["exitCode"] == code


def test_a_program_that_is_not_there_names_the_cure(node: Katib) -> None:
    create(node, a_pod("no-program", main={"command": ["no-such-program"]}))
    state = terminated(ended(node, "no-program"))
    assert state["reason"] == "StartError"
    assert "no-such-program" in state["message"] and "local.images of the KatibConfig" in state["message"]


def test_a_container_without_command_names_the_cure(node: Katib) -> None:
    create(node, a_pod("no-command", main={"command": None}))
    assert "entrypoint of image i:1 is not known" in terminated(ended(node, "no-command"))["message"]


def test_a_failed_container_is_restarted_as_its_policy_says(node: Katib) -> None:
    mount = {"volumeMounts": [{"name": "kept", "mountPath": "/kept"}]}
    script = "[ -e /kept/f ] && echo again && exit 0; touch /kept/f; echo once; exit 1"
    volumes = [{"name": "kept", "emptyDir": {}}]
    create(node, a_pod("restarted", script, main=mount, volumes=volumes, restartPolicy="OnFailure"))
    pod = ended(node, "restarted")
    assert pod["status"]["phase"] == "Succeeded"
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 1
    assert node.kubectl("logs", "restarted").stdout == "again\n"
    assert node.kubectl("logs", "restarted", "--previous").stdout == "once\n"


def test_a_container_starts_when_what_its_environment_lacks_is_there(node: Katib) -> None:
    main = {"env": [{"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "late-map", "key": "k"}}}]}
    create(node, a_pod("late", "echo $KEY", main=main, restartPolicy="OnFailure"))
    eventually(lambda: "late-map" in node.kubectl("describe", "pod", "late").stdout)
    node.kubectl("create", "configmap", "late-map", "--from-literal=k=there")
    assert printed(node, "late") == "there\n"


def test_logs_are_followed_and_cut(node: Katib) -> None:
    create(node, a_pod("talking", "for i in 1 2 3; do echo line $i; sleep 0.3; done; echo problem >&2"))
    followed = node.kubectl("logs", "-f", "talking", "--pod-running-timeout=30s")
    assert followed.stdout.splitlines() == ["line 1", "line 2", "line 3", "problem"]
    assert printed(node, "talking", "--tail=2").splitlines() == ["line 3", "problem"]
    stamped = printed(node, "talking", "--timestamps", "--tail=1").split()
    assert stamped[0].endswith("Z") and stamped[1] == "problem"
    assert printed(node, "talking", "--since=1h").splitlines()[0] == "line 1"


def test_deletion_asks_first_and_kills_then(node: Katib) -> None:
    script = "trap 'echo asked' TERM; echo ready; while true; do sleep 0.1; done"
    create(node, a_pod("stubborn", script, terminationGracePeriodSeconds=2))
    eventually(lambda: "ready" in node.kubectl("logs", "stubborn").stdout)
    with subprocess.Popen(node.kubectl_command("logs", "-f", "stubborn"), stdout=subprocess.PIPE, text=True) as logs:
        node.kubectl("delete", "pod", "stubborn")
        output, _ = logs.communicate(timeout=60)
    assert output.splitlines() == ["ready", "asked"]
    assert node.kubectl("get", "pod", "stubborn").returncode == 1


def test_a_pod_that_is_active_for_too_long_fails(node: Katib) -> None:
    create(node, a_pod("slow", "sleep 1000", activeDeadlineSeconds=1, terminationGracePeriodSeconds=1))
    pod = ended(node, "slow")
    assert (pod["status"]["phase"], pod["status"]["reason"]) == ("Failed", "DeadlineExceeded")


def test_jobs_retry_give_up_expire_and_count(node: Katib) -> None:
    create(
        node,
        a_job("failing", "exit 1", backoffLimit=0),
        a_job("late", "sleep 1000", activeDeadlineSeconds=1),
        a_job("short", "true", ttlSecondsAfterFinished=0),
        a_job("many", "true", completions=3, parallelism=3),
    )

    def condition(name: str) -> str:
        conditions = node.get("job", name)["status"].get("conditions") or []
        return next((entry["reason"] for entry in conditions if entry["type"] in ("Complete", "Failed")), "")

    assert eventually(lambda: condition("failing")) == "BackoffLimitExceeded"
    assert eventually(lambda: condition("late")) == "DeadlineExceeded"
    assert eventually(lambda: condition("many")) == "CompletionsReached"
    assert node.get("job", "many")["status"]["succeeded"] == 3
    eventually(lambda: node.kubectl("get", "job", "short").returncode == 1)


@pytest.mark.parametrize("patience", ["--force", "--grace-period=1"])
def test_a_pod_of_a_job_that_somebody_deletes_goes_and_has_failed(node: Katib, patience: str) -> None:
    """Its processes, too; and nothing is held when the Job goes."""
    create(node, a_job("bereft", "exec sleep 1000"))
    running = lambda: [  # noqa: E731
        pod["metadata"]["name"]
        for pod in node.get("pods", "-l", "job-name=bereft")["items"]
        if pod["status"]["phase"] == "Running"
    ]
    eventually(running)
    (first,) = running()
    assert node.kubectl("delete", "pod", first, patience).returncode == 0
    eventually(lambda: running() not in ([], [first]))
    assert node.get("job", "bereft")["status"]["failed"] == 1
    assert node.kubectl("delete", "job", "bereft", "--cascade=foreground").returncode == 0
    assert not node.get("pods", "-l", "job-name=bereft")["items"]


def test_a_deployment_is_available_and_comes_back(node: Katib) -> None:
    template = a_pod("serving", "sleep 1000", restartPolicy="Always", terminationGracePeriodSeconds=0)
    del template["apiVersion"], template["kind"], template["metadata"]["name"]
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "serving"}}, "template": template}
    create(node, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "serving"}, "spec": spec})
    waited = node.kubectl("rollout", "status", "deployment/serving", "--timeout=30s")
    assert waited.returncode == 0, waited.stderr
    (first,) = node.get("pods", "-l", "app=serving")["items"]
    node.kubectl("delete", "pod", first["metadata"]["name"])
    eventually(lambda: node.get("deployment", "serving")["status"].get("availableReplicas") == 1)
    history = node.kubectl("rollout", "history", "deployment/serving").stdout
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["1"], history
    node.kubectl("delete", "deployment", "serving")
    eventually(lambda: not node.get("pods", "-l", "app=serving")["items"])


def test_a_container_that_is_not_alive_is_restarted_and_events_say_why(node: Katib) -> None:
    check = {"command": ["sh", "-c", "[ -e /kept/asked ] || { touch /kept/asked; echo out of order; exit 1; }"]}
    main = {
        "volumeMounts": [{"name": "kept", "mountPath": "/kept"}],
        "ports": [{"name": "web", "containerPort": 8080}],
        "livenessProbe": {"exec": check, "failureThreshold": 1, "periodSeconds": 1},
        "readinessProbe": {"tcpSocket": {"port": "wbe"}},
    }
    volumes = [{"name": "kept", "emptyDir": {}}]
    create(node, a_pod("ailing", "exec sleep 1000", main=main, restartPolicy="Always", volumes=volumes))

    def restarted() -> bool:
        statuses = node.get("pod", "ailing")["status"].get("containerStatuses") or [{}]
        return statuses[0].get("restartCount") == 1 and "running" in statuses[0]["state"]

    eventually(restarted)
    described = lambda: node.kubectl("describe", "pod", "ailing").stdout  # noqa: E731
    eventually(lambda: "Liveness probe failed: out of order" in described())
    assert "Container main failed liveness probe, will be restarted" in described()
    assert "port 'wbe' is not in the ports of container main: name one of web, or use a number" in described()
    node.kubectl("delete", "pod", "ailing", "--grace-period=0")


@pytest.mark.parametrize(
    ("amounts", "words"), [({"memory": "900Ti"}, "Insufficient memory"), ({"nvidia.com/gpu": "64"}, "nvidia.com/gpu")]
)
def test_a_pod_that_does_not_fit_waits_and_says_why(node: Katib, amounts: Json, words: str) -> None:
    name = f"greedy-{len(amounts)}-{words[-3:].lower()}"
    create(node, a_pod(name, main={"resources": {"limits": amounts}}))
    described: Callable[[], str] = lambda: node.kubectl("describe", "pod", name).stdout  # noqa: E731
    eventually(lambda: "FailedScheduling" in described() and words in described())
    assert node.get("pod", name)["status"]["phase"] == "Pending"


def test_a_pod_runs_where_the_machine_is_as_it_asks(node: Katib) -> None:
    """Manifests that name the system and the processor, by the labels of today and of before."""
    held = node.get("node", "laptop")
    system, processor = (held["status"]["nodeInfo"][field] for field in ("operatingSystem", "architecture"))
    assert (system, processor in ("amd64", "arm64")) == ("linux", True)
    wanted = {
        f"{place}kubernetes.io/{key}": word
        for place in ("", "beta.")
        for key, word in (("os", system), ("arch", processor))
    }
    create(node, a_pod("choosy", "true", nodeSelector=wanted))
    ended(node, "choosy")


def test_a_process_of_a_pod_sees_the_others_when_the_pod_says_so(node: Katib) -> None:
    """What Katib's collector needs: the training's process is visible to it."""
    other = {"name": "other", "image": "i:1", "command": ["sleep", "86.25"]}
    find = "until found=$(grep -lz '^86.25$' /proc/[0-9]*/cmdline 2>/dev/null); do sleep 0.1; done"
    script = f"{find}; echo seen; kill $(echo $found | cut -d/ -f3)"
    create(node, a_pod("sharing", script, others=[other], shareProcessNamespace=True))
    assert "seen" in printed(node, "sharing", "-c", "main")


def test_rewritten_paths_are_told_of(node: Katib) -> None:
    mount = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    create(node, a_pod("told", "touch /shared/f", main=mount, volumes=[{"name": "shared", "emptyDir": {}}]))
    ended(node, "told")
    version = node.get("node", "laptop")["status"]["nodeInfo"]["containerRuntimeVersion"]
    rewrites = version.endswith("rewrite")
    events = "PathsRewritten" if rewrites else "Started"
    eventually(lambda: events in node.kubectl("describe", "pod", "told").stdout)
    assert ("PathsRewritten" in node.kubectl("describe", "pod", "told").stdout) is rewrites


def test_images_stand_for_environments_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> None:
    """`local.images` of the KatibConfig: a Python environment, a command, a directory as root file system."""
    folder = tmp_path_factory.mktemp("images")
    python = folder / "venv" / "bin"
    python.mkdir(parents=True)
    (python / "train").write_text("#!/bin/sh\necho from the environment\n")
    (python / "train").chmod(0o755)
    root = folder / "root"
    for library in [Path("/bin/sh").resolve(), *_libraries("/bin/sh")]:
        place = root / str(library).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, place)
    (root / "only-here").write_text("from the root\n")
    images = [
        {"image": "me/env", "python": str(folder / "venv")},
        {"image": "me/tool", "command": ["echo", "from the command"]},
        {"image": "me/root", "root": str(root)},
    ]
    katib = Katib(folder / "state")
    katib.state.mkdir()
    shipped = (ROOT / "pkg/local/katib_local/katib_config.yaml").read_text()
    (katib.state / "katib-config.yaml").write_text(f"{shipped}\nlocal:\n  images: {json.dumps(images)}\n")
    katib.good("up", "--isolation=mount")
    read = 'while read -r line; do echo "$line"; done < /only-here'
    create(
        katib,
        a_pod("env", main={"image": "me/env:1", "command": ["train"]}),
        a_pod("tool", main={"image": "me/tool:1", "command": None, "args": ["and args"]}),
        a_pod("root", main={"image": "me/root:1", "command": [str(Path("/bin/sh").resolve()), "-c", read]}),
    )
    printed_lines = [printed(katib, name) for name in ("env", "tool", "root")]
    katib("down")
    assert printed_lines == ["from the environment\n", "from the command and args\n", "from the root\n"]


def _libraries(program: str) -> list[Path]:
    """The shared libraries that a program loads."""
    words = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.split()
    return [Path(word) for word in words if word.startswith("/")]
