"""What a Trial's job should look like. Pure builder."""

from typing import Any

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.models import Trial
from katib_controller.ownership import raw_owner_reference
from katib_machinery.model import deep_copy
from katib_machinery.objects import Unstructured


def desired_job(trial: Trial) -> Unstructured:
    """Build the job from the rendered template, under the Trial's name and control.

    The pod template of a Job gets the Trial's label, by which admission knows its pods even when it cannot look up
    their owners (WH-1).
    """
    job: dict[str, Any] = deep_copy(dict(run_spec_of(trial)))
    metadata = job.setdefault("metadata", {})
    metadata["name"], metadata["namespace"] = trial.name, trial.namespace
    metadata["ownerReferences"] = [raw_owner_reference(trial)]
    if is_plain_job(trial):
        template = job.setdefault("spec", {}).setdefault("template", {})
        pod_metadata = template.setdefault("metadata", {})
        pod_metadata["labels"] = {**(pod_metadata.get("labels") or {}), names.LABEL_TRIAL: trial.name}
    return Unstructured(job)


def run_spec_of(trial: Trial) -> dict[str, Any]:
    """Return the rendered template, empty if there is none."""
    return (trial.spec.run_spec if trial.spec is not None else None) or {}


def is_plain_job(trial: Trial) -> bool:
    """Whether the job is Kubernetes' own Job, whose pod template is known."""
    run_spec = run_spec_of(trial)
    return run_spec.get("kind") == "Job" and run_spec.get("apiVersion") == "batch/v1"


def absent_container(trial: Trial) -> str:
    """Return the primary container's name if the pod template, where it is known, has no such container (CTL-10)."""
    primary = (trial.spec.primary_container_name if trial.spec is not None else None) or ""
    if not primary or not is_plain_job(trial):
        return ""
    pod = ((run_spec_of(trial).get("spec") or {}).get("template") or {}).get("spec") or {}
    containers = [container.get("name") for container in pod.get("containers") or ()]
    return "" if not containers or primary in containers else primary
