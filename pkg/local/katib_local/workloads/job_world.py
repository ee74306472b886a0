"""One Job and its pods: what each of them counts for. Pure.

Knows batch/v1. Must not know what is done about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from katib_local.workloads import indexed, pods
from katib_local.workloads.policies import FAIL_INDEX, IGNORE, match_failure
from katib_machinery.objects import Unstructured

BUILT_IN = "kubernetes.io/job-controller"


@dataclass(frozen=True)
class World:
    """One Job and the pods that it controls."""

    job: Unstructured
    pods: Sequence[Unstructured]
    failure: str = ""

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
        return indexed.completed(self.status, self.pods) if self.is_indexed else set()

    @property
    def failed_indexes(self) -> set[int]:
        """Indexes that are given up, also those whose pods are gone."""
        given_up = {indexed.index_of(pod) for pod in self.failures if self._gives_index_up(pod)}
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
    def succeeded(self) -> int:
        """Pods that have succeeded, also those that are gone."""
        if self.is_indexed:
            return len(self.completed_indexes)
        live = sum(pods.phase(pod) == pods.SUCCEEDED for pod in self.pods)
        return max(live, int(self.status.get("succeeded") or 0))

    @property
    def unsuccessful(self) -> list[Unstructured]:
        """Failed pods that are tried again: neither deleted by somebody nor, without a rule for it, interrupted."""
        return [pod for pod in self.pods if pods.phase(pod) == pods.FAILED and self._is_own_end(pod)]

    def _is_own_end(self, pod: Unstructured) -> bool:
        return pod.deletion_timestamp is None and not (pods.was_disrupted(pod) and not self.action_on(pod))

    @property
    def failures(self) -> list[Unstructured]:
        """Failed pods that count."""
        return [pod for pod in self.unsuccessful if self.action_on(pod) != IGNORE]

    @property
    def failed(self) -> int:
        return max(len(self.failures), int(self.status.get("failed") or 0))

    def action_on(self, pod: Unstructured) -> str:
        """What the Job's rules do about a failed pod; empty when no rule is about it."""
        found = match_failure(self.spec.get("podFailurePolicy"), pod)
        return found.action if found is not None else ""
