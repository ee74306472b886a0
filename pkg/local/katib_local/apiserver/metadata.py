"""Names, and what else of an object's metadata the server gives or checks. Pure, but for the dice of names and uids."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from katib_local.apiserver.errors import Refusal, Undecodable, bad_request, invalid
from katib_local.apiserver.kinds import Kind

Json = dict[str, Any]
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
NAME_PART = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
QUALIFIED_WORDS = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character, with an optional DNS subdomain prefix and '/', at most 63 characters"
)
LABEL_WORDS = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character, at most 63 characters"
)
MOST_ANNOTATIONS = 256 * 1024
LABEL_NAMED = ("Namespace", "Service")
SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    f"with an alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN.pattern}')"
)
LABEL_NAME_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    f"alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LABEL.pattern}')"
)
SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
MOST_NAMES, LONGEST_NAME = 8, 253
FINALIZERS = ("foregroundDeletion", "kubernetes", "orphan")
"""Those without a domain that Kubernetes' own kinds may have."""
OWNED = ("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "selfLink", "uid")
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
    if kind.custom and said["kind"] == kind.kind and said["apiVersion"].partition("/")[0] == kind.group:
        if said["apiVersion"] != kind.api_version:
            wrong = f"the API version in the data ({said['apiVersion']}) does not match"
            raise bad_request(f"{wrong} the expected API version ({kind.api_version})")
    if any(said[key] != meant[key] and (said[key] or kind.custom) for key in meant):
        found = f"{said['apiVersion']} {said['kind']}".strip() or "without apiVersion and kind"
        raise Undecodable(f"the object provided is {found}, not {kind.api_version} {kind.kind}")
    return {**document, **meant}


def placed(kind: Kind, namespace: str, document: Json) -> Json:
    """An object that is to be created, in its namespace, as admission sees it; raises a refusal."""
    metadata = dict(document.get("metadata") or {})
    if metadata.get("namespace") not in (None, "", namespace):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if metadata.get("resourceVersion"):
        raise Refusal(500, "", "resourceVersion should not be set on objects to be created")
    for field_name in OWNED:
        metadata.pop(field_name, None)
    if kind.namespaced:
        metadata["namespace"] = namespace
    return {**document, "metadata": metadata}


def born(kind: Kind, document: Json, at: str, taken: Callable[[str], bool]) -> Json:
    """An object that is created, with a name and what the server owns; raises a refusal for a bad name."""
    metadata = dict(document["metadata"])
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = generated_name(metadata["generateName"], taken)
    check_name(kind, metadata.get("name"))
    prefix = metadata.get("generateName") or ""
    if len(prefix) > LONGEST_NAME and kind.kind not in FREE_NAMES:
        text = f'Invalid value: "{prefix}": must be no more than {LONGEST_NAME} characters'
        raise invalid(kind, metadata["name"], [("metadata.generateName", text)])
    metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": at}
    if kind.kind not in GENERATIONLESS:
        metadata["generation"] = 1
    return {**document, "metadata": metadata}


def generated_name(prefix: str, taken: Callable[[str], bool]) -> str:
    """A name that nobody has; after eight that somebody has, the last of them."""
    for _ in range(MOST_NAMES):
        name = prefix[:58] + "".join(secrets.choice(SUFFIX_ALPHABET) for _ in range(5))
        if not taken(name):
            break
    return name


def validate_metadata(kind: Kind, metadata: Json, old: Json | None) -> Iterator[tuple[str, str]]:
    """What is wrong with labels, annotations, finalizers and owners: pairs of field and text."""
    yield from _label_problems(metadata.get("labels") or {})
    yield from _annotation_problems(metadata.get("annotations") or {})
    yield from _finalizer_problems(metadata.get("finalizers") or [], old)
    if not kind.custom:
        yield from _unqualified(metadata.get("finalizers") or [])
    yield from _owner_problems(metadata.get("ownerReferences") or [])


def _label_problems(labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in labels.items():
        if not is_qualified(key):
            yield "metadata.labels", f'Invalid value: "{key}": {QUALIFIED_WORDS}'
        if not is_label_value(value):
            yield "metadata.labels", f'Invalid value: "{value}": {LABEL_WORDS}'


def _annotation_problems(annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key in annotations:
        if not is_qualified(key.lower()):
            yield "metadata.annotations", f'Invalid value: "{key}": {QUALIFIED_WORDS}'
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > MOST_ANNOTATIONS:
        yield "metadata.annotations", f"Too long: may not be more than {MOST_ANNOTATIONS} bytes"


def _finalizer_problems(finalizers: Sequence[str], old: Json | None) -> Iterator[tuple[str, str]]:
    for name in finalizers:
        if not is_qualified(name):
            yield "metadata.finalizers", f'Invalid value: "{name}": {QUALIFIED_WORDS}'
    if old is not None and old.get("deletionTimestamp"):
        added = sorted(set(finalizers) - set(old.get("finalizers") or []))
        if added:
            text = "no new finalizers can be added if the object is being deleted, found new finalizers"
            listed = ", ".join(f'"{name}"' for name in added)
            yield "metadata.finalizers", f"Forbidden: {text} []string{{{listed}}}"


def _unqualified(finalizers: Sequence[str]) -> Iterator[tuple[str, str]]:
    for index, name in enumerate(finalizers):
        if "/" not in name and name not in FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            yield f"metadata.finalizers[{index}]", f'Invalid value: "{name}": {text}'


def _owner_problems(owners: list[Json]) -> Iterator[tuple[str, str]]:
    for owner in owners:
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                yield f"metadata.ownerReferences.{name}", "Invalid value: must not be empty"
    if sum(bool(owner.get("controller")) for owner in owners) > 1:
        text = "Invalid value: Only one reference can have Controller set to true"
        yield "metadata.ownerReferences", text


def is_label_value(value: str) -> bool:
    return len(value) <= 63 and (value == "" or NAME_PART.fullmatch(value) is not None)


def is_qualified(key: str) -> bool:
    """Whether a text is a name that labels and the like have: a domain may stand before it."""
    prefix, slash, name = key.rpartition("/")
    if slash and (not SUBDOMAIN.fullmatch(prefix) or len(prefix) > 253):
        return False
    return len(name) <= 63 and NAME_PART.fullmatch(name) is not None


def check_name(kind: Kind, name: Any) -> None:
    if not isinstance(name, str) or not name:
        raise invalid(kind, "", [("metadata.name", "Required value: name or generateName is required")])
    if problem := _name_problem(kind, name):
        raise invalid(kind, name, [("metadata.name", f'Invalid value: "{name}": {problem}')])


def _name_problem(kind: Kind, name: str) -> str:
    """Why no object of a kind can be named so; empty if one can."""
    if kind.kind in FREE_NAMES:
        wrong = next((sign for sign in "/%" if sign in name), "")
        return f"may not contain '{wrong}'" if wrong else ""
    label = kind.kind in LABEL_NAMED
    longest = 63 if label else LONGEST_NAME
    if len(name) > longest:
        return f"must be no more than {longest} characters"
    if label and "." in name:
        return "must not contain dots"
    return "" if (LABEL if label else SUBDOMAIN).fullmatch(name) else LABEL_NAME_WORDS if label else SUBDOMAIN_WORDS
