"""Many no-op trials on one laptop: memory of its API server and size of its disk as they go, and after they are deleted.

`--check` ends with an error where something grows that must not: `nox -s stress` asks for it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from laptop import KATIB, katib, render_experiment, temporary_state

STEPS = 10
SLACK = 1.3
"""How much more than an even share a step may take: the machine has other work, and pages are whole."""


@dataclass(frozen=True)
class Sample:
    """What stands after a number of trials."""

    trials: int
    memory: float
    objects: float
    observations: float


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
    status = Path(f"/proc/{server_process(state)}/status").read_text().splitlines()
    memory = int(next(line.split()[1] for line in status if line.startswith("VmRSS:"))) / 1024
    objects, observations = state / "apiserver" / "objects.sqlite", state / "observations.sqlite"
    found = Sample(trials, memory, mebibytes(objects), mebibytes(observations))
    print(
        f"{found.trials:6} trials: memory of the API server {found.memory:6.1f} MiB, "
        f"objects {found.objects:6.2f} MiB, observations {found.observations:6.2f} MiB",
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


def objections(samples: list[Sample], after: Sample) -> list[str]:
    """What grows that must not: the second half takes more than the first, or what is deleted still has its room."""
    first, middle, last = samples[1], samples[len(samples) // 2], samples[-1]
    found = []
    for what in ("memory", "objects", "observations"):
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
    print("\n".join(found) or "nothing grows faster than the trials, and the disk has its room back")
    if found and options.check:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
