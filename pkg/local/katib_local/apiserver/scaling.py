"""The scale subresource: how many replicas an object wants and has, as autoscaling/v1 says it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from katib_local.apiserver import patch
from katib_local.apiserver.calls import PatchBody
from katib_local.apiserver.errors import Undecodable, bad_request, internal, invalid, json_name, unnamed
from katib_local.apiserver.kinds import Kind

Json = dict[str, Any]


def render_scale(kind: Kind, document: Mapping[str, Any]) -> Json:
    """The Scale of an object; raises a refusal for a custom one that does not say what it wants."""
    metadata = document["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    wanted = _at(document, _path(kind))
    if wanted is None and kind.custom:
        raise internal(f'the spec replicas field "{kind.scale["specReplicasPath"]}" does not exist')
    selector = _selector(kind, document)
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {"replicas": 1 if wanted is None else wanted},
        "status": {
            "replicas": _at(document, kind.scale.get("statusReplicasPath", ".status.replicas")) or 0,
            **({"selector": selector} if selector else {}),
        },
    }


def _path(kind: Kind) -> str:
    return kind.scale.get("specReplicasPath", ".spec.replicas")


def _at(document: Any, path: str) -> Any:
    for name in path.removeprefix(".").split("."):
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _selector(kind: Kind, document: Mapping[str, Any]) -> str:
    if kind.custom:
        return str(_at(document, kind.scale.get("labelSelectorPath", "")) or "")
    labels = _at(document, ".spec.selector.matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def checked_scale(body: Any, name: str) -> Json:
    """A Scale that is sent as a whole, for the object of this name; raises a refusal for what is none."""
    if not isinstance(body, dict):
        raise Undecodable("the body of the request is no Scale")
    for field, called in (("metadata", "v1.ObjectMeta"), ("spec", "v1.ScaleSpec")):
        if not isinstance(body.get(field), dict | None):
            raise _misread(body[field], f"Scale.{field}", called)
    replicas = (body.get("spec") or {}).get("replicas")
    if type(replicas) not in (int, type(None)):
        raise _misread(replicas, "ScaleSpec.spec.replicas", "int32")
    if not (body.get("metadata") or {}).get("name"):
        raise unnamed(name)
    return body


def _misread(value: Any, field: str, called: str) -> Undecodable:
    what = f"number {value}" if json_name(value) == "number" else json_name(value)
    why = f"json: cannot unmarshal {what} into Go struct field {field} of type {called}"
    return Undecodable(f'Scale in version "v1" cannot be handled as a Scale: {why}')


def scaled(kind: Kind, document: Mapping[str, Any], change: PatchBody) -> Json:
    """The object with the number of replicas that a new Scale, or a patch of one, asks for; raises a refusal."""
    before = render_scale(kind, document)
    match change.content:
        case patch.JSON_PATCH:
            wanted = patch.json_patch(before, change.body)
        case patch.MERGE | patch.STRATEGIC:
            wanted = patch.merge_patch(before, change.body)
        case _:
            wanted = change.body
    replicas = (wanted.get("spec") or {}).get("replicas", 0) if isinstance(wanted, Mapping) else None
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise bad_request("spec.replicas must be a whole number")
    if replicas < 0:
        name, field = document["metadata"]["name"], _path(kind) if kind.custom else "spec.replicas"
        raise invalid(kind, name, [(field, f"Invalid value: {replicas}: should be a non-negative integer")])
    told = wanted.get("metadata") or {} if isinstance(wanted, Mapping) else {}
    seen = {key: told[key] for key in ("name", "uid", "resourceVersion") if told.get(key)}
    changed = _with(document, _path(kind).removeprefix(".").split("."), replicas)
    return {**changed, "metadata": {**document["metadata"], **seen}}


def _with(document: Mapping[str, Any], names: list[str], value: Any) -> Json:
    """A copy with a value at a path."""
    inner = value if len(names) == 1 else _with(document.get(names[0]) or {}, names[1:], value)
    return {**document, names[0]: inner}
