"""The KatibConfig: read leniently, defaults filled in, entries looked up by name. Pure.

Contract: resources.md §7 with RES-1; additive keys are described in apis/v1beta1/katib_config.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

import yaml
from pydantic import ValidationError

from katib_apis.v1beta1 import defaults, names
from katib_apis.v1beta1.enums import CollectorKind
from katib_apis.v1beta1.models import (
    EarlyStoppingConfig,
    InitConfig,
    KatibConfig,
    MetricsCollectorConfig,
    ResourceRequirements,
    Suggestion,
    SuggestionConfig,
)
from katib_domain.naming import early_stopping_endpoint
from katib_machinery.model import describe_validation_error
from katib_machinery.scalars import parse_quantity

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
# The kinds whose collector is an entry of the KatibConfig.
CONFIGURED_KINDS = (
    CollectorKind.STD_OUT,
    CollectorKind.FILE,
    CollectorKind.TENSOR_FLOW_EVENT,
    CollectorKind.PROMETHEUS_METRIC,
)
RESOURCES = defaults.METRICS_COLLECTOR_CONFIG_RESOURCES
LIGHT_ALGORITHMS = frozenset({"random", "grid", "sobol", "halton", "hyperband", "pbt", "darts"})
"""Those that fit no model, and do with what a collector does with; what is not known here may fit one (D-01)."""

Usual = Mapping[str, Mapping[str, str]]
Entry = TypeVar("Entry", SuggestionConfig, EarlyStoppingConfig, MetricsCollectorConfig)


class KatibConfigError(ValueError):
    """The KatibConfig cannot be read, or has no usable entry; the message names the field or entry."""


@dataclass(frozen=True)
class GroupVersionKind:
    """A kind of trial job, written Kind.version.group in the configuration."""

    kind: str
    version: str
    group: str


def parse_katib_config(text: str) -> KatibConfig:
    """Read the YAML text of a KatibConfig; unknown fields are kept and ignored. Raises KatibConfigError."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise KatibConfigError(f"the KatibConfig is not YAML: {' '.join(str(error).split())}") from error
    if (
        not isinstance(document, dict)
        or not document.get("apiVersion")
        or document.get("kind") != names.OBJECT_CONFIG_KIND
    ):
        raise KatibConfigError(
            f"the KatibConfig must have apiVersion: {names.OBJECT_CONFIG_API_VERSION} and kind: {names.OBJECT_CONFIG_KIND}"
        )
    try:
        return KatibConfig.from_dict(document)
    except ValidationError as error:
        problems = "; ".join(f"{path}: {message}" for path, message in describe_validation_error(error))
        raise KatibConfigError(f"the KatibConfig is not valid: {problems}") from error


def get_katib_config(data: dict[str, str]) -> KatibConfig:
    """The KatibConfig among the data of its ConfigMap; raises KatibConfigError."""
    text = data.get(names.OBJECT_CONFIG_KEY)
    if text is None:
        raise KatibConfigError(f"failed to find {names.OBJECT_CONFIG_KEY} in ConfigMap: {names.OBJECT_CONFIG_MAP}")
    return parse_katib_config(text)


def init_config(config: KatibConfig) -> InitConfig:
    """The part that is read once, at the start."""
    return config.init or InitConfig()


def parse_trial_resources(texts: Sequence[str]) -> list[GroupVersionKind]:
    """Kinds of trial jobs, each written Kind.version.group; raises KatibConfigError."""
    kinds = []
    for text in texts:
        parts = text.split(".", 2)
        if len(parts) < 3:
            raise KatibConfigError(
                f"invalid GroupVersionKinds: {text!r} in init.controller.trialResources; write Kind.version.group"
            )
        kinds.append(GroupVersionKind(*parts))
    return kinds


def suggestion_config(config: KatibConfig, algorithm: str) -> SuggestionConfig:
    """The entry of an algorithm, complete; raises KatibConfigError.

    An entry with an `endpoint` is served by a shared service and needs no image (CTL-29).
    """
    entries = (config.runtime.suggestions if config.runtime else None) or []
    entry = _last(entries, [found.algorithm_name for found in entries], algorithm, "suggestion config for algorithm")
    if not entry.endpoint:
        _check_image(entry.image, "suggestion config", "algorithm", algorithm)
    return _complete(entry, RESOURCES if algorithm in LIGHT_ALGORITHMS else defaults.SUGGESTION_CONFIG_RESOURCES)


def early_stopping_config(config: KatibConfig, algorithm: str) -> EarlyStoppingConfig:
    """The entry of an early-stopping algorithm, complete; raises KatibConfigError. As above, one with an `endpoint`
    needs no image.
    """
    entries = (config.runtime.early_stoppings if config.runtime else None) or []
    entry = _last(
        entries, [found.algorithm_name for found in entries], algorithm, "early stopping config for algorithm"
    )
    if not entry.endpoint:
        _check_image(entry.image, "early stopping config", "algorithm", algorithm)
    return _complete(entry)


def early_stopping_address(
    suggestion: Suggestion, entry: SuggestionConfig | None, stopping: EarlyStoppingConfig | None
) -> str:
    """Where an Experiment's early stopping is served: by a service for all, or beside its algorithm (CTL-29, ES-01)."""
    algorithm = suggestion.spec.algorithm if suggestion.spec is not None else None
    own = early_stopping_endpoint(suggestion.name, (algorithm and algorithm.algorithm_name) or "", suggestion.namespace)
    return (stopping and stopping.endpoint) or (entry and entry.endpoint) or own


def metrics_collector_config(config: KatibConfig, kind: str) -> MetricsCollectorConfig:
    """The entry of a kind of collector, complete; raises KatibConfigError."""
    entries = (config.runtime.metrics_collectors if config.runtime else None) or []
    entry = _last(entries, [found.kind for found in entries], kind, "metrics collector config for kind")
    _check_image(entry.image, "metrics collector config", "kind", kind)
    return _complete(entry)


def known_algorithms(config: KatibConfig) -> list[str]:
    """Names of the algorithms that have an entry, sorted."""
    entries = (config.runtime.suggestions if config.runtime else None) or []
    return sorted({entry.algorithm_name for entry in entries if entry.algorithm_name})


def _last(entries: Sequence[Entry], keys: Sequence[str | None], wanted: str, what: str) -> Entry:
    for entry, key in zip(reversed(entries), reversed(keys), strict=True):
        if key == wanted and wanted:
            return entry
    known = ", ".join(sorted({key for key in keys if key})) or "none"
    raise KatibConfigError(
        f"failed to find {what}: {wanted} in ConfigMap: {names.OBJECT_CONFIG_MAP}; it has entries for {known}"
    )


def _check_image(image: str | None, what: str, key: str, wanted: str) -> None:
    if not (image or "").strip():
        raise KatibConfigError(f"required value for image configuration of {what} for {key}: {wanted}")


def _complete(entry: Entry, usual: Usual = RESOURCES) -> Entry:
    complete = entry.deep_copy()
    if complete.image_pull_policy not in PULL_POLICIES:
        complete.image_pull_policy = defaults.METRICS_COLLECTOR_CONFIG_IMAGE_PULL_POLICY
    complete.resources = complete_resources(complete.resources, usual)
    return complete


def complete_resources(resources: ResourceRequirements | None, usual: Usual = RESOURCES) -> ResourceRequirements:
    """Requests and limits, the usual ones for what is absent or zero; a negative one removes its key (resources.md §7).

    Of a request and a limit the one that was not configured gives way: a limit is raised to the request, a request
    lowered to the limit, since no pod may ask for more than it is limited to (RES-1).
    """
    configured = resources.to_dict() if resources else {}
    asked, limited = configured.get("requests") or {}, configured.get("limits") or {}
    requests = _quantities(asked, usual["requests"])
    limits = _quantities(limited, usual["limits"])
    for key in requests.keys() & limits.keys():
        if _amount(requests[key]) <= _amount(limits[key]):
            continue
        if not _amount(limited.get(key)):
            limits[key] = requests[key]
        elif not _amount(asked.get(key)):
            requests[key] = limits[key]
    return ResourceRequirements.from_dict({**configured, "requests": requests, "limits": limits})


def _quantities(configured: Mapping[str, object], usual: Mapping[str, str]) -> dict[str, object]:
    quantities: dict[str, object] = {**usual, **{key: value for key, value in configured.items() if _amount(value)}}
    return {key: value for key, value in quantities.items() if _amount(value) >= 0}


def _amount(quantity: object) -> Decimal:
    """A Kubernetes quantity as a number; what cannot be read counts as zero."""
    try:
        return parse_quantity(str(quantity))
    except ValueError:
        return Decimal(0)
