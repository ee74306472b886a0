"""Kills of one program of a laptop at a random moment, and what must hold afterwards.

A moment is a number of writes to the API server since the start: so it means the same on every machine. `--moments` says
how many there are, `--seed` which ones.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import sqlite3
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from builders import an_experiment_file
from laptops import Katib, eventually

TRIALS = 6
WRITES = 260
"""About what a run of that many trials writes, from an empty state directory to its end."""
PROGRAMS = {
    "apiserver": b"katib_local.apiserver",
    "controller": b"katib_controller",
    "node": b"katib_local.agent",
    "db-manager": b"katib_db",
    "suggestion": b"katib_suggestion",
    "early-stopping": b"katib_suggestion.early_stopping",
}
"""The modules of the programs that `katib run` and `katib up` start."""
RUN, UP = "katib run", "katib up"
VICTIMS = (*PROGRAMS, RUN, UP)


@dataclass(frozen=True)
class Moment:
    """Who is killed, and after how many writes."""

    victim: str
    writes: int

    def __str__(self) -> str:
        return f"{self.victim} after {self.writes} writes"


def moments(count: int, seed: int) -> list[Moment]:
    """The first `count` moments of a seed; every program has its turn."""
    dice = random.Random(seed)
    return [Moment(VICTIMS[number % len(VICTIMS)], dice.randrange(WRITES)) for number in range(count)]


@dataclass(frozen=True)
class Campaign:
    """One experiment on one state directory, which is killed once and goes on."""

    katib: Katib
    file: Path
    moment: Moment

    def prepare(self) -> None:
        """Write the experiment; a laptop that is to be killed in the background is up."""
        count = ("maxTrialCount: 4", f"maxTrialCount: {TRIALS}")
        self.file.write_text(an_experiment_file("killed", "echo score=${trialParameters.x}", count))
        if self.moment.victim == UP:
            self.katib.good("up")

    def kill(self) -> subprocess.CompletedProcess[str]:
        """Run the experiment, kill the victim at its moment; what the user sees is returned."""
        running = self.katib.start("run", str(self.file))
        eventually(lambda: running.poll() is not None or self._writes() >= self.moment.writes)
        victim = self._victim(running)
        if victim:
            os.kill(victim, signal.SIGKILL)
        output, errors = running.communicate(timeout=120)
        return subprocess.CompletedProcess(running.args, running.returncode, output, errors)

    def _victim(self, running: subprocess.Popen[str]) -> int | None:
        """The process that is killed; None when it has ended already, as the experiment has."""
        if self.moment.victim == RUN:
            return running.pid if running.poll() is None else None
        module = PROGRAMS.get(self.moment.victim, b"katib_local.daemon")
        found = [number for number in self.katib.processes() if _module(number) == module]
        return found[0] if found else None

    def _writes(self) -> int:
        """How many writes the API server has seen; 0 when it does not answer."""
        try:
            url = yaml.safe_load((self.katib.state / "kubeconfig").read_text())["clusters"][0]["cluster"]["server"]
            return int(_get(url, self.katib.state / "credentials")["metadata"]["resourceVersion"])
        except (OSError, ValueError, http.client.HTTPException):
            return 0

    def rows(self) -> dict[str, list[str]]:
        """The observations by trial."""
        found: dict[str, list[str]] = {}
        database = sqlite3.connect(self.katib.state / "observations.sqlite")
        for trial, value in database.execute("SELECT trial_name, value FROM observation_logs"):
            found.setdefault(trial, []).append(value)
        database.close()
        return found

    def assigned(self) -> dict[str, list[str]]:
        """What each trial was to report."""
        trials = json.loads(self.katib.good("get", "trials", "-o", "json"))["items"]
        return {
            trial["metadata"]["name"]: [trial["spec"]["parameterAssignments"][0]["value"]]
            for trial in trials
            if any(one["type"] == "Succeeded" and one["status"] == "True" for one in trial["status"]["conditions"])
        }


def _module(process: int) -> bytes:
    """What a Python process runs with -m."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return b""
    return words[words.index(b"-m") + 1] if b"-m" in words else b""


def _get(url: str, credentials: Path) -> dict[str, Any]:
    """The namespaces, as the administrator sees them."""
    context = ssl.create_default_context(cafile=credentials / "ca.crt")
    context.load_cert_chain(credentials / "admin" / "tls.crt", credentials / "admin" / "tls.key")
    address = urlsplit(url)
    connection = http.client.HTTPSConnection(address.hostname or "", address.port, context=context, timeout=5)
    try:
        connection.request("GET", "/api/v1/namespaces")
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()
