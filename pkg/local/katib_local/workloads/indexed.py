"""Indexed Jobs: which completion index a pod works for, and which ones are done. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import count
from typing import Any

from katib_local.workloads import pods
from katib_machinery.objects import Unstructured

INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES, IGNORED = (f"batch.kubernetes.io/job-index-{which}-count" for which in ("failure", "ignored-failure"))
"""Annotations of a pod: how often its index had failed before, and how often that was not counted."""
VARIABLE = "JOB_COMPLETION_INDEX"


def index_of(pod: Unstructured) -> int | None:
    """The completion index of a pod; None for one that has none."""
    text = pod.annotations.get(INDEX, "")
    return int(text) if text.isdigit() else None


def completed(status: Mapping[str, Any], found: Iterable[Unstructured]) -> set[int]:
    """Indexes that are done, also those whose pods are gone."""
    live = {index_of(pod) for pod in found if pods.phase(pod) == pods.SUCCEEDED}
    return parse(str(status.get("completedIndexes") or "")) | {index for index in live if index is not None}


def missing(completions: int, taken: Collection[int | None]) -> Iterator[int]:
    """Indexes that nobody has done, given up or works for, lowest first."""
    return (index for index in range(completions) if index not in taken)


def failures(pod: Unstructured) -> int:
    """How often a pod's index had failed before it."""
    return _count(pod, FAILURES)


def attempts(pod: Unstructured) -> int:
    """How many pods an index has had before this one, also those whose failure was ignored."""
    return _count(pod, FAILURES) + _count(pod, IGNORED)


def _count(pod: Unstructured, annotation: str) -> int:
    text = pod.annotations.get(annotation, "")
    return int(text) if text.isdecimal() else 0


def counted(pod: Unstructured, before: Unstructured | None, ignored: bool) -> Unstructured:
    """The pod that knows how often its index has failed; `before` failed last, and is `ignored` or not."""
    failed = _count(before, FAILURES) + (not ignored) if before is not None else 0
    passed_over = _count(before, IGNORED) + ignored if before is not None else 0
    raw = pod.to_dict()
    notes = {FAILURES: str(failed), **({IGNORED: str(passed_over)} if passed_over else {})}
    raw["metadata"]["annotations"] = {**(raw["metadata"].get("annotations") or {}), **notes}
    return Unstructured(raw)


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
