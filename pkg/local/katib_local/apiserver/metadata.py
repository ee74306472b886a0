"""Names, and what else of an object's metadata the server gives or checks. Pure, but for the dice of names and uids."""

from __future__ import annotations

import re
import secrets
import uuid
from typing import Any

from katib_local.apiserver.errors import bad_request, invalid
from katib_local.apiserver.kinds import Kind

Json = dict[str, Any]
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL_NAMED = ("Namespace", "Service", "Pod")
SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
FREE_NAMES = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
GENERATIONLESS = (
    "ConfigMap",
    "Secret",
    "Event",
    "Namespace",
    "Node",
    "Service",
    "ServiceAccount",
    "Endpoints",
    "Lease",
    "PersistentVolume",
    "PersistentVolumeClaim",
)


def typed(kind: Kind, document: Any) -> Json:
    """The object with its kind, which the URL tells of Kubernetes' own; raises a refusal for an object of another."""
    if not isinstance(document, dict):
        raise bad_request("the body of the request is no object")
    said = {key: document.get(key) or "" for key in ("apiVersion", "kind")}
    meant = {"apiVersion": kind.api_version, "kind": kind.kind}
    if any(said[key] != meant[key] and (said[key] or kind.custom) for key in meant):
        found = f"{said['apiVersion']} {said['kind']}".strip() or "without apiVersion and kind"
        raise bad_request(f"the object provided is {found}, not {kind.api_version} {kind.kind}")
    if not isinstance(document.get("metadata") or {}, dict):
        raise bad_request("metadata must be an object")
    return {**document, **meant}


def named(kind: Kind, namespace: str, document: Json, at: str) -> Json:
    """An object that is created, with what the server owns of its metadata; raises a refusal for a bad name."""
    metadata = dict(document.get("metadata") or {})
    if metadata.get("namespace") not in (None, "", namespace):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if not metadata.get("name") and metadata.get("generateName"):
        suffix = "".join(secrets.choice(SUFFIX_ALPHABET) for _ in range(5))
        metadata["name"] = f"{metadata['generateName'][:58]}{suffix}"
    check_name(kind, metadata.get("name"))
    for field_name in ("resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"):
        metadata.pop(field_name, None)
    if kind.namespaced:
        metadata["namespace"] = namespace
    metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": at}
    if kind.kind not in GENERATIONLESS:
        metadata["generation"] = 1
    return {**document, "metadata": metadata}


def check_name(kind: Kind, name: Any) -> None:
    if not isinstance(name, str) or not name:
        raise invalid(kind, "", [("metadata.name", "Required value: name or generateName is required")])
    if kind.kind in FREE_NAMES:
        return
    label = kind.kind in LABEL_NAMED and kind.kind != "Pod"
    rule, longest = (LABEL, 63) if label else (SUBDOMAIN, 253)
    if not rule.fullmatch(name) or len(name) > longest:
        what = "RFC 1123 label" if label else "lowercase RFC 1123 subdomain"
        text = f"Invalid value: \"{name}\": a {what} must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
        raise invalid(kind, name, [("metadata.name", text)])
