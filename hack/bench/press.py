"""Seconds of `generate` and of `check`, each as a whole process."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

NOX = [str(Path(sys.executable).parent / "nox"), "--no-venv", "-s"]


def seconds(session: str) -> float:
    started = time.perf_counter()
    done = subprocess.run([*NOX, session], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"nox -s {session} has failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    for session in ("generate", "check"):
        seconds(session)
        values = [seconds(session) for _ in range(runs)]
        print(
            f"nox -s {session:9} {statistics.median(values):6.1f} s  ({min(values):.1f} to {max(values):.1f}, {runs} warm runs)"
        )


if __name__ == "__main__":
    main()
