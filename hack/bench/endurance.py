"""Many no-op trials on one laptop: memory of its programs and size of its disk as they go, and after they are deleted.

`--check` ends with an error where something grows that must not: `nox -s stress` asks for it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from laptop import KATIB, katib, render_experiment, temporary_state

SERVER = "katib_local.apiserver"
STEPS = 10
SLACK = 1.3
"""How much more than an even share a step may take: the machine has other work, and pages are whole."""
WARM = 200
"""Trials after which what the API server holds is full: its latest changes and objects, and a connection of each caller."""
GROWTH = 8.0
"""KiB for each trial that its memory may still grow by. A trial leaves a name in the index of what belongs to it, and a row
in the one Suggestion, of which some copies are in memory while it is written: 3 KiB together. The rest is that a tenth of
the trials moves what is resident by a MiB this way or that. A server that keeps one more object of each trial is above it.
"""


@dataclass(frozen=True)
class Sample:
    """What stands after a number of trials."""

    trials: int
    memory: Mapping[str, float]
    objects: float
    observations: float


def programs(state: Path) -> dict[str, int]:
    """The processes of the laptop that runs on this state directory, by their modules: those beside its API server."""
    daemon = parent(server_process(state))
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            arguments = (folder / "cmdline").read_bytes().decode().split("\0")
            if "-m" in arguments and parent(int(folder.name)) == daemon:
                found[arguments[arguments.index("-m") + 1]] = int(folder.name)
    return dict(sorted(found.items()))


def parent(process: int) -> int:
    return int(status(process, "PPid"))


def status(process: int, name: str) -> str:
    """One field of a process's status, without its unit."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))


def server_process(state: Path) -> int:
    """The process of the API server that serves this state directory."""
    wanted = f"--state-dir={state / 'apiserver'}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "cmdline").read_bytes().split(b"\0"):
                return int(folder.name)
        except OSError:
            continue
    raise SystemExit(f"no API server runs on {state}")


def mebibytes(file: Path) -> float:
    """A database; the log ahead of it stays below 4 MiB and is left out."""
    return file.stat().st_size / 2**20 if file.exists() else 0.0


def sample(state: Path, trials: int) -> Sample:
    memory = {name: int(status(process, "VmRSS")) / 1024 for name, process in programs(state).items()}
    objects, observations = state / "apiserver" / "objects.sqlite", state / "observations.sqlite"
    found = Sample(trials, memory, mebibytes(objects), mebibytes(observations))
    others = ", ".join(f"{name.removeprefix('katib_')} {size:.1f}" for name, size in memory.items() if name != SERVER)
    print(
        f"{found.trials:6} trials: memory of the API server {memory[SERVER]:6.1f} MiB, "
        f"objects {found.objects:6.2f} MiB, observations {found.observations:6.2f} MiB; {others}",
        flush=True,
    )
    return found


def succeeded(state: Path) -> int:
    answer = json.loads(katib(state, "get", "experiments", "-o", "json").stdout)["items"]
    return sum(one.get("status", {}).get("trialsSucceeded", 0) for one in answer)


def run(state: Path, trials: int, parallel: int) -> list[Sample]:
    """One experiment, looked at after each tenth of its trials."""
    file = state.parent / "endurance.yaml"
    file.write_text(render_experiment("endurance", "echo score=${trialParameters.x}", trials=trials, parallel=parallel))
    samples = [sample(state, 0)]
    with subprocess.Popen([*KATIB, "run", f"--state-dir={state}", str(file)], stdout=subprocess.DEVNULL) as running:
        while running.poll() is None:
            time.sleep(0.5)
            done = succeeded(state)
            if done >= samples[-1].trials + trials / STEPS:
                samples.append(sample(state, done))
    return samples


def delete(state: Path) -> Sample:
    """The experiment with all that is its, and the events about them, which are nobody's and would stay."""
    katib(state, "delete", "experiment", "endurance")
    while json.loads(katib(state, "get", "trials,jobs,pods", "-o", "json").stdout)["items"]:
        time.sleep(0.5)
    katib(state, "delete", "--raw", "/api/v1/namespaces/default/events")
    print("after the experiment and its events are deleted:")
    return sample(state, 0)


def growth(samples: Sequence[Sample], program: str) -> float:
    """KiB of a program's memory for each trial after the warm-up: the slope of the line through all samples."""
    warm = [one for one in samples if one.trials >= WARM]
    if len(warm) < 3:
        return 0.0  # too few say nothing
    slope, _ = statistics.linear_regression([one.trials for one in warm], [one.memory[program] for one in warm])
    return slope * 1024


def objections(samples: Sequence[Sample], after: Sample) -> list[str]:
    """What grows that must not: memory, disk by more than the trials, or what is deleted still has its room."""
    first, middle, last = samples[1], samples[len(samples) // 2], samples[-1]
    found = []
    if (slope := growth(samples, SERVER)) > GROWTH:
        found.append(f"memory of the API server grows by {slope:.1f} KiB for each trial, not by {GROWTH:.0f} at most")
    for what in ("objects", "observations"):
        early = (getattr(middle, what) - getattr(first, what)) / max(1, middle.trials - first.trials)
        late = (getattr(last, what) - getattr(middle, what)) / max(1, last.trials - middle.trials)
        if late > SLACK * early:
            found.append(
                f"{what} grows faster than the trials: {early * 1024:.1f}, then {late * 1024:.1f} KiB for each"
            )
    for what in ("objects", "observations"):
        kept, full = getattr(after, what), getattr(last, what)
        if kept > full / 2:
            found.append(f"the disk keeps {kept:.2f} of {full:.2f} MiB of {what} for trials that are deleted")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--parallel", type=int, default=8)
    parser.add_argument("--check", action="store_true", help="end with an error where something grows that must not")
    options = parser.parse_args()
    with temporary_state() as state:
        katib(state, "up")
        samples = run(state, options.trials, options.parallel)
        found = objections(samples, delete(state))
    for program in samples[-1].memory:
        print(f"after {WARM} trials {program} grew by {growth(samples, program):.1f} KiB for each")
    print("\n".join(found) or "nothing grows that must not, and the disk has its room back")
    if found and options.check:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
