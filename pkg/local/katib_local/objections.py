"""Asks the algorithm's service what it has against an Experiment, before that is created.

In a cluster only the controller asks, once the Experiment is there: a wrong setting then leaves a failed one behind.
Knows the shared service of the laptop. Must not know files of experiments or how they are submitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from katib_local.algorithms import SERVICE
from katib_local.state import StateDirectory

Json = Mapping[str, Any]
ANSWERS_WITHIN = 10.0
SETTINGS = "spec.algorithm.algorithmSettings"


def has_settings(experiment: Json) -> bool:
    """Whether there is anything to ask about: without settings an algorithm has its defaults."""
    return bool(_algorithm(experiment).get("algorithmSettings"))


async def find_objection(state: StateDirectory, experiment: Json) -> str:
    """What the shared service has against the settings, with the field; empty when nothing, or when another one serves.

    A service that gives no answer has no objection: the controller asks again, for as long as it takes.
    """
    if not _is_shared(state, str(_algorithm(experiment).get("algorithmName"))):
        return ""
    import grpc  # takes long to load, as the models do

    from katib_apis.v1beta1 import api_pb2, api_pb2_grpc
    from katib_apis.v1beta1.models import Experiment
    from katib_domain.messages import to_experiment_message

    message = to_experiment_message(Experiment.from_dict(dict(experiment)))
    async with grpc.aio.insecure_channel(f"unix:{state.socket_folder / SERVICE}.sock") as channel:
        call = api_pb2_grpc.SuggestionStub(channel).ValidateAlgorithmSettings
        request = api_pb2.ValidateAlgorithmSettingsRequest(experiment=message)
        try:
            await call(request, timeout=ANSWERS_WITHIN, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            return placed(experiment, str(error.details())) if error.code() is grpc.StatusCode.INVALID_ARGUMENT else ""
    return ""


def placed(experiment: Json, text: str) -> str:
    """An objection with the index of the setting that it names."""
    for index, setting in enumerate(_algorithm(experiment).get("algorithmSettings") or ()):
        if f"setting {setting.get('name')!r}" in text or f"setting {setting.get('name')}:" in text:
            return text.replace(SETTINGS, f"{SETTINGS}[{index}]", 1)
    return text


def _algorithm(experiment: Json) -> Json:
    found = (experiment.get("spec") or {}).get("algorithm")
    return found if isinstance(found, Mapping) else {}


def _is_shared(state: StateDirectory, algorithm: str) -> bool:
    config = yaml.safe_load(state.rendered_config.read_text())
    entries = (config.get("runtime") or {}).get("suggestions") or ()
    endpoints = {entry.get("algorithmName"): str(entry.get("endpoint") or "") for entry in entries}
    return endpoints.get(algorithm, "").startswith(f"{SERVICE}.")
