"""How a trial template and a set of parameter values become a job: placeholders, references, rendering. Pure.

Contract: controllers.md §3 with CTL-25; resources.md §3.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from katib_apis.v1beta1.models import ParameterAssignment, TrialParameterSpec

METADATA_REFERENCE = re.compile(r"\$\{trialSpec\.(.+?)\}")
INDEXED_KEY = re.compile(r"(.+)\[(.+)]")
PLACEHOLDER = re.compile(r"\$\{trialParameters\.(.+?)\}")
PLAIN_KEYS = ("Name", "Namespace", "Kind", "APIVersion")
INDEXED_KEYS = ("Annotations", "Labels")

Template = Mapping[str, Any] | str


class TrialTemplateError(ValueError):
    """A template cannot become a job; the message says which part of it, and why."""


class AssignmentError(TrialTemplateError):
    """Trial parameters and assignments do not fit; neither can be changed any more, so that this never heals."""


@dataclass(frozen=True)
class MetadataReference:
    """A reference to the trial itself, such as ${trialSpec.Name} or ${trialSpec.Labels[team]}."""

    key: str
    index: str = ""

    @property
    def known(self) -> bool:
        return self.key in (INDEXED_KEYS if self.index else (*PLAIN_KEYS, *INDEXED_KEYS))


def placeholder(name: str) -> str:
    """The text that stands for a trial parameter in a template."""
    return f"${{trialParameters.{name}}}"


def parse_metadata_reference(reference: str) -> MetadataReference | None:
    """The reference to the trial that a text holds, whether its key is known or not; None when it holds none."""
    found = METADATA_REFERENCE.search(reference)
    if found is None:
        return None
    indexed = INDEXED_KEY.fullmatch(found[1])
    return MetadataReference(indexed[1], indexed[2]) if indexed else MetadataReference(found[1])


def get_template(data: Mapping[str, str], template_path: str) -> str:
    """The template's text among a ConfigMap's data; raises TrialTemplateError."""
    try:
        return data[template_path]
    except KeyError:
        known = ", ".join(sorted(data)) or "none"
        raise TrialTemplateError(
            f"trial template {template_path!r} is not in the ConfigMap; templatePath must be one of its keys: {known}"
        ) from None


def render_run_spec(
    template: Template,
    trial_parameters: Sequence[TrialParameterSpec],
    assignments: Sequence[ParameterAssignment],
    *,
    trial_name: str,
    namespace: str,
) -> dict[str, Any]:
    """The job of one trial: every placeholder replaced, name and namespace set; raises TrialTemplateError."""
    values = _values(template, trial_parameters, assignments, {"Name": trial_name, "Namespace": namespace})
    rendered = parse_template(replace_placeholders(template, values))
    metadata = rendered.get("metadata")
    named = {**(metadata if isinstance(metadata, Mapping) else {}), "name": trial_name, "namespace": namespace}
    return {**rendered, "metadata": named}


def replace_placeholders(template: Template, values: Mapping[str, str]) -> Template:
    """Replace the placeholders that have a value, in one pass: a value is never searched for further placeholders.

    In a template that is an object only texts are changed, so that it stays one, whatever the values hold (CTL-25).
    """
    if isinstance(template, str):
        return _replaced(template, values)
    return {key: _replaced_within(value, values) for key, value in _with_keys(template, values)}


def _replaced(text: str, values: Mapping[str, str]) -> str:
    if "${trialParameters." not in text:
        return text
    known = "|".join(re.escape(name) for name in sorted(values, key=len, reverse=True))
    if not known:
        return text
    return re.sub(r"\$\{trialParameters\.(" + known + r")\}", lambda found: values[found[1]], text)


def _with_keys(mapping: Mapping[str, Any], values: Mapping[str, str]) -> list[tuple[str, Any]]:
    return [(_replaced(key, values) if isinstance(key, str) else key, value) for key, value in mapping.items()]


def _replaced_within(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _replaced(value, values)
    if isinstance(value, Mapping):
        return {key: _replaced_within(part, values) for key, part in _with_keys(value, values)}
    if isinstance(value, Sequence):
        return [_replaced_within(part, values) for part in value]
    return value


def parse_template(template: Template) -> dict[str, Any]:
    """The template as an object; text may be YAML or JSON. Raises TrialTemplateError."""
    if not isinstance(template, str):
        return dict(template)
    try:
        document = yaml.safe_load(template)
    except yaml.YAMLError as error:
        raise TrialTemplateError(
            f"the trial template is neither JSON nor YAML: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(document, dict):
        raise TrialTemplateError("the trial template is not a Kubernetes object (a mapping with apiVersion and kind)")
    return document


def _values(
    template: Template,
    trial_parameters: Sequence[TrialParameterSpec],
    assignments: Sequence[ParameterAssignment],
    own: Mapping[str, str],
) -> dict[str, str]:
    """The text of each trial parameter; what refers to the template itself is read once the rest is in its place."""
    values = _assigned_values(trial_parameters, assignments)
    references = {entry.name or "": entry.reference or "" for entry in trial_parameters if entry.name not in values}
    metadata = {name: parse_metadata_reference(reference) for name, reference in references.items()}
    filled: dict[str, Any] | None = None
    for name, found in metadata.items():
        if found is None:
            continue
        if not found.index and found.key in own:
            values[name] = own[found.key]
            continue
        if filled is None:
            filled = parse_template(replace_placeholders(template, {**dict.fromkeys(references, "0"), **values}))
        values[name] = _metadata_value(filled, found, references[name])
    return values


def _assigned_values(
    trial_parameters: Sequence[TrialParameterSpec], assignments: Sequence[ParameterAssignment]
) -> dict[str, str]:
    assigned = {entry.name: entry.value or "" for entry in assignments}
    plain = [entry for entry in trial_parameters if parse_metadata_reference(entry.reference or "") is None]
    for parameter in plain:
        if parameter.reference not in assigned:
            raise AssignmentError(
                f"parameter {parameter.reference!r}, which trial parameter {parameter.name!r} refers to, is not among the "
                f"assignments: {', '.join(str(name) for name in assigned) or 'none'}"
            )
    if len(plain) != len(assignments):
        referred = {parameter.reference for parameter in plain}
        unused = ", ".join(str(name) for name in assigned if name not in referred) or "some twice"
        raise AssignmentError(f"assignments without a trial parameter in trialTemplate.trialParameters: {unused}")
    return {parameter.name or "": assigned[parameter.reference] for parameter in plain}


def _metadata_value(template: Mapping[str, Any], reference: MetadataReference, text: str) -> str:
    match reference:
        case MetadataReference("Kind", ""):
            return str(template.get("kind") or "")
        case MetadataReference("APIVersion", ""):
            return str(template.get("apiVersion") or "")
        case MetadataReference("Annotations" | "Labels" as key, index) if index:
            metadata = template.get("metadata")
            entries = metadata.get(key.lower()) if isinstance(metadata, Mapping) else None
            if isinstance(entries, Mapping) and index in entries:
                return str(entries[index])
            raise TrialTemplateError(f"{text}: the template has no {key.lower()[:-1]} {index!r} in its metadata")
        case _:
            known = ", ".join([*PLAIN_KEYS, *(f"{key}[NAME]" for key in INDEXED_KEYS)])
            raise TrialTemplateError(f"{text}: illegal reference to metadata; known are {known}")
