"""controllers.md §3 and CTL-25: from a template and values to a job."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_apis.v1beta1.models import ParameterAssignment, TrialParameterSpec
from katib_domain.trial_template import (
    MetadataReference,
    TrialTemplateError,
    get_template,
    parse_metadata_reference,
    placeholder,
    render_run_spec,
)

JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"labels": {"team": "vision"}, "annotations": {"a/b": "note"}},
    "spec": {"command": ["train", "--lr=${trialParameters.lr}", "${trialParameters.lr}${trialParameters.m}"], "n": 3},
}


def parameters(**references: str) -> list[TrialParameterSpec]:
    return [TrialParameterSpec(name=name, reference=reference) for name, reference in references.items()]


def assignments(**values: str) -> list[ParameterAssignment]:
    return [ParameterAssignment(name=name, value=value) for name, value in values.items()]


def render(template: Any = JOB, **values: str) -> dict[str, Any]:
    wanted = values or {"a": "0.1", "b": "2"}
    return render_run_spec(template, parameters(lr="a", m="b"), assignments(**wanted), trial_name="t-1", namespace="ns")


def test_placeholders_become_values_and_the_job_gets_the_trials_name() -> None:
    job = render()
    assert job["spec"] == {"command": ["train", "--lr=0.1", "0.12"], "n": 3}
    assert job["metadata"] == {**JOB["metadata"], "name": "t-1", "namespace": "ns"}


@pytest.mark.parametrize("value", ['say "hi"', "back\\slash", "new\nline", placeholder("m"), "${trialParameters.lr}"])
def test_a_value_stays_text_whatever_it_holds(value: str) -> None:
    """CTL-25: one pass, inside parsed strings."""
    assert render(a=value, b="2")["spec"]["command"][1] == f"--lr={value}"


@given(st.text(), st.text())
def test_no_value_breaks_the_job(first: str, second: str) -> None:
    assert render(a=first, b=second)["spec"]["command"][2] == first + second


def test_a_template_of_a_config_map_is_text_in_which_a_value_may_become_a_number() -> None:
    text = "apiVersion: batch/v1\nkind: Job\nspec: {n: ${trialParameters.lr}, t: '${trialParameters.m}'}\n"
    assert render(text)["spec"] == {"n": 0.1, "t": "2"}


METADATA = {
    "${trialSpec.Name}": "t-1",
    "${trialSpec.Namespace}": "ns",
    "${trialSpec.Kind}": "Job",
    "${trialSpec.APIVersion}": "batch/v1",
    "${trialSpec.Labels[team]}": "vision",
    "${trialSpec.Annotations[a/b]}": "note",
}


@pytest.mark.parametrize(("reference", "value"), METADATA.items())
def test_a_parameter_may_refer_to_the_trial_itself(reference: str, value: str) -> None:
    template = {**JOB, "spec": {"x": "${trialParameters.x}"}}
    job = render_run_spec(template, parameters(x=reference), [], trial_name="t-1", namespace="ns")
    assert job["spec"]["x"] == value


WRONG: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "not assigned": (
        {"lr": "a", "m": "c"},
        {"a": "1", "b": "2"},
        "parameter 'c', which trial parameter 'm' refers to, is not among",
    ),
    "left over": (
        {"lr": "a"},
        {"a": "1", "b": "2"},
        "assignments without a trial parameter in trialTemplate.trialParameters: b",
    ),
    "unknown key": ({"x": "${trialSpec.Uid}"}, {}, "illegal reference to metadata"),
    "missing label": ({"x": "${trialSpec.Labels[none]}"}, {}, "the template has no label 'none'"),
    "bare labels": ({"x": "${trialSpec.Labels}"}, {}, "illegal reference to metadata"),
}


@pytest.mark.parametrize(("references", "values", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_rendered_says_why(references: dict[str, str], values: dict[str, str], message: str) -> None:
    with pytest.raises(TrialTemplateError) as caught:
        render_run_spec(JOB, parameters(**references), assignments(**values), trial_name="t", namespace="n")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", "neither JSON nor YAML"), ("- 1", "not a Kubernetes object"), ("", "not a Kubernetes object")],
)
def test_a_template_that_is_no_object_is_named(text: str, message: str) -> None:
    with pytest.raises(TrialTemplateError, match=message):
        render(text)


def test_a_missing_key_names_the_keys_that_are_there() -> None:
    assert get_template({"job.yaml": "x"}, "job.yaml") == "x"
    with pytest.raises(TrialTemplateError, match=r"'none' is not in the ConfigMap.*job\.yaml"):
        get_template({"job.yaml": "x"}, "none")


REFERENCES = {
    "lr": None,
    "${trialSpec.Name}": MetadataReference("Name"),
    "${trialSpec.Labels[a]}": MetadataReference("Labels", "a"),
    "${trialSpec.Odd}": MetadataReference("Odd"),
}


@pytest.mark.parametrize(("text", "reference"), REFERENCES.items())
def test_references_are_told_apart(text: str, reference: MetadataReference | None) -> None:
    assert parse_metadata_reference(text) == reference
