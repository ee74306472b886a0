"""Which Experiments the services of their algorithms are asked about before they are created."""

from __future__ import annotations

from typing import Any

import pytest
from contracts.algorithms.questions import FINITE, MIXED, an_experiment

from katib_apis.v1beta1 import api_pb2
from katib_local.objections import CONTENT, STOPPING, may_be_objected
from katib_suggestion.answers import answer_validation
from katib_suggestion.early_stopping.answers import read_stopper
from katib_suggestion.registry import Registry


def experiment(algorithm: str, settings: Any = None, **spec: Any) -> dict[str, Any]:
    return {"spec": {"algorithm": {"algorithmName": algorithm, "algorithmSettings": settings}, **spec}}


SETTING = [{"name": "random_state", "value": "1"}]
ASKED = {
    "settings": (experiment("tpe", SETTING), True),
    "none": (experiment("tpe"), False),
    "settings that are needed": (experiment("hyperband"), True),
    "architectures": (experiment("enas", nasConfig={"graphConfig": {}}), True),
    "architectures for who searches none": (experiment("tpe", nasConfig={"graphConfig": {}}), True),
    "an algorithm of the user's own": (experiment("hill-climbing"), True),
    "early stopping that needs a setting": (experiment("tpe", earlyStopping={"algorithmName": "asha"}), True),
    "early stopping that needs none": (experiment("tpe", earlyStopping={"algorithmName": "medianstop"}), False),
    "settings of early stopping": (
        experiment("tpe", earlyStopping={"algorithmName": "medianstop", "algorithmSettings": SETTING}),
        True,
    ),
    "no spec": ({}, False),
    "a spec that is none": ({"spec": ["algorithm"]}, False),
    "an algorithm that is none": ({"spec": {"algorithm": "tpe"}}, False),
}


@pytest.mark.parametrize(("given", "asked"), ASKED.values(), ids=ASKED.keys())
def test_services_are_asked_where_they_may_object(given: dict[str, Any], asked: bool) -> None:
    assert may_be_objected(given) is asked


@pytest.mark.parametrize("algorithm", sorted(CONTENT))
@pytest.mark.parametrize("parameters", [MIXED, FINITE, MIXED[:2]], ids=["mixed", "finite", "numbers"])
def test_who_is_not_asked_has_nothing_to_say(algorithm: str, parameters: tuple[api_pb2.ParameterSpec, ...]) -> None:
    """Whatever they need besides settings, admission looks for."""
    request = api_pb2.ValidateAlgorithmSettingsRequest(experiment=an_experiment(algorithm, parameters))
    assert not request.experiment.spec.algorithm.algorithm_settings
    answer_validation(request, Registry())


@pytest.mark.parametrize("algorithm", sorted(STOPPING.content))
def test_early_stopping_that_is_not_asked_has_nothing_to_say(algorithm: str) -> None:
    read_stopper(api_pb2.EarlyStoppingSpec(algorithm_name=algorithm))
