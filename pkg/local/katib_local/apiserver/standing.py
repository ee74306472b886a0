"""What stands in a cluster without anybody asking for it: an account in each namespace, and what each pod is given. Pure.

A cluster's controllers and its own admission do this; webhooks are asked after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from katib_local.apiserver.errors import forbidden
from katib_local.apiserver.kinds import PODS, Kind

Json = dict[str, Any]
FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
ACCOUNT = "default"
"""The service account that each namespace has, and each pod that names none."""
GIVEN = {"priority": 0, "preemptionPolicy": "PreemptLowerPriority"}
BY_CLASS = "from the given PriorityClass name"
TROUBLES = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
PATIENCE_SECONDS = 300


def admit(kind: Kind, document: Json) -> Json:
    """An object that is created, with what a cluster's admission adds before webhooks see it; raises a refusal."""
    if kind != PODS:
        return document
    spec = document.get("spec") or {}
    if why := next(unwanted(spec), None):
        metadata = document["metadata"]
        raise forbidden(kind, metadata.get("name") or metadata.get("generateName") or "Unknown", why)
    account = spec.get("serviceAccountName") or ACCOUNT
    tolerations = [*(spec.get("tolerations") or ()), *_patience(spec.get("tolerations") or ())]
    return {**document, "spec": with_account({**GIVEN, **spec, "tolerations": tolerations}, account)}


def unwanted(spec: Mapping[str, Any]) -> Iterator[str]:
    """Why a pod is not let in, with a priority of its own or a runtime that there is not."""
    own = "must not be provided in pod spec; priority admission controller computed"
    ranked = spec.get("priorityClassName")  # there are no classes here: what one says is not known
    if not ranked and spec.get("priority") not in (None, GIVEN["priority"]):
        yield f"the integer value of priority ({spec['priority']}) {own} {GIVEN['priority']} {BY_CLASS}"
    policy = GIVEN["preemptionPolicy"]
    if not ranked and spec.get("preemptionPolicy") not in (None, policy):
        yield f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) {own} {policy} {BY_CLASS}"
    if (runtime := spec.get("runtimeClassName")) is not None:
        yield f'pod rejected: RuntimeClass "{runtime}" not found'
    elif spec.get("overhead"):
        yield "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"


def with_account(spec: Mapping[str, Any], account: str) -> Json:
    """A pod's spec with its service account, also under the name that the field once had."""
    return {**spec, "serviceAccountName": account, "serviceAccount": account} if account else {**spec}


def _patience(tolerations: Sequence[Mapping[str, Any]]) -> list[Json]:
    """For how long a pod stays on a node in trouble, where it does not say so itself."""
    entry = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": PATIENCE_SECONDS}
    return [{"key": key, **entry} for key in TROUBLES if not any(_is_about(held, key) for held in tolerations)]


def _is_about(toleration: Mapping[str, Any], key: str) -> bool:
    return toleration.get("key") in (None, "", key) and toleration.get("effect") in (None, "", "NoExecute")
