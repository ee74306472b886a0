"""Import time of each package beside a bare interpreter, pydantic and stock models, in turn, so that drift hits all alike."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import stock

MODULES = [
    "pydantic",
    stock.MODULE,
    "katib_machinery.model",
    "katib_apis.v1beta1.names",
    "katib_apis.v1beta1.enums",
    "katib_apis.v1beta1.api_pb2",
    "katib_apis.v1beta1.models",
    "katib_client.v1beta1",
    "katib_domain.search_space",
    "katib_controller.__main__",
    "katib_webhook.server",
    "katib_db.__main__",
    "katib_suggestion.__main__",
    "katib_metricscollector.__main__",
    "katib_local.__main__",
    "katib_local.apiserver",
    "katib_local.node",
]


def seconds(code: str, folder: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    codes = {"(nothing)": "pass", **{module: f"import {module}" for module in MODULES}}
    times: dict[str, list[float]] = {name: [] for name in codes}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(stock.command(Path(folder)), check=True, capture_output=True)
        for run in range(rounds + 1):
            for name, code in codes.items():
                spent = seconds(code, folder)
                # The first run compiles.
                times[name] += [spent] if run else []
    bare = statistics.median(times["(nothing)"])
    own = {name: statistics.median(values) - bare for name, values in times.items()}
    for name, spent in own.items():
        ratios = f"{spent / own['pydantic']:5.2f} x pydantic  {spent / own[stock.MODULE]:5.2f} x stock models"
        print(f"{name:34} {spent * 1000:7.0f} ms  {ratios}")


if __name__ == "__main__":
    main()
