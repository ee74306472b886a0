"""Deep copy and decoding beside stock Pydantic models, in turn, with the collector set as the controller sets it."""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import stock
import yaml

from katib_apis.v1beta1.models import Experiment, Suggestion, Trial

EXAMPLE = Path(__file__).parents[2] / "examples/v1beta1/hp-tuning/random.yaml"
TIME = "2026-01-31T12:00:00Z"


def stock_models() -> Any:
    """The stock alternative's module. Its models drop unknown fields, which ours keep."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(stock.command(Path(folder)), check=True, capture_output=True)
        sys.path.insert(0, folder)
        return importlib.import_module(stock.MODULE)


def an_experiment() -> Experiment:
    """The shipped example, some way on: with metadata, conditions and an optimum."""
    raw = next(document for document in yaml.safe_load_all(EXAMPLE.read_text()) if document["kind"] == "Experiment")
    raw["metadata"] |= {"uid": "u", "resourceVersion": "7", "creationTimestamp": TIME, "finalizers": ["f"]}
    raw["status"] = {
        "startTime": TIME,
        "trials": 12,
        "trialsSucceeded": 9,
        "succeededTrialList": [f"random-{number:08}" for number in range(9)],
        "conditions": [a_condition("Created"), a_condition("Running")],
        "currentOptimalTrial": {
            "bestTrialName": "random-00000003",
            "parameterAssignments": assignments(),
            "observation": {"metrics": [{"name": "accuracy", "min": "0.1", "max": "0.9", "latest": "0.9"}]},
        },
    }
    return Experiment.from_dict(raw)


def a_condition(kind: str) -> dict[str, str]:
    times = {"lastUpdateTime": TIME, "lastTransitionTime": TIME}
    return {"type": kind, "status": "True", "reason": kind, "message": "it is", **times}


def assignments() -> list[dict[str, str]]:
    return [{"name": name, "value": "0.123"} for name in ("lr", "momentum", "width", "activation")]


def a_suggestion(number: int = 1000) -> Suggestion:
    entries = [{"name": f"random-{index:08}", "parameterAssignments": assignments()} for index in range(number)]
    status = {"suggestionCount": number, "suggestions": entries, "conditions": [a_condition("Running")]}
    return Suggestion.from_dict({"metadata": {"name": "random"}, "spec": {"requests": number}, "status": status})


def trials(number: int) -> bytes:
    """A list of Trials as an API server answers it."""
    items = [
        {
            "metadata": {
                "name": f"random-{index:08}",
                "namespace": "default",
                "uid": str(index),
                "creationTimestamp": TIME,
            },
            "spec": {
                "parameterAssignments": assignments(),
                "runSpec": {"apiVersion": "batch/v1", "kind": "Job", "spec": {}},
            },
            "status": {"startTime": TIME, "conditions": [a_condition("Created"), a_condition("Succeeded")]},
        }
        for index in range(number)
    ]
    return json.dumps({"items": items}).encode()


def compared(name: str, ways: dict[str, Callable[[], Any]], rounds: int) -> None:
    """Run all ways in turn, so that drift hits all alike; the first is the stock one."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, act in ways.items():
            started = time.perf_counter()
            act()
            times[way].append(time.perf_counter() - started)
    medians = {way: statistics.median(values) for way, values in times.items()}
    stock = next(iter(medians.values()))
    for way, median in medians.items():
        print(f"{name:32} {way:28} {median * 1000:9.3f} ms  {stock / median:5.2f} x as fast")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    gc.set_threshold(100_000, 50, 100)
    experiment, suggestion, listed = an_experiment(), a_suggestion(), trials(options.trials)
    models = stock_models()
    for name, obj, rounds in (
        ("copy of an Experiment", experiment, options.rounds * 5),
        ("copy of 1000 assignments", suggestion, options.rounds // 10),
    ):
        plain = getattr(models, f"V1beta1{type(obj).__name__}").model_validate(obj.to_dict())
        ways = {
            "stock model_copy(deep=True)": lambda plain=plain: plain.model_copy(deep=True),
            "our model_copy(deep=True)": lambda obj=obj: obj.model_copy(deep=True),
            "our deep_copy()": obj.deep_copy,
        }
        compared(name, ways, rounds)
    validate = models.V1beta1Trial.model_validate
    ways = {
        "orjson, stock model_validate": lambda: [validate(raw) for raw in orjson.loads(listed)["items"]],
        "orjson, our Trial.from_dict": lambda: [Trial.from_dict(raw) for raw in orjson.loads(listed)["items"]],
        "orjson alone": lambda: orjson.loads(listed),
        "json.loads alone": lambda: json.loads(listed),
    }
    compared(f"decode of {options.trials} Trials", ways, 5)


if __name__ == "__main__":
    main()
