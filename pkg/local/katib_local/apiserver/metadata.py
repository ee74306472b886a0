"""Names, and what else of an object's metadata the server gives or checks. Pure, but for the dice of names and uids."""

from __future__ import annotations

import json
import re
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from katib_local.apiserver.errors import Refusal, Undecodable, bad_request, invalid, shown
from katib_local.apiserver.kinds import CRDS, Kind

Json = dict[str, Any]
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
NAME_PART = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
NAME_SIGNS = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
QUALIFIED_WORDS = (
    f"must consist of {NAME_SIGNS} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABEL_WORDS = (
    f"a valid label must be an empty string or consist of {NAME_SIGNS} (e.g. 'MyValue',  or 'my_value',  or '12345', "
    "regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
EXCERPT = 30
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
OWNER = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
MOST_NAMES, LONGEST_NAME, LONGEST_LABEL = 8, 253, 63
FINALIZERS = ("foregroundDeletion", "kubernetes", "orphan")
"""Those without a domain that Kubernetes' own kinds may have."""
ORPHANING = {"foregroundDeletion", "orphan"}
"""What becomes of dependents: one of the two."""
OWNED = ("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "selfLink", "uid")
JOB_LABELS = ("batch.kubernetes.io/job-name", "job-name")
UID_LABELS = ("batch.kubernetes.io/controller-uid", "controller-uid")
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
    if kind.custom:
        _check_custom(kind, document)
    if any(said[key] != meant[key] and (said[key] or kind.custom) for key in meant):
        found = f"{said['apiVersion']} {said['kind']}".strip() or "without apiVersion and kind"
        raise Undecodable(f"the object provided is {found}, not {kind.api_version} {kind.kind}")
    return {**document, **meant}


def _check_custom(kind: Kind, document: Json) -> None:
    said, version = document.get("kind"), document.get("apiVersion") or ""
    if not said:
        raise kindless(kind, json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    if version != kind.api_version:
        wrong = f"the API version in the data ({version}) does not match"
        raise bad_request(f"{wrong} the expected API version ({kind.api_version})")
    if said != kind.kind:
        name = str((document.get("metadata") or {}).get("name") or "")
        raise invalid(
            replace(kind, kind=str(said)), name, [("kind", f"Invalid value: {shown(said)}: must be {kind.kind}")]
        )


def kindless(kind: Kind, text: str) -> Refusal:
    """Of a custom object, as it was written, that does not say what it is."""
    excerpt = text if len(text) <= EXCERPT else f"{text[:EXCERPT]} ..."
    why = f"Object 'Kind' is missing in '{text}' ({excerpt})"
    return bad_request(f"the object provided is unrecognized (must be of type {kind.kind}): {why}")


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
    """An object that is created, with a name and what the server owns; raises a refusal where it has none."""
    metadata = dict(document["metadata"])
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = generated_name(metadata["generateName"], taken)
    if not metadata.get("name"):
        raise invalid(kind, "", [("metadata.name", "Required value: name or generateName is required")])
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
    """What is wrong with the name, if it is new, labels, annotations, finalizers and owners: pairs of field and text."""
    if old is None:
        yield from _named(kind, metadata)
    yield from label_problems(metadata.get("labels") or {}, "metadata.labels")
    yield from _annotation_problems(metadata.get("annotations") or {})
    yield from _finalizer_problems(metadata.get("finalizers") or [], old)
    if not kind.custom and kind != CRDS:
        yield from _unqualified(metadata.get("finalizers") or [])
    yield from _owner_problems(metadata.get("ownerReferences") or [])


def label_problems(labels: Mapping[str, str], field: str) -> Iterator[tuple[str, str]]:
    """What is wrong with labels that stand at a field: pairs of field and text."""
    for key, value in labels.items():
        yield from qualified(field, key)
        yield from _wrong(field, value, label_value_problems(value))


def qualified(field: str, key: str) -> Iterator[tuple[str, str]]:
    """Why a text at a field is no name that labels and the like have: pairs of field and text."""
    yield from _wrong(field, key, qualified_problems(key))


def _wrong(field: str, value: str, problems: Iterator[str]) -> Iterator[tuple[str, str]]:
    for problem in problems:
        yield field, f"Invalid value: {shown(value)}: {problem}"


def _annotation_problems(annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key in annotations:
        yield from _wrong("metadata.annotations", key, qualified_problems(key.lower()))
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > MOST_ANNOTATIONS:
        yield "metadata.annotations", f"Too long: may not be more than {MOST_ANNOTATIONS} bytes"


def _finalizer_problems(finalizers: Sequence[str], old: Json | None) -> Iterator[tuple[str, str]]:
    for name in finalizers:
        yield from qualified("metadata.finalizers", name)
    if ORPHANING.issubset(finalizers):
        text = f"finalizer {' and '.join(sorted(ORPHANING, reverse=True))} cannot be both set"
        yield "metadata.finalizers", f"Invalid value: {shown(finalizers)}: {text}"
    if old is not None and old.get("deletionTimestamp"):
        added = sorted(set(finalizers) - set(old.get("finalizers") or []))
        if added:
            text = "no new finalizers can be added if the object is being deleted, found new finalizers"
            listed = ", ".join(f'"{name}"' for name in added)
            yield "metadata.finalizers", f"Forbidden: {text} []string{{{listed}}}"


def finalizer_warnings(metadata: Json, old: Json | None) -> list[str]:
    """What to say of new finalizers of a custom object that others may choose too."""
    new = set(metadata.get("finalizers") or []) - set((old or {}).get("finalizers") or [])
    cure = "to avoid accidental conflicts with other finalizer writers"
    return [
        f"metadata.finalizers: {shown(name)}: prefer a domain-qualified finalizer name "
        f"{'including a path (/) ' if '.' in name else ''}{cure}"
        for name in sorted(new)
        if "/" not in name and name not in FINALIZERS
    ]


def _unqualified(finalizers: Sequence[str]) -> Iterator[tuple[str, str]]:
    for index, name in enumerate(finalizers):
        if "/" not in name and name not in FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            yield f"metadata.finalizers[{index}]", f'Invalid value: "{name}": {text}'


def _owner_problems(owners: list[Json]) -> Iterator[tuple[str, str]]:
    for index, owner in enumerate(owners):
        place, version = f"metadata.ownerReferences[{index}]", owner.get("apiVersion") or ""
        if version.count("/") > 1:
            yield f"{place}.apiVersion", f"Invalid value: {shown(version)}: must be <group>/<version> or <version>"
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                yield f"{place}.{name}", "Required value: must not be empty"
        if (version, owner.get("kind")) == ("v1", "Event"):
            yield place, f"Invalid value: {_owners_shown(owner)}: /v1, Kind=Event is disallowed from being an owner"
    in_control = [f"{owner.get('kind') or ''}/{owner.get('name') or ''}" for owner in owners if owner.get("controller")]
    for other in in_control[1:]:
        found = f'Found "true" in references for {in_control[0]} and {other}'
        text = f"Only one reference can have Controller set to true. {found}"
        yield "metadata.ownerReferences", f"Invalid value: {_owners_shown(owners)}: {text}"


def _owners_shown(owners: Any) -> str:
    """Owners in the order in which a cluster writes their fields."""
    if isinstance(owners, list):
        return f"[{','.join(_owners_shown(owner) for owner in owners)}]"
    return json.dumps({name: owners[name] for name in OWNER if name in owners}, separators=(",", ":"))


def label_value_problems(value: str) -> Iterator[str]:
    """Why a text is no value of a label; nothing of one that is."""
    if len(value) > LONGEST_LABEL:
        yield f"must be no more than {LONGEST_LABEL} bytes"
    if value and not NAME_PART.fullmatch(value):
        yield LABEL_WORDS


def qualified_problems(key: str) -> Iterator[str]:
    """Why a text is no name that labels and the like have; nothing of one that is. A domain may stand before it."""
    prefix, slash, name = key.partition("/")
    if "/" in name:
        yield f"a valid label key {QUALIFIED_WORDS} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return
    if slash and not prefix:
        yield "prefix part must be non-empty"
    elif slash:
        yield from (f"prefix part {problem}" for problem in _subdomain_problems(prefix))
    else:
        name = key
    if not name:
        yield "name part must be non-empty"
    elif len(name) > LONGEST_LABEL:
        yield f"name part must be no more than {LONGEST_LABEL} bytes"
    if not NAME_PART.fullmatch(name):
        yield f"name part {QUALIFIED_WORDS}"


def _subdomain_problems(name: str) -> Iterator[str]:
    if len(name) > LONGEST_NAME:
        yield f"must be no more than {LONGEST_NAME} bytes"
    if not SUBDOMAIN.fullmatch(name):
        yield SUBDOMAIN_WORDS


def is_qualified(key: str) -> bool:
    """Whether a text is a name that labels and the like have: a domain may stand before it."""
    return not any(qualified_problems(key))


def name_problems(kind: Kind, name: str) -> Iterator[str]:
    """Why no object of a kind can be named so; nothing of one that can."""
    if kind.kind in FREE_NAMES:
        yield from (f"may not contain '{sign}'" for sign in "/%" if sign in name)
        return
    form, longest, words = SUBDOMAIN, LONGEST_NAME, SUBDOMAIN_WORDS
    if kind.kind in LABEL_NAMED:
        dotted = SUBDOMAIN.fullmatch(name) is not None  # so it may be the name of others
        form, longest, words = LABEL, LONGEST_LABEL, "must not contain dots" if dotted else LABEL_NAME_WORDS
    if len(name) > longest:
        yield f"must be no more than {longest} characters"
    if not form.fullmatch(name):
        yield words


def _named(kind: Kind, metadata: Json) -> Iterator[tuple[str, str]]:
    """What is wrong with the name that an object is created by, and with what it was generated from."""
    prefix, name = metadata.get("generateName") or "", metadata["name"]
    if prefix:
        whole = (
            f"{prefix[:-1]}a" if prefix.endswith("-") and len(prefix) > 1 else prefix
        )  # a name's beginning ends freely
        yield from _wrong("metadata.generateName", prefix, name_problems(kind, whole))
    yield from _wrong("metadata.name", name, name_problems(kind, name))
