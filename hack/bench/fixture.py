"""Seconds until the API server of `katib_local.testing` answers, in a process that has loaded it."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from katib_local.testing import running_api_server


def seconds(folder: Path) -> float:
    started = time.perf_counter()
    with running_api_server(folder):
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        values = [seconds(Path(folder, str(run))) for run in range(runs)]
    print(
        f"first start {values[0]:.3f} s, then {statistics.median(values):.3f} s ({min(values):.3f} to {max(values):.3f})"
    )


if __name__ == "__main__":
    main()
