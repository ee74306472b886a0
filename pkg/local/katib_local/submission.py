"""What to do with an Experiment file when the cluster may hold that Experiment already: a pure decision.

Must not know how objects are read or written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from katib_apis.v1beta1 import names

BUDGET = ("parallelTrialCount", "maxTrialCount", "maxFailedTrialCount")


@dataclass(frozen=True)
class Create:
    """There is no such Experiment: create it."""

    experiment: Mapping[str, Any]


@dataclass(frozen=True)
class Attach:
    """The same Experiment is there, running or finished: follow it."""


@dataclass(frozen=True)
class ChangeBudget:
    """Only the budget differs: apply it."""

    patch: Mapping[str, Any]


@dataclass(frozen=True)
class Refuse:
    """Something else differs; `fields` are the ones, and what to do about it is the caller's message."""

    fields: tuple[str, ...]


Submission = Create | Attach | ChangeBudget | Refuse


def decide_submission(wanted: Mapping[str, Any], live: Mapping[str, Any] | None) -> Submission:
    """Compare what the file says with what the cluster holds."""
    if live is None:
        return Create(with_bookkeeping(wanted))
    before = _last_applied(live)
    changed = _differences(
        wanted.get("spec", {}), before if before is not None else live.get("spec", {}), before is None
    )
    budget = {field: wanted.get("spec", {}).get(field) for field in BUDGET if field in changed}
    others = tuple(f"spec.{field}" for field in sorted(changed - set(BUDGET)))
    if others:
        return Refuse(others)
    live_budget = {field: live.get("spec", {}).get(field) for field in BUDGET}
    wanted_budget = {field: value for field, value in budget.items() if live_budget[field] != value}
    if not wanted_budget:
        return Attach()
    text = with_bookkeeping(wanted)["metadata"]["annotations"]
    return ChangeBudget({"metadata": {"annotations": text}, "spec": wanted_budget})


def with_bookkeeping(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The object as `kubectl apply` would send it: with its own text in an annotation, so that both see changes."""
    metadata = dict(wanted.get("metadata", {}))
    annotations = {
        key: value for key, value in (metadata.get("annotations") or {}).items() if key != names.ANNOTATION_LAST_APPLIED
    }
    plain = {**wanted, "metadata": {**metadata, "annotations": annotations}}
    text = json.dumps(plain, separators=(",", ":"), sort_keys=True) + "\n"
    return {**wanted, "metadata": {**metadata, "annotations": {**annotations, names.ANNOTATION_LAST_APPLIED: text}}}


def _last_applied(live: Mapping[str, Any]) -> Mapping[str, Any] | None:
    text = (live.get("metadata", {}).get("annotations") or {}).get(names.ANNOTATION_LAST_APPLIED)
    try:
        spec = json.loads(text).get("spec") if text else None
    except (ValueError, AttributeError):
        return None
    return spec if isinstance(spec, Mapping) else None


def _differences(wanted: Mapping[str, Any], held: Mapping[str, Any], defaulted: bool) -> set[str]:
    """Names of top-level fields that differ; with `defaulted`, what the cluster added does not count."""
    if defaulted:
        return {field for field, value in wanted.items() if not _within(value, held.get(field))}
    return {field for field in {*wanted, *held} if wanted.get(field) != held.get(field)}


def _within(part: Any, whole: Any) -> bool:
    """Whether everything that `part` says is also said by `whole`."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(_within(value, whole.get(key)) for key, value in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) <= len(whole) and all(map(_within, part, whole))
    return bool(part == whole)
