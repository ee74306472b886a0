"""Whether an Experiment may be created or changed: the table of webhooks.md §4.1, in its order. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from katib_apis.v1beta1 import defaults
from katib_apis.v1beta1.enums import ObjectiveType, ResumePolicyType
from katib_apis.v1beta1.models import (
    AlgorithmSpec,
    EarlyStoppingSpec,
    Experiment,
    ExperimentSpec,
    KatibConfig,
    ObjectiveSpec,
)
from katib_domain.algorithm_needs import find_missing
from katib_domain.katib_config import KatibConfigError, early_stopping_config, known_algorithms, suggestion_config
from katib_domain.naming import experiment_name_problem
from katib_domain.pod_injection import TRIAL_DIRECTORY_SETTING
from katib_domain.search_space import algorithm_space_errors
from katib_domain.validation.budget import budget_errors, update_errors
from katib_domain.validation.collector import collector_errors
from katib_domain.validation.errors import FieldError, invalid, render_errors, required
from katib_domain.validation.parameters import parameter_errors
from katib_domain.validation.template import TemplateText, template_errors

__all__ = ["FieldError", "Surroundings", "TemplateText", "render_errors", "validate_experiment"]


@dataclass(frozen=True)
class Surroundings:
    """What validation may know beside the Experiment itself."""

    config: KatibConfig
    template: TemplateText = field(default_factory=TemplateText)


def validate_experiment(experiment: Experiment, old: Experiment | None, around: Surroundings) -> list[FieldError]:
    """Every error of an Experiment that is created, or changed from `old`; empty when it may be stored.

    An object that is being deleted, or whose spec is unchanged, is not looked at again (WH-6).
    """
    if old is not None and (experiment.deletion_timestamp is not None or experiment.spec == old.spec):
        return []
    spec = experiment.spec or ExperimentSpec()
    errors = [*_name_errors(experiment), *budget_errors(spec)]
    if old is not None:
        errors += update_errors(experiment, old)
    objective = list(_objective_errors(spec.objective))
    if objective:
        return errors + objective
    errors += _algorithm_errors(spec, around.config)
    errors += _early_stopping_errors(spec.early_stopping, around.config)
    if spec.resume_policy not in (None, "", *ResumePolicyType):
        errors.append(invalid("spec.resumePolicy", spec.resume_policy, f"must be one of {', '.join(ResumePolicyType)}"))
    errors += _checkpoint_errors(spec)
    errors += template_errors(spec, around.template)
    errors += parameter_errors(spec)
    errors += collector_errors(spec, around.config)
    return errors


def _name_errors(experiment: Experiment) -> Iterator[FieldError]:
    """Row 1, WH-3: the whole name must match."""
    if problem := experiment_name_problem(experiment.name):
        yield invalid("metadata.name", experiment.name, problem)


def _objective_errors(objective: ObjectiveSpec | None) -> Iterator[FieldError]:
    """Rows 10 to 13; any of them ends validation."""
    path = "spec.objective"
    if objective is None:
        yield required(path, "say what to optimise: type (minimize or maximize) and objectiveMetricName")
        return
    if objective.type not in tuple(ObjectiveType):
        yield invalid(f"{path}.type", objective.type or "", "must be minimize or maximize")
    metric = objective.objective_metric_name or ""
    additional = objective.additional_metric_names or []
    if not metric:
        yield required(f"{path}.objectiveMetricName", "name the metric that trials report and that is optimised")
    elif metric in additional:
        detail = f"must not hold the objective metric {metric!r} again: remove it here"
        yield invalid(f"{path}.additionalMetricNames", additional, detail)
    for index, name in enumerate([metric, *additional]):
        if ";" in name:
            field_path = f"{path}.additionalMetricNames[{index - 1}]" if index else f"{path}.objectiveMetricName"
            yield invalid(field_path, name, "must not hold ';', which separates names on the collector's command line")


def _algorithm_errors(spec: ExperimentSpec, config: KatibConfig) -> Iterator[FieldError]:
    """Rows 14 to 16, and what the algorithm asks of the space (WH-4, V11)."""
    algorithm = spec.algorithm
    if algorithm is None:
        known = ", ".join(known_algorithms(config)) or "none is configured"
        yield required("spec.algorithm", f"name an algorithm in algorithmName: {known}")
        return
    path = "spec.algorithm.algorithmName"
    if not algorithm.algorithm_name:
        yield required(path, "name an algorithm")
    try:
        suggestion_config(config, algorithm.algorithm_name or "")
    except KatibConfigError as error:
        yield invalid(path, algorithm.algorithm_name or "", f"no such algorithm: {error}")
        return
    yield from _setting_errors(algorithm)
    additional = (spec.objective.additional_metric_names if spec.objective else None) or []
    for missing in find_missing(
        algorithm.algorithm_name or "", architectures=spec.nas_config is not None, additional_metrics=len(additional)
    ):
        yield required(missing.path, missing.cure)
    for found in algorithm_space_errors(
        algorithm.algorithm_name or "",
        {entry.name or "": entry.value or "" for entry in algorithm.algorithm_settings or []},
        spec.parameters or [],
        spec.max_trial_count,
        spec.parallel_trial_count,
    ):
        yield invalid(found.path, found.value, found.detail)


def _setting_errors(algorithm: AlgorithmSpec) -> Iterator[FieldError]:
    """Two settings of one name are a mistake (algorithms.md §2.8)."""
    names = [entry.name or "" for entry in algorithm.algorithm_settings or []]
    for index, name in enumerate(names):
        path = f"spec.algorithm.algorithmSettings[{index}].name"
        if not name:
            yield required(path, "name the setting")
        elif name in names[:index]:
            yield invalid(path, name, "is set twice: remove one of them")


def _checkpoint_errors(spec: ExperimentSpec) -> Iterator[FieldError]:
    """D-37a: the volume that trials keep checkpoints in exists with one resume policy only."""
    policy = spec.resume_policy or defaults.EXPERIMENT_SPEC_RESUME_POLICY
    settings = (spec.algorithm.algorithm_settings if spec.algorithm else None) or []
    wanted = any(entry.name == TRIAL_DIRECTORY_SETTING and entry.value for entry in settings)
    if wanted and policy in tuple(ResumePolicyType) and policy != ResumePolicyType.FROM_VOLUME:
        detail = (
            f"the setting {TRIAL_DIRECTORY_SETTING} mounts a volume that exists only with {ResumePolicyType.FROM_VOLUME}: "
            f"set resumePolicy to {ResumePolicyType.FROM_VOLUME}"
        )
        yield invalid("spec.resumePolicy", policy, detail)


def _early_stopping_errors(spec: EarlyStoppingSpec | None, config: KatibConfig) -> Iterator[FieldError]:
    """Rows 17 and 18."""
    if spec is None:
        return
    path = "spec.earlyStopping.algorithmName"
    if not spec.algorithm_name:
        yield required(path, "name an early-stopping algorithm, or remove earlyStopping")
    try:
        early_stopping_config(config, spec.algorithm_name or "")
    except KatibConfigError as error:
        yield invalid(path, spec.algorithm_name or "", f"no such early-stopping algorithm: {error}")
