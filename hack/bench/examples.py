"""Every example of `examples/v1beta1`, run on this laptop one after the other: how long each took, and its best trial.

python hack/bench/examples.py [FILE...]      (nox -s examples)

Times are printed, not judged: on a quiet machine each example ends within two minutes. The status is 1 when one fails.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples/v1beta1"
LONG = 120
WIDTH = 60


def run(example: Path) -> bool:
    """Run one on a laptop of its own, and print what it found; did it succeed?"""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="katib-example-") as folder:
        command = [str(Path(sys.executable).with_name("katib")), "run", f"--state-dir={folder}/state", str(example)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    late = "  (more than two minutes: is the machine busy?)" if seconds > LONG else ""
    print(f"{example.relative_to(EXAMPLES)!s:40} {seconds:6.1f} s  {best(done)}{late}", flush=True)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
    return done.returncode == 0


def best(done: subprocess.CompletedProcess[str]) -> str:
    """The head and the first row of what `katib run` prints, in one line."""
    lines = done.stdout.splitlines()
    if done.returncode or len(lines) < 2:
        return f"FAILED with status {done.returncode}"
    metric, value = (line.split(maxsplit=2)[1] for line in lines[:2])
    return f"{metric.lower()} {value}"[:WIDTH]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="which ones; default: all")
    chosen = [path.resolve() for path in parser.parse_args().files] or sorted(EXAMPLES.glob("*/*.yaml"))
    good = [run(example) for example in chosen]
    print(f"{sum(good)} of {len(good)} examples succeeded")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
