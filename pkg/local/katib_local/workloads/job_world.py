"""One Job and its pods: what each of them counts for. Pure.

Knows batch/v1. Must not know what is done about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from katib_local.workloads import indexed, pods, tracking
from katib_local.workloads.names import NONE_USED, Names
from katib_local.workloads.policies import FAIL_INDEX, IGNORE, match_failure
from katib_machinery.objects import Unstructured

BUILT_IN = "kubernetes.io/job-controller"


@dataclass(frozen=True)
class World:
    """One Job and the pods that it controls."""

    job: Unstructured
    pods: Sequence[Unstructured]
    failure: str = ""
    names: Names = NONE_USED

    @property
    def spec(self) -> Mapping[str, Any]:
        return self.job.raw.get("spec") or {}

    @property
    def status(self) -> Mapping[str, Any]:
        return self.job.raw.get("status") or {}

    @property
    def conditions(self) -> Sequence[Mapping[str, Any]]:
        return pods.conditions_of(self.job)

    @property
    def completions(self) -> int | None:
        """How many pods must succeed; None: any one, when no other is left."""
        found = self.spec.get("completions")
        return None if found is None else int(found)

    @property
    def is_foreign(self) -> bool:
        """Whether the Job asks for another controller than the built-in one (`managedBy`)."""
        return self.spec.get("managedBy") not in (None, "", BUILT_IN)

    @property
    def is_indexed(self) -> bool:
        return self.spec.get("completionMode") == "Indexed"

    @property
    def active(self) -> list[Unstructured]:
        return [pod for pod in self.pods if pods.is_active(pod)]

    @property
    def limit_of_index(self) -> int | None:
        """How often each index may fail (`backoffLimitPerIndex`); None when only the Job as a whole has a limit."""
        found = self.spec.get("backoffLimitPerIndex") if self.is_indexed else None
        return None if found is None else int(found)

    @property
    def completed_indexes(self) -> set[int]:
        """Indexes that are done; when there are fewer than before, those beyond do not count."""
        found = indexed.completed(self.status, self.pods) if self.is_indexed else set()
        return {index for index in found if index < (self.completions or 0)}

    @property
    def failed_indexes(self) -> set[int]:
        """Indexes that are given up, also those whose pods are gone; who is told has told of its index, too."""
        failures = [pod for pod in self.failures if not self.is_told(pod)]
        given_up = {indexed.index_of(pod) for pod in failures if self._gives_index_up(pod)}
        return indexed.parse(str(self.status.get("failedIndexes") or "")) | {i for i in given_up if i is not None}

    def _gives_index_up(self, pod: Unstructured) -> bool:
        limit = self.limit_of_index
        return limit is not None and (self.action_on(pod) == FAIL_INDEX or indexed.failures(pod) >= limit)

    @property
    def waits_for_ends(self) -> bool:
        """Whether a pod that was deleted is replaced only when it has ended."""
        return self.spec.get("podReplacementPolicy") == "Failed"

    @property
    def terminating(self) -> list[Unstructured]:
        return [pod for pod in self.pods if pods.is_terminating(pod)]

    @property
    def told(self) -> Mapping[str, Sequence[str]]:
        """UIDs of pods that have ended, are told, and stand in no number yet: `succeeded` and `failed`."""
        return tracking.told(self.status)

    def is_told(self, pod: Unstructured) -> bool:
        return any(pod.uid in uids for uids in self.told.values())

    def is_new(self, pod: Unstructured) -> bool:
        """Whether an end of this pod has still to be told."""
        return tracking.is_tracked(pod) and not self.is_told(pod)

    @property
    def successes(self) -> list[Unstructured]:
        """Pods that have succeeded; one that nothing holds and that somebody deletes was counted before, or never will be."""
        found = [pod for pod in self.pods if pods.phase(pod) == pods.SUCCEEDED]
        return [pod for pod in found if tracking.is_tracked(pod) or pod.deletion_timestamp is None]

    @property
    def succeeded(self) -> int:
        """Pods that have succeeded, also those that are gone."""
        return len(self.completed_indexes) if self.is_indexed else self._count("succeeded", self.successes)

    @property
    def unsuccessful(self) -> list[Unstructured]:
        """Failed pods that are tried again: not those that, without a rule for it, were interrupted."""
        interrupted = (pod for pod in self.pods if pods.was_disrupted(pod) and not self.action_on(pod))
        passed_over = {pod.uid for pod in interrupted}
        return [pod for pod in self.pods if self._has_failed(pod) and pod.uid not in passed_over]

    def _has_failed(self, pod: Unstructured) -> bool:
        """Whether a pod has failed; so has one that is deleted before its end, where it is replaced before its end."""
        if pods.phase(pod) == pods.FAILED:
            return tracking.is_tracked(pod) or pod.deletion_timestamp is None
        ended = pods.is_stopped(pod) if self.waits_for_ends else pods.is_terminating(pod)
        return ended and tracking.is_tracked(pod)

    def last_failure(self, index: int) -> Unstructured | None:
        """The failed pod of an index after which it is tried again."""
        found = (pod for pod in self.unsuccessful if indexed.index_of(pod) == index)
        return max(found, key=lambda pod: (indexed.attempts(pod), pods.ended_at(pod)), default=None)

    @property
    def failures(self) -> list[Unstructured]:
        """Failed pods that count."""
        return [pod for pod in self.unsuccessful if self.action_on(pod) != IGNORE]

    @property
    def failed(self) -> int:
        """Pods that have failed, also those that are gone."""
        return self._count("failed", self.failures)

    def _count(self, outcome: str, ended: Sequence[Unstructured]) -> int:
        return self.counted(outcome, ended) + len(self.told[outcome]) + sum(map(self.is_new, ended))

    def counted(self, outcome: str, ended: Sequence[Unstructured]) -> int:
        """What the status says; more, when pods have ended that no finalizer holds: an earlier laptop made them."""
        free = [pod for pod in ended if not tracking.is_tracked(pod) and not self.is_told(pod)]
        return max(len(free), int(self.status.get(outcome) or 0))

    @property
    def begun(self) -> int:
        """How many pods this Job has had, but for those that count for nothing and are gone, or are about to go."""
        ended = {pod.uid for pod in (*self.successes, *self.failures)}
        others = [pod for pod in self.pods if pod.uid not in ended and not self.is_told(pod)]
        left = [pod for pod in others if tracking.is_tracked(pod) or pod.deletion_timestamp is None]
        return self.succeeded + self.failed + len(left)

    def action_on(self, pod: Unstructured) -> str:
        """What the Job's rules do about a failed pod; empty when no rule is about it."""
        found = match_failure(self.spec.get("podFailurePolicy"), pod)
        return found.action if found is not None else ""
