"""Seconds from `katib run` to the first trial process: alone (cold and warm state), and while `katib up` runs."""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from laptop import katib, render_experiment, temporary_state


def first_process(state: Path, folder: Path, name: str) -> float:
    """Run one experiment of one trial and return when its process started, in seconds after `katib run`."""
    stamp, file = folder / f"{name}.stamp", folder / f"{name}.yaml"
    command = f"date +%s.%N > {stamp}; echo score=${{trialParameters.x}}"
    file.write_text(render_experiment(name, command, trials=1, parallel=1))
    started = time.time()
    katib(state, "run", str(file))
    return float(stamp.read_text()) - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="measured runs of each kind")
    runs = parser.parse_args().runs
    with temporary_state() as state:
        folder = state.parent
        cold = first_process(state, folder, "cold")
        alone = [first_process(state, folder, f"alone-{index}") for index in range(runs)]
        katib(state, "up")
        joined = [first_process(state, folder, f"joined-{index}") for index in range(runs)]
    print(f"first start on a new state directory   {cold:6.2f} s")
    for label, values in (("katib run, alone", alone), ("katib run, while katib up runs", joined)):
        print(f"{label:38} {statistics.median(values):6.2f} s  ({min(values):.2f} to {max(values):.2f}, {runs} runs)")


if __name__ == "__main__":
    main()
