"""Admission of pods: those of trials get their collector (webhooks.md §5 with WH-1)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from katib_apis.v1beta1 import defaults, names
from katib_apis.v1beta1.models import KatibConfig, Suggestion, Trial
from katib_apis.v1beta1.resources import TRIALS
from katib_domain.defaults import render_patch
from katib_domain.katib_config import (
    CONFIGURED_KINDS,
    KatibConfigError,
    early_stopping_address,
    early_stopping_config,
    init_config,
    metrics_collector_config,
    suggestion_config,
)
from katib_domain.pod_injection import Injection, inject_pod
from katib_machinery.transport import ApiError
from katib_webhook.reader import ClusterReader
from katib_webhook.review import ADMITTED, AdmissionRequest, Verdict, denied

log = logging.getLogger(__name__)

Json = Mapping[str, Any]
TRIAL_OWNER = (TRIALS.api_version, TRIALS.kind)
DEEPEST = 8


@dataclass(frozen=True)
class Addresses:
    """Where the sidecar reports to."""

    db_manager: str


class PodInjector:
    """Injects into pods that a Trial owns, at whatever depth."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    async def admit(self, request: AdmissionRequest, reader: ClusterReader) -> Verdict:
        """Admit a pod of no Trial as it is.

        When that cannot be found out, a pod that the controller has marked is denied, so that it is tried again; of any
        other, which is hardly a Trial's, the operator is told (WH-1).
        """
        pod = request.document or {}
        try:
            trial = await self._find_trial(pod, request.namespace, reader)
            if trial is None:
                return ADMITTED
            injection = await self._injection(trial, request.namespace, reader)
        except (ApiError, OSError) as error:
            metadata = pod.get("metadata") or {}
            if names.LABEL_TRIAL in (metadata.get("labels") or {}):
                return denied(500, f"the Trial of this pod cannot be looked up now: {error}")
            name = metadata.get("name") or metadata.get("generateName")
            log.warning("pod %s/%s is admitted without a look at its owners: %s", request.namespace, name, error)
            return ADMITTED
        except KatibConfigError as error:
            return denied(400, f"the metrics collector cannot be injected: {error}")
        return Verdict(patch=list(render_patch(pod, inject_pod(pod, injection))))

    async def _find_trial(self, pod: Json, namespace: str, reader: ClusterReader) -> Trial | None:
        name = await _trial_name(pod, namespace, reader, DEEPEST)
        return None if name is None else await reader.find_trial(namespace, name)

    async def _injection(self, trial: Trial, namespace: str, reader: ClusterReader) -> Injection:
        config = await reader.get_config()
        collector = trial.spec.metrics_collector.collector if trial.spec and trial.spec.metrics_collector else None
        kind = str((collector.kind if collector else None) or defaults.COLLECTOR_SPEC_KIND)
        experiment = trial.labels.get(names.LABEL_EXPERIMENT, "")
        rules = bool(trial.spec and trial.spec.early_stopping_rules)
        suggestion = await reader.find_suggestion(namespace, experiment) if experiment else None
        controller = init_config(config).controller
        return Injection(
            trial,
            metrics_collector_config(config, kind) if kind in CONFIGURED_KINDS else None,
            self._addresses.db_manager,
            suggestion,
            _early_stopping(config, suggestion) if rules else "",
            bool(controller and controller.inject_security_context),
        )


def _early_stopping(config: KatibConfig, suggestion: Suggestion | None) -> str:
    """Where the sidecar tells of an early stop; by the Suggestion alone when its entries have gone from the KatibConfig."""
    spec = suggestion.spec if suggestion is not None else None
    if suggestion is None or spec is None or spec.algorithm is None:
        raise KatibConfigError(
            "the Suggestion of the Trial's Experiment is not there, so its early-stopping service is not known"
        )
    entry = stopping = None
    with suppress(KatibConfigError):
        entry = suggestion_config(config, spec.algorithm.algorithm_name or "")
        stopping = early_stopping_config(config, (spec.early_stopping and spec.early_stopping.algorithm_name) or "")
    return early_stopping_address(suggestion, entry, stopping)


async def _trial_name(document: Json, namespace: str, reader: ClusterReader, depth: int) -> str | None:
    """The Trial at the top of an object's owners: its job has its name."""
    metadata = document.get("metadata") or {}
    owners = metadata.get("ownerReferences") or []
    for owner in owners:
        if (owner.get("apiVersion"), owner.get("kind")) == TRIAL_OWNER:
            return str(owner.get("name"))
    for owner in owners if depth else []:
        above = await reader.find_owner(
            owner.get("apiVersion", ""), owner.get("kind", ""), namespace, owner.get("name", "")
        )
        found = await _trial_name(above, namespace, reader, depth - 1) if above is not None else None
        if found is not None:
            return found
    return None
