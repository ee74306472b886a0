"""Indexed Jobs: which completion index a pod works for, and which ones are done. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from katib_local.workloads import pods
from katib_machinery.objects import Unstructured

INDEX = "batch.kubernetes.io/job-completion-index"
VARIABLE = "JOB_COMPLETION_INDEX"


def index_of(pod: Unstructured) -> int | None:
    """The completion index of a pod; None for one that has none."""
    text = pod.annotations.get(INDEX, "")
    return int(text) if text.isdigit() else None


def completed(status: Mapping[str, Any], found: Iterable[Unstructured]) -> set[int]:
    """Indexes that are done, also those whose pods are gone."""
    live = {index_of(pod) for pod in found if pods.phase(pod) == pods.SUCCEEDED}
    return parse(str(status.get("completedIndexes") or "")) | {index for index in live if index is not None}


def missing(completions: int, status: Mapping[str, Any], found: Sequence[Unstructured]) -> Iterator[int]:
    """Indexes that nobody has done or works for, lowest first."""
    taken = completed(status, found) | {index_of(pod) for pod in found if not pods.is_finished(pod)}
    return (index for index in range(completions) if index not in taken)


def numbered(pod: Unstructured, index: int, job: Unstructured) -> Unstructured:
    """The pod that works for an index: names, label, annotation and variable say so."""
    raw = pod.to_dict()
    prefix = f"{job.name}-{index}-"[: pods.LONGEST_PREFIX]
    raw["metadata"] |= {"name": f"{prefix}{pod.name.rpartition('-')[2]}", "generateName": prefix}
    for field in ("labels", "annotations"):
        raw["metadata"][field] = {**(raw["metadata"].get(field) or {}), INDEX: str(index)}
    spec = raw["spec"]
    spec["hostname"] = f"{job.name}-{index}"
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        variables = [entry for entry in container.get("env") or () if entry.get("name") != VARIABLE]
        container["env"] = [*variables, {"name": VARIABLE, "valueFrom": source}]
    return Unstructured(raw)


def parse(text: str) -> set[int]:
    """Indexes as a status writes them: `0,2-4`."""
    indexes: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        indexes.update(range(int(first), int(last or first) + 1))
    return indexes


def render(indexes: Iterable[int]) -> str:
    """The shortest text for a set of indexes."""
    parts: list[str] = []
    ordered, held = sorted(indexes), set(indexes)
    for start in (index for index in ordered if index - 1 not in held):
        end = next(index for index in count(start) if index + 1 not in held)
        parts += [str(start)] if end == start else [str(start), str(end)] if end == start + 1 else [f"{start}-{end}"]
    return ",".join(parts)
