"""Admission of Experiments: defaults, then validation (webhooks.md §3, §4)."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from katib_apis.v1beta1 import defaults, names
from katib_apis.v1beta1.enums import ResumePolicyType
from katib_apis.v1beta1.models import Experiment
from katib_domain.defaults import default_patch
from katib_domain.katib_config import KatibConfigError, init_config, parse_trial_resources
from katib_domain.trial_template import TrialTemplateError, get_template
from katib_domain.validation import Surroundings, TemplateText, render_errors, validate_experiment
from katib_machinery.model import describe_validation_error
from katib_machinery.transport import ApiError
from katib_webhook.reader import ClusterReader
from katib_webhook.review import ADMITTED, AdmissionRequest, Verdict, denied

Json = dict[str, Any]


async def default_experiment(request: AdmissionRequest, reader: ClusterReader) -> Verdict:
    """Add what an Experiment leaves open, and nothing else (WH-11)."""
    return Verdict(patch=default_patch(request.document or {}))


async def admit_experiment(request: AdmissionRequest, reader: ClusterReader) -> Verdict:
    """Refuse an Experiment that could not run, with every reason at once."""
    try:
        experiment = Experiment.from_dict(_with_name(request))
        old = Experiment.from_dict(request.old) if request.old else None
    except ValidationError as error:
        return denied(400, "; ".join(f"{path}: {message}" for path, message in describe_validation_error(error)))
    if old is not None and (experiment.deletion_timestamp is not None or experiment.spec == old.spec):
        return ADMITTED
    refusal = await _namespace_problem(experiment, request.namespace, reader)
    if refusal is not None:
        return refusal
    try:
        config = await reader.get_config()
    except KatibConfigError as error:
        return denied(400, str(error))
    errors = validate_experiment(experiment, old, Surroundings(config, await _template_text(experiment, reader)))
    if errors:
        return denied(400, render_errors(errors))
    if request.operation == "CREATE" and await _left_over_volume(experiment, request.namespace, reader):
        return denied(
            400,
            "spec.resumePolicy: a PersistentVolume of an earlier Experiment of this name is still there: delete it, or choose another name",
        )
    return Verdict(warnings=_warnings(experiment, config))


def _with_name(request: AdmissionRequest) -> Json:
    document = dict(request.document or {})
    metadata = dict(document.get("metadata") or {})
    metadata.setdefault("name", request.name)
    return {**document, "metadata": metadata}


async def _namespace_problem(experiment: Experiment, namespace: str, reader: ClusterReader) -> Verdict | None:
    try:
        labels = await reader.find_namespace_labels(namespace)
    except (ApiError, OSError) as error:
        return denied(500, f"namespace {namespace} cannot be read: {error}")
    if (labels or {}).get(names.LABEL_METRICS_COLLECTOR_INJECTION) == names.LABEL_VALUE_INJECTION_ENABLED:
        return None
    label = f"{names.LABEL_METRICS_COLLECTOR_INJECTION}={names.LABEL_VALUE_INJECTION_ENABLED}"
    return denied(
        400,
        f"Cannot create the Experiment {experiment.name} in namespace {namespace}: the namespace lacks the label {label}; "
        f"add it with `kubectl label namespace {namespace} {label}`",
    )


async def _template_text(experiment: Experiment, reader: ClusterReader) -> TemplateText:
    template = experiment.spec.trial_template if experiment.spec else None
    place = template.config_map if template else None
    if place is None or not (place.config_map_name and place.config_map_namespace and place.template_path):
        return TemplateText()
    data = await reader.find_config_map(place.config_map_namespace, place.config_map_name)
    if data is None:
        return TemplateText(
            problem=f"ConfigMap {place.config_map_name} is not in namespace {place.config_map_namespace}: create it first"
        )
    try:
        return TemplateText(get_template(data, place.template_path))
    except TrialTemplateError as error:
        return TemplateText(problem=str(error))


async def _left_over_volume(experiment: Experiment, namespace: str, reader: ClusterReader) -> bool:
    spec = experiment.spec
    if spec is None or spec.resume_policy != ResumePolicyType.FROM_VOLUME or spec.algorithm is None:
        return False
    return await reader.volume_exists(f"{experiment.name}-{spec.algorithm.algorithm_name}-{namespace}")


def _warnings(experiment: Experiment, config: Any) -> list[str]:
    """WH-18: a kind that the controller does not watch."""
    template = experiment.spec.trial_template if experiment.spec else None
    job = (template.trial_spec if template else None) or {}
    controller = init_config(config).controller
    try:
        kinds = parse_trial_resources(
            (controller.trial_resources if controller else None) or defaults.CONTROLLER_CONFIG_TRIAL_RESOURCES
        )
    except KatibConfigError:
        return []
    known = {(f"{kind.group}/{kind.version}", kind.kind) for kind in kinds}
    if not job or (job.get("apiVersion"), job.get("kind")) in known:
        return []
    return [
        f"spec.trialTemplate: {job.get('kind')} of {job.get('apiVersion')} is not in init.controller.trialResources of the KatibConfig: its status is polled, not watched"
    ]
