"""The scale subresource: how many replicas a Deployment or ReplicaSet wants and has, as autoscaling/v1 says it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from katib_local.apiserver import patch
from katib_local.apiserver.calls import PatchBody
from katib_local.apiserver.errors import bad_request

Json = dict[str, Any]


def render_scale(document: Mapping[str, Any]) -> Json:
    """The Scale of an object."""
    metadata, spec, status = document["metadata"], document.get("spec") or {}, document.get("status") or {}
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = (spec.get("selector") or {}).get("matchLabels") or {}
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {"replicas": spec.get("replicas", 1)},
        "status": {"replicas": status.get("replicas", 0), "selector": selector},
    }


def scaled(document: Mapping[str, Any], change: PatchBody) -> Json:
    """The object with the number of replicas that a new Scale, or a patch of one, asks for; raises a refusal."""
    before = render_scale(document)
    match change.content:
        case patch.JSON_PATCH:
            wanted = patch.json_patch(before, change.body)
        case patch.MERGE | patch.STRATEGIC:
            wanted = patch.merge_patch(before, change.body)
        case _:
            wanted = change.body
    replicas = (wanted.get("spec") or {}).get("replicas", 0) if isinstance(wanted, Mapping) else None
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        raise bad_request("spec.replicas must be a whole number, 0 or more")
    told = wanted.get("metadata") or {} if isinstance(wanted, Mapping) else {}
    seen = {key: told[key] for key in ("name", "uid", "resourceVersion") if told.get(key)}
    metadata = {**document["metadata"], **seen}
    return {**document, "metadata": metadata, "spec": {**(document.get("spec") or {}), "replicas": replicas}}
