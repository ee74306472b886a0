"""What users of ask and tell get wrong: each is refused in one line that names the field and the cure, and costs nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from katib_suggestion.remote import Remote
from katib_suggestion.study import (
    Asked,
    Local,
    Parameter,
    RefusedError,
    Study,
    categorical,
    discrete,
    double,
    integer,
)

X: dict[str, Parameter] = {"x": double(0, 1)}
LONE_SURROGATE = "\ud800"


def making(parameters: Any = X, **options: Any) -> Callable[[], Study]:
    return lambda: Study(parameters, **options)


def telling(value: Any = 1.0, trial: Callable[[Asked], Any] = lambda asked: asked, **flags: Any) -> Callable[[], None]:
    study = Study(X, seed=1)
    asked = study.ask()
    return lambda: study.tell(trial(asked), value, **flags)


def asking(count: Any) -> Callable[[], list[Asked]]:
    return lambda: Study(X).ask_many(count)


MISTAKES: dict[str, tuple[Callable[[], object], str]] = {
    "no parameters": (making({}), "parameters: there are none: name at least one"),
    "no mapping": (making(None), "parameters: None is no mapping of names to parameters: make it with double, integer"),
    "a name that is no text": (
        making({1: double(0, 1)}),
        "parameters[1]: 1 is no name: write a text that is not empty",
    ),
    "no name": (making({"": double(0, 1)}), "parameters['']: '' is no name: write a text that is not empty"),
    "no parameter": (making({"x": (0, 1)}), "parameters['x']: (0, 1) is no parameter: make it with double, integer"),
    "a distribution": (
        making({"x": double(0, 1, distribution="log")}),
        "parameters['x']: distribution 'log' is unknown: take one of uniform, logUniform, normal, logNormal",
    ),
    "no distribution": (
        making({"x": double(0, 1, distribution=["uniform"])}),  # type: ignore[arg-type]
        "parameters['x']: distribution ['uniform'] is unknown: take one of uniform,",
    ),
    "no bound": (
        making({"x": double(None, 1)}),  # type: ignore[arg-type]
        "spec.parameters[0].feasibleSpace.min of parameter 'x': 'None' must be a finite number",
    ),
    "bounds the wrong way": (
        making({"x": integer(5, 1)}),
        "spec.parameters[0].feasibleSpace.min of parameter 'x': '5' is greater than max, which is 1: swap them",
    ),
    "no step": (
        making({"x": integer(1, 5, step=0)}),
        "spec.parameters[0].feasibleSpace.step of parameter 'x': '0' must be greater than 0; leave it out for no step",
    ),
    "texts in order": (
        lambda: discrete("a", "b"),  # type: ignore[arg-type]
        "discrete: 'a' is no finite number: write discrete(16, 32), or take categorical for other values",
    ),
    "a list of numbers": (lambda: discrete([1, 2]), "discrete: [1, 2] is no finite number: "),  # type: ignore[arg-type]
    "no finite number": (lambda: discrete(1, float("nan")), "discrete: nan is no finite number: "),
    "a list of values": (
        lambda: categorical(["a", "b"]),
        "categorical: ['a', 'b'] is one value: write its entries, categorical('a', 'b')",
    ),
    "values that are written the same": (
        making({"x": categorical(1, "1")}),
        "spec.parameters[0].feasibleSpace.list[1] of parameter 'x': '1' stands here twice: remove one",
    ),
    "half a character": (
        making({"x": categorical(LONE_SURROGATE, "b")}),
        "'\\ud800': has characters that stand for nothing: leave them out",
    ),
    "an unknown algorithm": (
        making(algorithm="tpee"),
        "spec.algorithm.algorithmName: 'tpee' is not known here; known are auto, bayesianoptimization, cmaes, darts, "
        "enas, grid, halton, hyperband, motpe, multivariate-tpe, nsgaii, pbt, random, sobol, tpe; did you mean tpe?",
    ),
    "a class in place of a name": (
        making(algorithm=Local),
        "algorithm: <class 'katib_suggestion.study.Local'> is no name: give an algorithmName, such as 'tpe'",
    ),
    "architectures": (
        making(algorithm="enas"),
        "algorithm: 'enas' searches architectures, not parameters: run an Experiment with it",
    ),
    "a direction in a list": (
        making(direction=["minimize"]),
        "direction: ['minimize'] is not minimize or maximize: take one of them",
    ),
    "half a seed": (
        making(seed=1.5),
        "seed: 1.5 is no whole number from 0 to 18446744073709551615: leave it out for no seed",
    ),
    "a truth for a seed": (making(seed=True), "seed: True is no whole number from 0 to "),
    "an address for a service": (
        making(service="localhost:6789"),
        "service: 'localhost:6789' is no service: give Local([...]) or Remote('host:port')",
    ),
    "a class for a service": (making(service=Local), "service: <class 'katib_suggestion.study.Local'> is no service: "),
    "a setting without a name": (making(settings={1: 2}), "settings[1]: 1 is no name of a setting: write a text"),
    "a setting of the wrong type": (
        making(settings={"gamma": [1]}),
        "spec.algorithm.algorithmSettings: setting gamma: '[1]' is not a number greater than 0.0 and less than 1.0",
    ),
    "nothing given": (making(given=None), "given: None is no list: write a list, of {name: value} for each trial"),
    "one given": (
        making(given={"x": 0.5}),
        "given: {'x': 0.5} is no list: write a list, of {name: value} for each trial",
    ),
    "given outside": (
        making(given=[{"x": 5}]),
        "given[0]: x='5' is no point of the space: give each parameter a value",
    ),
    "given too little": (making(given=[{}]), "given[0]: nothing is no point of the space: give each parameter a value"),
    "another type learned from": (
        making(learn_from=Study({"x": categorical("a", "b")})),
        "learn_from: 'x' is categorical there and double here: give a study of the same parameters",
    ),
    "a truth for a count": (
        asking(True),
        "count: True is no whole number from 1 to 1000: say how many trials are wanted",
    ),
    "too large a count": (asking(1001), "count: 1001 is no whole number from 1 to 1000: say how many"),
    "too large a budget": (
        making(max_trial_count=2**31),
        "max_trial_count: 2147483648 is no whole number from 1 to 2147483647: leave it out for no limit",
    ),
    "a text for a count": (
        asking("3"),
        "count: '3' is no whole number from 1 to 1000: say how many trials are wanted",
    ),
    "a trial of somebody's own": (
        telling(trial=lambda asked: Asked(0, asked.parameters)),
        "trial: number 0 is of another study: tell it to the one that was asked for it",
    ),
    "a trial with another number": (
        telling(trial=lambda asked: Asked(7, asked.parameters, study=asked.study)),
        "trial: number 7 is of another study: ",
    ),
    "a trial with a number below": (
        telling(trial=lambda asked: Asked(-1, asked.parameters, study=asked.study)),
        "trial: number -1 is of another study: ",
    ),
    "the values in place of a trial": (
        telling(trial=lambda asked: asked.parameters),
        "trial: {'x': 0.5} is no trial: tell what ask or ask_many returned",
    ),
    "several numbers": (telling(np.array([1.0, 2.0])), "value: array([1., 2.]) is no number: tell a number, or None"),
    "an imaginary number": (telling(1j), "value: 1j is no number: tell a number, or None when the trial failed"),
    "a number without an end": (telling(10**400), "value: 1000"),
    "a truth for a value": (telling(True), "value: True is no number: tell a number, or None when the trial failed"),
    "a truth of numpy's": (telling(np.True_), f"value: {np.True_!r} is no number: "),
    "a truth for a metric": (telling({"objective": False}), "value['objective']: False is no number: tell a number"),
    "an unknown parameter for a metric": (
        telling({"x": 0.5}),
        "value['x']: no such metric; known are objective: take one of them or remove it",
    ),
    "a text for a flag": (telling(again="no"), "again: 'no' is not True or False: give one of them"),
    "nothing for a flag": (telling(stopped=None), "stopped: None is not True or False: give one of them"),
    "one algorithm of one's own": (
        lambda: Local("my_search:Climb"),
        "algorithms: 'my_search:Climb' is no list: write ['my_search:HillClimbing']",
    ),
    "no algorithms": (lambda: Local(None), "algorithms: None is no list: write "),  # type: ignore[arg-type]
    "a class of one's own": (
        lambda: Local([Study]),  # type: ignore[list-item]
        "algorithms[0]: <class 'katib_suggestion.study.Study'> is no text: write 'katib_suggestion.study:Study'",
    ),
    "a class that is nowhere": (
        lambda: Local(["nowhere:Climb"]),
        "nowhere:Climb: cannot import: No module named 'nowhere': is its folder in PYTHONPATH?",
    ),
    "no address": (lambda: Remote(""), "address: '' is no address: give host:port, such as localhost:6789"),
    "no deadline": (
        lambda: Remote("localhost:1", deadline=0),
        "deadline: 0 is no number greater than 0: say how many seconds to wait",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_refused_in_one_line_with_its_cure(case: str) -> None:
    make, words = MISTAKES[case]
    with pytest.raises(RefusedError) as caught:
        make()
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def test_numbers_of_numpy_are_counts_seeds_and_flags() -> None:
    study = Study({"x": integer(np.int64(1), np.int64(5))}, seed=np.int64(3), max_trial_count=np.int64(9))  # type: ignore[arg-type]
    for trial in study.ask_many(np.int64(2)):  # type: ignore[arg-type]
        study.tell(trial, np.float32(1.5), stopped=np.float64(1) > 0)
    assert [trial.value for trial in study.trials] == [1.5, 1.5]


def test_given_values_may_come_one_by_one() -> None:
    study = Study(X, given=({"x": value} for value in (0.25, 0.75)))  # type: ignore[arg-type]
    assert [trial.parameters for trial in study.ask_many(2)] == [{"x": 0.25}, {"x": 0.75}]
