"""Where the API server keeps the kinds that Trials run as.

Kinds named in the KatibConfig are watched as soon as the server has them; any other kind that the server has is worked
with too, but looked at now and then instead of watched (CTL-24).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from katib_domain.katib_config import GroupVersionKind
from katib_machinery.clock import sleep
from katib_machinery.cluster import Cluster
from katib_machinery.informer import SharedInformer
from katib_machinery.objects import JOBS, Resource, Unstructured
from katib_machinery.transport import ApiError

log = logging.getLogger(__name__)

FORGET_SECONDS: Final = 10.0
DISCOVER_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Kind:
    """What is known of a kind: where it is, or why it cannot be worked with."""

    resource: Resource | None = None
    problem: str = ""
    watched: bool = False


class TrialKinds:
    """Finds kinds by asking the server, and remembers what it said."""

    def __init__(self, cluster: Cluster, wanted: Sequence[GroupVersionKind], namespace: str | None = None) -> None:
        self._cluster = cluster
        self._wanted = wanted
        self._namespace = namespace
        self._found: dict[tuple[str, str], Resource] = {("batch/v1", "Job"): JOBS}
        self._missing: dict[tuple[str, str], tuple[float, str]] = {}

    def register(self, resource: Resource) -> SharedInformer[Unstructured]:
        """Make the informer that watches a kind."""
        return self._cluster.register(
            SharedInformer(
                transport=self._cluster.transport,
                resource=resource,
                decode=Unstructured.from_dict,
                on_bad=lambda error, raw: log.warning("%s that cannot be read: %s", resource.kind, error),
                namespace=self._namespace,
            )
        )

    async def find(self, api_version: str, kind: str) -> Kind:
        """Find a kind; one that the server does not have is asked for again after a while."""
        name = (api_version, kind)
        if name not in self._found:
            since, problem = self._missing.get(name, (float("-inf"), ""))
            if self._cluster.clock.monotonic() - since < FORGET_SECONDS:
                return Kind(problem=problem)
            await self._discover(api_version, kind)
        resource = self._found.get(name)
        if resource is None:
            return Kind(problem=self._missing[name][1])
        informer = self._cluster.informer(resource)
        return Kind(resource, watched=informer is not None and informer.synced)

    async def _discover(self, api_version: str, kind: str) -> None:
        path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            answer = orjson.loads(await self._cluster.transport.request("GET", path))
        except ApiError as error:
            problem = f"kind {kind} of {api_version} cannot be found: {error}"
        else:
            for entry in answer.get("resources") or ():
                if entry.get("kind") == kind and "/" not in entry.get("name", "/"):
                    self._found[api_version, kind] = _resource(api_version, entry)
                    return
            problem = f"the API server has no kind {kind} in {api_version}"
        self._missing[api_version, kind] = (self._cluster.clock.monotonic(), problem)

    async def run(self, started: Callable[[Resource], None]) -> None:
        """Watch every wanted kind from when the server has it; ``started`` hears of each."""
        async with asyncio.TaskGroup() as tasks:
            missing = list(self._wanted)
            while missing:
                for wanted in list(missing):
                    resource = await self._resource_of(wanted)
                    if resource is not None:
                        missing.remove(wanted)
                        tasks.create_task(self._watch(resource, started))
                if missing:
                    await sleep(self._cluster.clock, DISCOVER_SECONDS)

    async def _watch(self, resource: Resource, started: Callable[[Resource], None]) -> None:
        informer = self._cluster.informer(resource) or self.register(resource)
        started(resource)
        await informer.run()

    async def _resource_of(self, wanted: GroupVersionKind) -> Resource | None:
        api_version = f"{wanted.group}/{wanted.version}" if wanted.group else wanted.version
        try:
            kind = await self.find(api_version, wanted.kind)
        except OSError as error:
            log.info("%s is not watched yet: %s", wanted.kind, error)
            return None
        if kind.resource is None:
            log.info("%s is not watched yet: %s", wanted.kind, kind.problem)
        return kind.resource


def _resource(api_version: str, entry: dict[str, Any]) -> Resource:
    group, _, version = api_version.rpartition("/")
    return Resource(group, version, entry["name"], entry["kind"], bool(entry.get("namespaced", True)))
