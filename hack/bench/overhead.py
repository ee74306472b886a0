"""Time per no-op trial beside a bare loop of the same subprocesses at the same parallelism, in one run."""

from __future__ import annotations

import argparse
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from laptop import katib, render_experiment, temporary_state

COMMAND = "echo score={}"
VALUE = "${trialParameters.x}"


def bare_loop(trials: int, parallel: int) -> float:
    """Seconds that the processes alone take."""
    started = time.perf_counter()
    with ThreadPoolExecutor(parallel) as pool:
        list(
            pool.map(
                lambda _: subprocess.run(["sh", "-c", COMMAND.format(1)], capture_output=True, check=True),
                range(trials),
            )
        )
    return time.perf_counter() - started


def experiment(trials: int, parallel: int) -> float:
    """Seconds of one experiment on a laptop that is up."""
    with temporary_state() as state:
        katib(state, "up")
        warm, file = state.parent / "warm.yaml", state.parent / "noop.yaml"
        warm.write_text(render_experiment("warm", COMMAND.format(VALUE), trials=1, parallel=1))
        katib(state, "run", str(warm))
        file.write_text(render_experiment("noop", COMMAND.format(VALUE), trials=trials, parallel=parallel))
        started = time.perf_counter()
        katib(state, "run", str(file))
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--parallel", type=int, default=4)
    options = parser.parse_args()
    bare, ours = bare_loop(options.trials, options.parallel), experiment(options.trials, options.parallel)
    each = (ours - bare) / options.trials
    print(f"{options.trials} no-op trials, {options.parallel} at a time: bare loop {bare:.2f} s, katib {ours:.2f} s")
    print(f"overhead {each * 1000:.0f} ms per trial; ratio {ours / bare:.0f}")


if __name__ == "__main__":
    main()
