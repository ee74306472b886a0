"""Do seeded searches of algorithms with a model repeat bit for bit? A digest of 30 trials each, one BLAS thread.

python hack/bench/seeds.py [FILE]      (nox -s seeds runs it with each Python)

With FILE, what an earlier run of the same code wrote there is compared, and the status is 1 where it differs; a new file is
written. Numbers of a model may differ on another kind of processor and with other releases of numpy and scipy, so they stand
in no golden file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import sys
from pathlib import Path

# Must be said before numpy is loaded.
os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import katib_suggestion
from katib_suggestion.study import Study, categorical, double, integer

WITH_MODEL = ("tpe", "multivariate-tpe", "cmaes", "bayesianoptimization")
TRIALS = 30
SPACE = {
    "rate": double(1e-4, 1e-1, distribution="logUniform"),
    "share": double(0.0, 1.0),
    "layers": integer(1, 9),
    "optimizer": categorical("sgd", "adam", "rmsprop"),
}


def digest_of(algorithm: str) -> str:
    """A search of a loss made of sums and products alone, which every Python computes alike."""
    study, told = Study(SPACE, algorithm=algorithm, seed=7, max_trial_count=TRIALS), hashlib.sha256()
    for _ in range(TRIALS):
        trial = study.ask()
        rate, share, layers, optimizer = trial.parameters.values()
        told.update(repr((rate, share, layers, optimizer)).encode())
        off = rate * 100 - 1 if optimizer == "adam" else rate * 50 - 1
        study.tell(trial, off * off + (share - 0.3) * (share - 0.3) + math.fabs(layers - 4) / 8)
    return told.hexdigest()[:16]


def code() -> str:
    """What the sources are known by: other code may give other trials."""
    sources = hashlib.sha256()
    for path in sorted(Path(katib_suggestion.__path__[0]).rglob("*.py")):
        sources.update(path.read_bytes())
    return sources.hexdigest()[:12]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, help="digests to compare with")
    file = parser.parse_args().file
    found = {name: digest_of(name) for name in WITH_MODEL}
    earlier = json.loads(file.read_text()) if file and file.exists() else {}
    known = earlier.get("digests", {}) if earlier.get("code") == code() else {}
    for name, digest in found.items():
        word = "" if name not in known else "  as before" if known[name] == digest else "  NOT AS BEFORE"
        print(f"Python {platform.python_version():8} {name:22} {digest}{word}", flush=True)
    if file and not known:
        file.write_text(json.dumps({"code": code(), "python": platform.python_version(), "digests": found}) + "\n")
    return 1 if any(known.get(name, digest) != digest for name, digest in found.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
