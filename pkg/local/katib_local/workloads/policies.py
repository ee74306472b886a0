"""What a Job's own rules make of its pods: `podFailurePolicy` and `successPolicy` of batch/v1. Pure.

Rules are known to be right: the server refuses others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from katib_local.workloads import indexed, pods
from katib_machinery.objects import Unstructured

Json = Mapping[str, Any]
FAIL_JOB, FAIL_INDEX, IGNORE = "FailJob", "FailIndex", "Ignore"


@dataclass(frozen=True)
class Match:
    """The first rule that is about a failed pod: its action, and what is told of the pod when its Job fails by it."""

    action: str
    message: str


def match_failure(policy: Json | None, pod: Unstructured) -> Match | None:
    """The rule of a `podFailurePolicy` by which a failed pod is judged; None when none is about it."""
    for index, rule in enumerate((policy or {}).get("rules") or ()):
        found = _by_codes(rule["onExitCodes"], pod) if rule.get("onExitCodes") else _by_conditions(rule, pod)
        if found:
            action = str(rule["action"])
            return Match(action, f"{found} matching {action} rule at index {index}")
    return None


def _by_codes(wanted: Json, pod: Unstructured) -> str:
    """The first container that has ended with a code which a rule names; main containers come before init containers."""
    for name, code in pods.exit_codes(pod):
        if code and wanted.get("containerName") in (None, name) and _names(wanted, code):
            return f"Container {name} for pod {pod.namespace}/{pod.name} failed with exit code {code}"
    return ""


def _names(wanted: Json, code: int) -> bool:
    return (code in wanted["values"]) is (wanted["operator"] == "In")


def _by_conditions(rule: Json, pod: Unstructured) -> str:
    wanted = {(entry["type"], entry.get("status", "True")) for entry in rule.get("onPodConditions") or ()}
    for held in pods.conditions_of(pod):
        if (held.get("type"), held.get("status")) in wanted:
            return f"Pod {pod.namespace}/{pod.name} has condition {held['type']}"
    return ""


def met_success(policy: Json | None, succeeded: Collection[int]) -> str:
    """Which rule of a `successPolicy` the indexes meet that have succeeded, in a Job's words; empty when they meet none."""
    for index, rule in enumerate(((policy or {}).get("rules") or ()) if succeeded else ()):
        count, listed = rule.get("succeededCount"), rule.get("succeededIndexes")
        needed = indexed.parse(listed) if listed is not None else set(succeeded)
        done = len(needed.intersection(succeeded))
        if (listed is not None and needed and done == len(needed)) or (count is not None and done >= count):
            return f"Matched rules at index {index}"
    return ""
