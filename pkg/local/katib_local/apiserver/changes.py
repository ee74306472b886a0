"""What a change makes of an object that is there, and whether it is meant for that one. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from katib_local.apiserver.errors import bad_request, conflict, invalid, no_whole_number, unnamed, unversioned
from katib_local.apiserver.kinds import Kind

Json = dict[str, Any]
KEPT = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink")
VERSIONED = (
    "CustomResourceDefinition",
    "Lease",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
)
"""Of these, as of all custom kinds, only who says which version has been seen may write the next one."""


def check_target(kind: Kind, document: Json, old: Json) -> None:
    """Raise a refusal for what is meant for another object, or for another version of this one."""
    metadata, held = document.get("metadata") or {}, old["metadata"]
    name = held["name"]
    if not metadata.get("name"):
        raise unnamed(name)
    check_name(metadata["name"], name)
    if kind.namespaced and metadata.get("namespace") not in (None, "", held["namespace"]):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    _check_version(kind, metadata.get("resourceVersion") or "0", held)
    uid = metadata.get("uid")
    if uid and uid != held["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {held['uid']}"
        raise conflict(kind, name, why)
    for field in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        if metadata.get(field) is not None and field not in held:
            raise invalid(kind, name, [(f"metadata.{field}", fixed(metadata[field]))])


def begun(kind: Kind, document: Json, name: str) -> Json:
    """What is created of an object that was to be replaced and is not there; raises a refusal for one that is another."""
    metadata = document.get("metadata") or {}
    if not metadata.get("name"):
        raise unnamed(name)
    check_name(metadata["name"], name)
    if uid := metadata.get("uid"):
        raise conflict(kind, name, f"Precondition failed: UID in precondition: {uid}, UID in object meta: ")
    return {**document, "metadata": {key: part for key, part in metadata.items() if key != "resourceVersion"}}


def check_name(said: str, name: str) -> None:
    """Raise a refusal for an object that has another name than its URL."""
    if said != name:
        raise bad_request(f"the name of the object ({said}) does not match the name on the URL ({name})")


def fixed(value: Any) -> str:
    """What is wrong with another value of what only the server sets."""
    return f"Invalid value: {json.dumps(value)}: field is immutable"


def _check_version(kind: Kind, version: str, held: Json) -> None:
    if not (version.isascii() and version.isdigit()):
        raise no_whole_number(version)
    if int(version) == 0:
        if kind.custom or kind.kind in VERSIONED:
            raise unversioned(kind, held["name"])
    elif version != held["resourceVersion"]:
        raise conflict(kind, held["name"])


def merged(kind: Kind, document: Json, old: Json, subresource: str) -> Json:
    """The new state: one writer writes the status, the other everything else; what the server owns stays."""
    if subresource == "status":
        status = {"status": document["status"]} if "status" in document else {}
        own = (document.get("metadata") or {}).get("managedFields")
        metadata = {**old["metadata"], **({"managedFields": own} if own else {})}
        return {**{key: value for key, value in old.items() if key != "status"}, "metadata": metadata, **status}
    metadata = {key: value for key, value in (document.get("metadata") or {}).items() if key not in KEPT}
    metadata |= {key: old["metadata"][key] for key in KEPT if key in old["metadata"]}
    if not metadata.get("managedFields") and old["metadata"].get("managedFields"):
        metadata["managedFields"] = old["metadata"]["managedFields"]
    metadata |= {"name": old["metadata"]["name"], "resourceVersion": old["metadata"]["resourceVersion"]}
    if kind.namespaced:
        metadata["namespace"] = old["metadata"]["namespace"]
    changed = {**document, "metadata": metadata}
    if kind.has("status"):
        changed.pop("status", None)
        changed |= {"status": old["status"]} if "status" in old else {}
    return changed


def counted(document: Json, old: Json) -> Json:
    """With the next generation if anything but metadata and status is another than before, mutations included."""
    generation = old["metadata"].get("generation")
    if generation is None or spec_of(document) == spec_of(old):
        return document
    return {**document, "metadata": {**document["metadata"], "generation": generation + 1}}


def spec_of(document: Json) -> Json:
    """All but metadata and status."""
    return {key: value for key, value in document.items() if key not in ("metadata", "status")}


def version_in(body: Any) -> Any:
    """The version that a patch names, if it does."""
    metadata = body.get("metadata") if isinstance(body, Mapping) else None
    return metadata.get("resourceVersion") if isinstance(metadata, Mapping) else None


def version_of(document: Json) -> Any:
    return document["metadata"]["resourceVersion"]


def other_uid(document: Json, old: Json) -> Any:
    """The uid that a patch gives an object which has another one; None if it does not."""
    metadata = document.get("metadata")
    uid = metadata.get("uid") if isinstance(metadata, Mapping) else None
    return uid if uid and uid != old["metadata"]["uid"] else None
