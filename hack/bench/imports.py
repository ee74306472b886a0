"""Import time of each package beside a bare interpreter and beside pydantic, in turn, so that drift hits all alike."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

MODULES = [
    "pydantic",
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


def seconds(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    codes = {"(nothing)": "pass", **{module: f"import {module}" for module in MODULES}}
    times: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(rounds):
        for name, code in codes.items():
            times[name].append(seconds(code))
    bare = statistics.median(times["(nothing)"])
    pydantic = statistics.median(times["pydantic"]) - bare
    for name, values in times.items():
        own = statistics.median(values) - bare
        print(f"{name:34} {own * 1000:7.0f} ms  {own / pydantic:5.2f} x pydantic")


if __name__ == "__main__":
    main()
