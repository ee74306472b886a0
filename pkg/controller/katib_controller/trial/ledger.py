"""Whose rows are still to be deleted, kept over restarts of the controller: one ConfigMap, which only the leader writes.

Knows the Kubernetes API. Must not know the observation log.
"""

from collections.abc import Iterable
from typing import Final

from katib_apis.v1beta1 import names
from katib_machinery.cluster import Cluster
from katib_machinery.objects import CONFIG_MAPS, ObjectKey, Unstructured
from katib_machinery.transport import ApiError

_KEY: Final = "trials"


class Ledger:
    """A set of Trials, one `namespace/name` on each line; nothing is stored before there is a first one."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._client = cluster.client(CONFIG_MAPS)
        self._namespace = namespace

    async def read(self) -> frozenset[ObjectKey]:
        """The Trials of the last write; raises ApiError or OSError."""
        try:
            stored = await self._client.get(self._namespace, names.OBJECT_UNDELETED_ROWS)
        except ApiError as error:
            if error.not_found:
                return frozenset()
            raise
        lines = str((stored.raw.get("data") or {}).get(_KEY) or "").splitlines()
        return frozenset(ObjectKey(*line.split("/")) for line in lines if line.count("/") == 1)

    async def write(self, trials: Iterable[ObjectKey]) -> None:
        """Store these Trials in place of all before; raises ApiError or OSError."""
        data = {_KEY: "".join(f"{key}\n" for key in sorted(trials))}
        try:
            await self._client.patch(self._namespace, names.OBJECT_UNDELETED_ROWS, {"data": data})
        except ApiError as error:
            if not error.not_found:
                raise
            metadata = {"name": names.OBJECT_UNDELETED_ROWS, "namespace": self._namespace}
            await self._client.create(Unstructured({"metadata": metadata, "data": data}))
