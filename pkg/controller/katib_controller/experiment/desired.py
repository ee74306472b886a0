"""What an Experiment's Suggestion and Trials should look like. Pure builders."""

from collections.abc import Mapping
from typing import Any

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.models import (
    Experiment,
    ExperimentSpec,
    ObjectMeta,
    Suggestion,
    SuggestionSpec,
    Trial,
    TrialAssignment,
    TrialSpec,
    TrialTemplate,
)
from katib_apis.v1beta1.resources import SUGGESTIONS, TRIALS
from katib_controller.ownership import owner_reference
from katib_domain.naming import legal_label_value


def desired_suggestion(experiment: Experiment, requests: int) -> Suggestion:
    """Build the Suggestion that an Experiment starts with."""
    spec = experiment.spec or ExperimentSpec()
    annotations = {k: v for k, v in experiment.annotations.items() if k != names.ANNOTATION_LAST_APPLIED}
    metadata = _present(
        name=experiment.name,
        namespace=experiment.namespace,
        labels=dict(experiment.labels),
        annotations=annotations,
        owner_references=[owner_reference(experiment)],
    )
    return Suggestion.model_construct(
        api_version=SUGGESTIONS.api_version,
        kind=SUGGESTIONS.kind,
        metadata=ObjectMeta.model_construct(**metadata),
        spec=SuggestionSpec.model_construct(
            requests=requests,
            **_present(algorithm=spec.algorithm, early_stopping=spec.early_stopping, resume_policy=spec.resume_policy),
        ),
    )


def desired_trial(experiment: Experiment, assignment: TrialAssignment, run_spec: Mapping[str, Any]) -> Trial:
    """Build the Trial of an assignment. Its finalizer is there from the start, which saves a write."""
    labels = dict(assignment.labels or {})
    suggested_name = labels.pop(names.ANNOTATION_SUGGESTED_NAME, "")
    metadata = _present(
        name=assignment.name,
        namespace=experiment.namespace,
        labels={
            **experiment.labels,
            names.LABEL_EXPERIMENT: experiment.name,
            **{name: legal_label_value(value) for name, value in labels.items()},
        },
        annotations={names.ANNOTATION_SUGGESTED_NAME: suggested_name} if suggested_name else None,
        finalizers=[names.FINALIZER_TRIAL],
        owner_references=[owner_reference(experiment)],
    )
    return Trial.model_construct(
        api_version=TRIALS.api_version,
        kind=TRIALS.kind,
        metadata=ObjectMeta.model_construct(**metadata),
        spec=_desired_trial_spec(experiment.spec or ExperimentSpec(), assignment, labels, run_spec),
    )


def _desired_trial_spec(
    spec: ExperimentSpec, assignment: TrialAssignment, labels: Mapping[str, str], run_spec: Mapping[str, Any]
) -> TrialSpec:
    template = spec.trial_template or TrialTemplate()
    both = bool(template.success_condition and template.failure_condition)
    fields = _present(
        objective=spec.objective,
        parameter_assignments=assignment.parameter_assignments,
        early_stopping_rules=assignment.early_stopping_rules if spec.early_stopping is not None else None,
        run_spec=dict(run_spec),
        retain_run=template.retain,
        metrics_collector=spec.metrics_collector_spec,
        primary_pod_labels=template.primary_pod_labels,
        primary_container_name=template.primary_container_name,
        success_condition=template.success_condition if both else None,
        failure_condition=template.failure_condition if both else None,
        labels=dict(labels),
    )
    return TrialSpec.model_construct(**fields)


def _present(**fields: Any) -> dict[str, Any]:
    """Leave out what is absent or empty, as the API writes objects."""
    return {name: value for name, value in fields.items() if value is not None and value not in ({}, [], "")}
