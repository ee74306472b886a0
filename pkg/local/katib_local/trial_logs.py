"""What trials have printed: it outlives their pods, and the laptop.

Knows the state directory. Must not know how the laptop is made.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from katib_apis.v1beta1 import names
from katib_local.caller import Caller
from katib_local.documents import InputError
from katib_local.kubectl import kubectl, kubectl_command
from katib_local.node.kept_logs import KeptLog, find_kept_logs
from katib_local.node.log_lines import render_line, select_lines
from katib_local.state import StateDirectory

SELECTOR = names.LABEL_TRIAL + "={}"
QUOTED = 3
STDOUT = b"stdout"
"""The stream on which a collector repeats what it collects; what it has to say itself goes to the other one."""
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


def print_logs(state: StateDirectory, rest: Sequence[str], caller: Caller) -> int:
    """`katib logs TRIAL` while Katib runs: what a trial has printed, also when its pod is gone; anything else is kubectl's."""
    words = parse_logs(rest)
    if words is None:
        return kubectl(state, ["logs", *rest])
    pods = find_pods(state, words.trial, words.namespace)
    if not pods and words.namespace and (elsewhere := find_pods(state, words.trial, "")):
        raise _elsewhere(words, elsewhere[0]["metadata"]["namespace"])
    if not pods:
        return print_kept(state, words, pods, caller)
    others = [word for word in rest if word != words.trial]
    container = f"--container={names.CONTAINER_LOG_COLLECTOR}"
    namespace = f"--namespace={pods[0]['metadata']['namespace']}"
    return kubectl(
        state, ["logs", f"--selector={SELECTOR.format(words.trial)}", container, "--tail=-1", *others, namespace]
    )


def print_kept(state: StateDirectory, words: LogWords, pods: Sequence[Mapping[str, Any]], caller: Caller) -> int:
    """Print what is in the files of a trial; `pods` are those of its pods that are not gone. Raises InputError."""
    found = find_log(state, words.trial, pods)
    if found is None:
        trials = caller.command("get", "trials", "-A")
        where = f"in the namespace {words.namespace}" if words.namespace else "here"
        raise InputError(f"no pod of a trial {words.trial!r} is known {where}: {trials} lists the trials")
    if words.namespace not in ("", found.namespace):
        raise _elsewhere(words, found.namespace)
    for line in select_lines(trial_lines(found), {"tailLines": words.tail}):
        sys.stdout.buffer.write(render_line(line, words.timestamps))
    sys.stdout.buffer.flush()
    return 0


def _elsewhere(words: LogWords, namespace: str) -> InputError:
    return InputError(f"trial {words.trial} is in the namespace {namespace}, not in {words.namespace}: -n {namespace}")


def find_log(state: StateDirectory, trial: str, pods: Sequence[Mapping[str, Any]]) -> KeptLog | None:
    """The files of a trial's pod: of the latest that is not gone, else of the latest that is kept."""
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True):
        metadata = pod["metadata"]
        folder = state.pods / "pods" / metadata["uid"] / "logs"
        if folder.is_dir():
            return KeptLog(metadata["namespace"], metadata["name"], folder)
    return next(find_kept_logs(state.kept_logs, names.LABEL_TRIAL, trial), None)


def last_words(state: StateDirectory, trial: str, pods: Sequence[Mapping[str, Any]]) -> list[str]:
    """The last lines that a trial has printed, as far as they are kept; its collector's own words are none of them."""
    found = find_log(state, trial, pods)
    lines = (
        own_lines(found) or [line for line in _collected(found) if line.split(b" ", 2)[1] == STDOUT] if found else []
    )
    texts = [render_line(line, False).decode(errors="replace").rstrip() for line in lines]
    return [text for text in texts if text][-QUOTED:]


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
    return own_lines(kept) or _collected(kept)


def own_lines(kept: KeptLog) -> list[bytes]:
    """The lines of all containers but the collector."""
    others = (container for container in kept.containers() if container != names.CONTAINER_LOG_COLLECTOR)
    return [line for container in others for line in kept.lines(container)]


def _collected(kept: KeptLog) -> list[bytes]:
    return kept.lines(names.CONTAINER_LOG_COLLECTOR)


def find_pods(state: StateDirectory, trial: str, namespace: str) -> list[Mapping[str, Any]]:
    """The pods of a trial that are not gone: in the named namespace, else in any."""
    scope = f"--namespace={namespace}" if namespace else "--all-namespaces"
    query = ["get", "pods", "--output=json", f"--selector={SELECTOR.format(trial)}", scope]
    found = subprocess.run(kubectl_command(state, query), capture_output=True, text=True)  # noqa: S603
    try:
        return list(json.loads(found.stdout)["items"])
    except (ValueError, KeyError):
        return []
