"""What admission needs to know of the cluster, and one way to know it: reads over the Kubernetes API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.models import Experiment, KatibConfig, Suggestion, Trial
from katib_apis.v1beta1.resources import EXPERIMENTS, SUGGESTIONS, TRIALS
from katib_domain.katib_config import get_katib_config
from katib_machinery.cluster import Cluster
from katib_machinery.model import KatibObject
from katib_machinery.objects import CONFIG_MAPS, NAMESPACES, PERSISTENT_VOLUMES, ObjectKey, Resource
from katib_machinery.transport import ApiError, Transport

Json = Mapping[str, Any]


class ClusterReader(Protocol):
    """Reads for admission. Each raises ApiError or OSError when the cluster cannot be asked; None means "there is none"."""

    async def find_namespace_labels(self, namespace: str) -> Mapping[str, str] | None: ...

    async def find_config_map(self, namespace: str, name: str) -> Mapping[str, str] | None: ...

    async def get_config(self) -> KatibConfig:
        """The KatibConfig; also raises KatibConfigError."""
        ...

    async def find_trial(self, namespace: str, name: str) -> Trial | None: ...

    async def find_experiment(self, namespace: str, name: str) -> Experiment | None: ...

    async def find_suggestion(self, namespace: str, name: str) -> Suggestion | None: ...

    async def find_owner(self, api_version: str, kind: str, namespace: str, name: str) -> Json | None: ...

    async def volume_exists(self, name: str) -> bool: ...


class ApiReader:
    """Reads each object when it is needed; which plural a kind has is asked of the API once."""

    def __init__(self, transport: Transport, core_namespace: str) -> None:
        self._transport = transport
        self._core_namespace = core_namespace
        self._plurals: dict[tuple[str, str], str] = {}

    async def _find(self, resource: Resource, namespace: str | None, name: str) -> Json | None:
        try:
            found: Json = json.loads(await self._transport.request("GET", resource.path(namespace, name)))
        except ApiError as error:
            if error.not_found:
                return None
            raise
        return found

    async def find_namespace_labels(self, namespace: str) -> Mapping[str, str] | None:
        found = await self._find(NAMESPACES, None, namespace)
        return None if found is None else found["metadata"].get("labels") or {}

    async def find_config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        found = await self._find(CONFIG_MAPS, namespace, name)
        return None if found is None else found.get("data") or {}

    async def get_config(self) -> KatibConfig:
        data = await self.find_config_map(self._core_namespace, names.OBJECT_CONFIG_MAP)
        return get_katib_config(dict(data or {}))

    async def find_trial(self, namespace: str, name: str) -> Trial | None:
        found = await self._find(TRIALS, namespace, name)
        return None if found is None else Trial.from_dict(found)

    async def find_experiment(self, namespace: str, name: str) -> Experiment | None:
        found = await self._find(EXPERIMENTS, namespace, name)
        return None if found is None else Experiment.from_dict(found)

    async def find_suggestion(self, namespace: str, name: str) -> Suggestion | None:
        found = await self._find(SUGGESTIONS, namespace, name)
        return None if found is None else Suggestion.from_dict(found)

    async def find_owner(self, api_version: str, kind: str, namespace: str, name: str) -> Json | None:
        group, _, version = api_version.rpartition("/")
        plural = await self._plural(api_version, kind)
        return None if plural is None else await self._find(Resource(group, version, plural, kind), namespace, name)

    async def _plural(self, api_version: str, kind: str) -> str | None:
        if (api_version, kind) not in self._plurals:
            prefix = "/apis" if "/" in api_version else "/api"
            try:
                listed = json.loads(await self._transport.request("GET", f"{prefix}/{api_version}"))
            except ApiError as error:
                if error.not_found:
                    return None
                raise
            for entry in listed.get("resources") or []:
                if "/" not in entry["name"]:
                    self._plurals[(api_version, entry["kind"])] = entry["name"]
        return self._plurals.get((api_version, kind))

    async def volume_exists(self, name: str) -> bool:
        return await self._find(PERSISTENT_VOLUMES, None, name) is not None


class CachedReader(ApiReader):
    """Looks into the caches of the program that it is a part of, and asks the API only for what is not there yet."""

    def __init__(self, cluster: Cluster, core_namespace: str) -> None:
        super().__init__(cluster.transport, core_namespace)
        self._cluster = cluster

    async def _find(self, resource: Resource, namespace: str | None, name: str) -> Json | None:
        cached = self._cluster.cached(resource, ObjectKey(namespace or "", name))
        if cached is None:
            return await super()._find(resource, namespace, name)
        found: Json = cached.to_dict() if isinstance(cached, KatibObject) else cached.raw
        return found
