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

TRIALS = 4
WRITES = 140
"""A little less than what a run of that many trials writes, from an empty state directory to its end."""
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
VICTIMS = (*((name,) for name in PROGRAMS), (RUN,), (UP,))
ROUND = len(VICTIMS) + 1
"""How many moments have every program once, and two of them at once."""
CREATION = range(26, 33)
"""The writes around the creation of the Experiment, when most is undecided: they have more than their share of kills."""


@dataclass(frozen=True)
class Moment:
    """Who is killed, and after how many writes."""

    victims: tuple[str, ...]
    writes: int

    def __str__(self) -> str:
        return f"{' and '.join(self.victims)} after {self.writes} writes"


def moments(count: int, seed: int) -> list[Moment]:
    """The first `count` moments of a seed; every program has its turn, then two at once have theirs."""
    dice = random.Random(seed)
    writes = [*range(WRITES), *CREATION, *CREATION, *CREATION, *CREATION]
    turns = (number % ROUND for number in range(count))
    return [
        Moment(VICTIMS[turn] if turn < len(VICTIMS) else tuple(dice.sample(sorted(PROGRAMS), 2)), dice.choice(writes))
        for turn in turns
    ]


@dataclass(frozen=True)
class Campaign:
    """One experiment on one state directory, which is killed once and goes on."""

    katib: Katib
    file: Path
    moment: Moment

    def prepare(self) -> None:
        """Write the experiment; a laptop that is to be killed in the background is up."""
        self.file.write_text(an_experiment_file("killed", "echo score=${trialParameters.x}"))
        if self.moment.victims == (UP,):
            self.katib.good("up")

    def kill(self) -> subprocess.CompletedProcess[str]:
        """Run the experiment, kill the victims at their moment; what the user sees is returned."""
        running = self.katib.start("run", str(self.file))
        eventually(lambda: running.poll() is not None or count_writes(self.katib) >= self.moment.writes)
        for process in [self._process(victim, running) for victim in self.moment.victims]:
            if process:
                os.kill(process, signal.SIGKILL)
        output, errors = running.communicate(timeout=120)
        return subprocess.CompletedProcess(running.args, running.returncode, output, errors)

    def _process(self, victim: str, running: subprocess.Popen[str]) -> int | None:
        """The process that is killed; None when it has ended already, as the experiment has."""
        if victim == RUN:
            return running.pid if running.poll() is None else None
        return find_process(self.katib, PROGRAMS.get(victim, b"katib_local.daemon"))

    def trials(self) -> set[str]:
        """The names of all Trials that there are, also of those that have nothing to show."""
        database = sqlite3.connect(self.katib.state / "apiserver" / "objects.sqlite")
        found = database.execute("SELECT name FROM objects WHERE resource = 'trials.kubeflow.org'").fetchall()
        database.close()
        return {name for (name,) in found}

    def rows(self) -> dict[str, list[str]]:
        """The observations by trial."""
        found: dict[str, list[str]] = {}
        database = sqlite3.connect(self.katib.state / "observations.sqlite")
        for trial, value in database.execute("SELECT trial_name, value FROM observation_logs"):
            found.setdefault(trial, []).append(value)
        database.close()
        return found


def shown(done: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    """What each trial has reported, by the table at the end of `katib run`: its score, which is its parameter."""
    _, *rows = (line.split() for line in done.stdout.splitlines())
    assert all(score == parameter for _, score, parameter, _ in rows)
    return {trial: [score] for trial, score, *_ in rows}


def find_process(katib: Katib, module: bytes) -> int | None:
    """The process of a laptop that runs a module."""
    return next((process for process in katib.processes() if _module(process) == module), None)


def count_writes(katib: Katib) -> int:
    """How many writes the API server has seen; 0 when it does not answer."""
    try:
        url = yaml.safe_load((katib.state / "kubeconfig").read_text())["clusters"][0]["cluster"]["server"]
        return int(_get(url, katib.state / "credentials")["metadata"]["resourceVersion"])
    except (OSError, ValueError, http.client.HTTPException):
        return 0


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
