"""Who controls whom: the owner references that chain Experiment, Suggestion, Trial and job."""

from typing import Any

from katib_apis.v1beta1.models import Experiment, OwnerReference, Suggestion, Trial
from katib_apis.v1beta1.resources import EXPERIMENTS, SUGGESTIONS, TRIALS
from katib_machinery.objects import KubeObject


def owner_reference(owner: Experiment | Suggestion | Trial) -> OwnerReference:
    """Return the reference by which ``owner`` controls an object and outlives it."""
    resource = {Experiment: EXPERIMENTS, Suggestion: SUGGESTIONS, Trial: TRIALS}[type(owner)]
    return OwnerReference.from_dict(
        {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "name": owner.name,
            "uid": owner.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
    )


def raw_owner_reference(owner: Experiment | Suggestion | Trial) -> dict[str, Any]:
    """Return the same for an object that has no model."""
    return owner_reference(owner).to_dict()


def is_controlled_by(obj: KubeObject, owner: KubeObject) -> bool:
    """Whether ``owner`` itself, not a namesake, controls ``obj``."""
    reference = obj.controller_owner
    return reference is not None and reference.uid == owner.uid
