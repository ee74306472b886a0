"""Asks the services of an Experiment's algorithms what they have against it, before it is created.

In a cluster only the controller asks, once the Experiment is there: what is wrong then leaves a failed one behind.
Knows the shared services of the laptop. Must not know files of experiments or how they are submitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from katib_apis.v1beta1 import names
from katib_local.algorithms import SERVICE
from katib_local.state import StateDirectory

Json = Mapping[str, Any]
ANSWERS_WITHIN = 10.0


@dataclass(frozen=True)
class Part:
    """A part of an Experiment with settings, the list of the KatibConfig that it is looked up in, and the shared service."""

    name: str
    configured: str
    service: str
    content: frozenset[str]
    """Algorithms that have nothing against what admission takes of parameters without settings: asking them would only
    take as long as their service takes to start."""

    @property
    def settings(self) -> str:
        """The field of its settings."""
        return f"spec.{self.name}.algorithmSettings"

    def of(self, experiment: Json) -> Json:
        """What the Experiment says of it."""
        found = _spec(experiment).get(self.name)
        return found if isinstance(found, Mapping) else {}

    def may_object(self, experiment: Json) -> bool:
        """Whether there is anything to ask about."""
        said, spec = self.of(experiment), _spec(experiment)
        usual = said.get("algorithmName") in self.content and not (
            said.get("algorithmSettings") or spec.get("nasConfig")
        )
        return bool(said) and not usual


def _spec(experiment: Json) -> Json:
    found = experiment.get("spec")
    return found if isinstance(found, Mapping) else {}


CONTENT = frozenset(
    (
        "auto",
        "bayesianoptimization",
        "cmaes",
        "grid",
        "halton",
        "motpe",
        "multivariate-tpe",
        "nsgaii",
        "random",
        "sobol",
        "tpe",
    )
)
ALGORITHM = Part("algorithm", "suggestions", SERVICE, CONTENT)
STOPPING = Part("earlyStopping", "earlyStoppings", names.OBJECT_EARLY_STOPPING, frozenset({"medianstop", "patience"}))
PARTS = (ALGORITHM, STOPPING)


def may_be_objected(experiment: Json) -> bool:
    """Whether a service may have something against an Experiment that admission takes."""
    return any(part.may_object(experiment) for part in PARTS)


async def find_objection(state: StateDirectory, experiment: Json) -> str:
    """What a shared service has against an Experiment, with the field; empty when nothing, or when other ones serve.

    A service that gives no answer has no objection: the controller asks again, for as long as it takes.
    """
    for part in PARTS:
        if part.may_object(experiment) and _is_shared(state, part, experiment):
            if text := await _ask(state, part, experiment):
                return placed(experiment, part, text)
    return ""


async def _ask(state: StateDirectory, part: Part, experiment: Json) -> str:
    """What a service says."""
    import grpc  # takes long to load, as the models do

    from katib_apis.v1beta1 import api_pb2, api_pb2_grpc
    from katib_apis.v1beta1.models import Experiment
    from katib_domain.messages import to_experiment_message

    message = to_experiment_message(Experiment.from_dict(dict(experiment)))
    async with grpc.aio.insecure_channel(f"unix:{state.socket_folder / part.service}.sock") as channel:
        if part is ALGORITHM:
            call: Any = api_pb2_grpc.SuggestionStub(channel).ValidateAlgorithmSettings
            request: Any = api_pb2.ValidateAlgorithmSettingsRequest(experiment=message)
        else:
            call = api_pb2_grpc.EarlyStoppingStub(channel).ValidateEarlyStoppingSettings
            request = api_pb2.ValidateEarlyStoppingSettingsRequest(early_stopping=message.spec.early_stopping)
        try:
            await call(request, timeout=ANSWERS_WITHIN, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            return str(error.details()) if error.code() is grpc.StatusCode.INVALID_ARGUMENT else ""
    return ""


def placed(experiment: Json, part: Part, text: str) -> str:
    """An objection with the index of the setting that it names."""
    for index, setting in enumerate(part.of(experiment).get("algorithmSettings") or ()):
        if f"setting {setting.get('name')!r}" in text or f"setting {setting.get('name')}:" in text:
            return text.replace(part.settings, f"{part.settings}[{index}]", 1)
    return text


def _is_shared(state: StateDirectory, part: Part, experiment: Json) -> bool:
    config = yaml.safe_load(state.rendered_config.read_text())
    entries = (config.get("runtime") or {}).get(part.configured) or ()
    endpoints = {entry.get("algorithmName"): str(entry.get("endpoint") or "") for entry in entries}
    return endpoints.get(str(part.of(experiment).get("algorithmName")), "").startswith(f"{part.service}.")
