"""Rows 20 to 37 of webhooks.md §4.1 with WH-8: the trial template. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from katib_apis.v1beta1.models import ExperimentSpec, ParameterSpec, TrialParameterSpec, TrialTemplate
from katib_domain.trial_template import (
    PLACEHOLDER,
    Template,
    TrialTemplateError,
    parse_metadata_reference,
    parse_template,
    placeholder,
    replace_placeholders,
)
from katib_domain.validation.errors import FieldError, invalid, required
from katib_domain.validation.job import job_errors, pod_templates

BASE = "spec.trialTemplate"
TEST_VALUE = "test-value"


@dataclass(frozen=True)
class TemplateText:
    """The template that a ConfigMap holds, or why it cannot be had."""

    text: str = ""
    problem: str = ""


def template_errors(spec: ExperimentSpec, from_config_map: TemplateText) -> list[FieldError]:
    """Every error of the template; some of them end the look."""
    template = spec.trial_template
    if template is None:
        return [
            required(BASE, "say what a trial runs: trialSpec or configMap, trialParameters and primaryContainerName")
        ]
    errors = list(_field_errors(template))
    ending = _source_errors(template, from_config_map)
    if ending is not None:
        return [*errors, ending]
    source: Template = template.trial_spec if template.trial_spec is not None else from_config_map.text
    parameters = template.trial_parameters or []
    names = {entry.name for entry in spec.parameters or []}
    reference_errors, ended = _parameter_errors(parameters, names, source)
    errors += reference_errors or _unused_errors(spec.parameters or [], parameters)
    return errors if ended else [*errors, *_rendered_errors(template, parameters, source)]


def _field_errors(template: TrialTemplate) -> Iterator[FieldError]:
    """Rows 21 and 22."""
    if not template.primary_container_name:
        yield required(f"{BASE}.primaryContainerName", "name the container that trains")
    if not template.success_condition or not template.failure_condition:
        detail = "successCondition and failureCondition are needed for a job of this kind: give both as GJSON paths into its status"
        yield required(BASE, detail)


def _source_errors(template: TrialTemplate, from_config_map: TemplateText) -> FieldError | None:
    """Rows 23 to 27: the first error, which ends the look."""
    if not template.trial_parameters:
        return required(f"{BASE}.trialParameters", "list the placeholders of the template: name and reference of each")
    if template.trial_spec is None and template.config_map is None:
        return required(f"{BASE}.TrialSource", "give the job in trialSpec, or say in configMap where its text lies")
    if template.trial_spec is not None and template.config_map is not None:
        return required(BASE, "only one of trialSpec and configMap may be given: remove the other")
    place = template.config_map
    if place is None:
        return None
    if not (place.config_map_name and place.config_map_namespace and place.template_path):
        return required(f"{BASE}.configMap", "give configMapName, configMapNamespace and templatePath")
    if from_config_map.problem:
        return invalid(BASE, place.template_path, from_config_map.problem)
    return None


def _parameter_errors(
    parameters: Sequence[TrialParameterSpec], names: set[str | None], source: Template
) -> tuple[list[FieldError], bool]:
    """Rows 28 to 32; the second value says that the look has ended."""
    errors: list[FieldError] = []
    held = dict.fromkeys(found for text in _texts(source) for found in PLACEHOLDER.findall(text))
    strangers = [placeholder(found) for found in held if found not in {parameter.name for parameter in parameters}]
    seen_names: set[str] = set()
    seen_references: set[str] = set()
    for index, parameter in enumerate(parameters):
        path = f"{BASE}.trialParameters[{index}]"
        name, reference = parameter.name or "", parameter.reference or ""
        found = _entry_error(path, name, reference, seen_names, seen_references)
        if found is not None:
            errors.append(found)
            continue
        seen_names.add(name)
        seen_references.add(reference)
        if names and not _refers(reference, names):
            known = ", ".join(sorted(str(known) for known in names))
            detail = f"refers to no parameter: use one of {known}, or ${{trialSpec.Name}} and the like"
            errors.append(invalid(f"{path}.reference", reference, detail))
        if not any(placeholder(name) in text for text in _texts(source)):
            detail = f"the template does not hold {placeholder(name)}: use it there, or remove the parameter"
            if strangers:
                detail += f"; it holds {', '.join(strangers)}, which trialParameters does not have: correct the name"
            return [*errors, invalid(f"{path}.name", name, detail)], True
    return errors, False


def _unused_errors(searched: Sequence[ParameterSpec], parameters: Sequence[TrialParameterSpec]) -> Iterator[FieldError]:
    """A value that no trial parameter takes: no trial could ever be made (controllers.md §3)."""
    referred = {entry.reference for entry in parameters}
    for index, entry in enumerate(searched):
        if entry.name not in referred:
            detail = (
                f"no entry of {BASE}.trialParameters refers to it: add one with reference {entry.name} and use it in the "
                "template, or remove the parameter"
            )
            yield invalid(f"spec.parameters[{index}].name", entry.name or "", detail)


def _entry_error(path: str, name: str, reference: str, names: set[str], references: set[str]) -> FieldError | None:
    if not name or not reference:
        return invalid(path, name or reference, "needs both name and reference")
    if "{" in name or "}" in name:
        return invalid(path, name, "a name must not hold { or }")
    if name in names:
        return invalid(f"{path}.name", name, "stands here twice: remove one of them")
    if reference in references:
        return invalid(f"{path}.reference", reference, "is referred to twice: use one trial parameter in both places")
    return None


def _refers(reference: str, names: set[str | None]) -> bool:
    metadata = parse_metadata_reference(reference)
    return reference in names or (metadata is not None and metadata.known)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for pair in value.items():
            for part in pair:
                yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _rendered_errors(
    template: TrialTemplate, parameters: Sequence[TrialParameterSpec], source: Template
) -> Iterator[FieldError]:
    """Rows 33 to 37, on the template with every placeholder replaced by a test value."""
    filled = replace_placeholders(source, {entry.name or "": TEST_VALUE for entry in parameters})
    for name in dict.fromkeys(found for text in _texts(filled) for found in PLACEHOLDER.findall(text)):
        detail = f"the template holds {placeholder(name)}, but trialParameters has no {name!r}: add it there, or correct the name"
        yield invalid(BASE, placeholder(name), detail)
    try:
        job = parse_template(filled)
    except TrialTemplateError as error:
        yield invalid(BASE, "template", str(error))
        return
    yield from _object_errors(job)
    if template.primary_container_name:
        yield from _container_errors(job, template.primary_container_name)


def _object_errors(job: Mapping[str, Any]) -> Iterator[FieldError]:
    metadata = job.get("metadata")
    for field in ("name", "namespace"):
        if isinstance(metadata, Mapping) and metadata.get(field):
            yield invalid(
                BASE,
                metadata[field],
                f"the template must not have metadata.{field}: each trial's job gets its own; remove it",
            )
    if not job.get("apiVersion") or not job.get("kind"):
        yield required(BASE, "the template needs apiVersion and kind, such as batch/v1 and Job")
    if job.get("apiVersion") == "batch/v1" and job.get("kind") == "Job":
        for path, detail in job_errors(job):
            yield invalid(BASE, path, detail)


def _container_errors(job: Mapping[str, Any], wanted: str) -> Iterator[FieldError]:
    """WH-8: where the pod template is known, the primary container must be in it."""
    templates = pod_templates(job)
    names = [name for containers in templates for name in containers]
    if templates and wanted not in names:
        detail = f"no container of the template has this name; there are {', '.join(names) or 'none'}"
        yield invalid(f"{BASE}.primaryContainerName", wanted, detail)
