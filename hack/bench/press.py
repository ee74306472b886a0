"""The press beside datamodel-code-generator on its own, in turn, each as a whole process: seconds, and ratios in one run."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import stock

NOX = [str(Path(sys.executable).with_name("nox")), "--no-venv", "-s"]
OUR_MODELS = """
from pathlib import Path
from katib_codegen.load import load
from katib_codegen.model import bundle
from katib_codegen.render.models import render_models
render_models(bundle(load(Path.cwd())))
"""


def seconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, cwd=stock.ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} has failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        ways = {
            "datamodel-codegen: models": stock.command(Path(folder)),
            "the press: models": [sys.executable, "-c", OUR_MODELS],
            "nox -s generate: all products": [*NOX, "generate"],
            "nox -s check": [*NOX, "check"],
        }
        times: dict[str, list[float]] = {way: [] for way in ways}
        for run in range(runs + 1):
            for way, command in ways.items():
                spent = seconds(command)
                # The first run fills caches.
                times[way] += [spent] if run else []
    medians = {way: statistics.median(values) for way, values in times.items()}
    first, generate = medians["datamodel-codegen: models"], medians["nox -s generate: all products"]
    for way, values in times.items():
        span = f"{min(values):.1f} to {max(values):.1f}, {runs} warm runs"
        ratios = f"{medians[way] / first:5.2f} x datamodel-codegen  {medians[way] / generate:5.2f} x generate"
        print(f"{way:30} {medians[way]:6.1f} s  {ratios}  ({span})")


if __name__ == "__main__":
    main()
