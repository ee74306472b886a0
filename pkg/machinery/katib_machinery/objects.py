"""How Kubernetes names and addresses objects, and the least that every object tells about itself.

Knows keys, resources and their paths, owner references and metadata. Imports neither Pydantic nor a client, so that
anything may use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from katib_machinery.frozen import FrozenError, deep_copy, freeze


class ObjectKey(NamedTuple):
    """What a reconcile is asked about: a name in a namespace (empty for cluster-wide objects)."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class OwnerRef:
    """The owner that controls an object."""

    api_version: str
    kind: str
    name: str
    uid: str


class KubeObject(Protocol):
    """Any object of the API: a printed model or an `UnstructuredObject`. Absent metadata reads as empty."""

    @property
    def name(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def uid(self) -> str: ...
    @property
    def resource_version(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def annotations(self) -> Mapping[str, str]: ...
    @property
    def finalizers(self) -> Sequence[str]: ...
    @property
    def deletion_timestamp(self) -> datetime | None: ...
    @property
    def deletion_grace_period_seconds(self) -> int: ...
    @property
    def controller_owner(self) -> OwnerRef | None: ...
    @property
    def key(self) -> ObjectKey: ...
    def to_dict(self) -> dict[str, Any]: ...


class Unstructured:
    """An object of a kind that has no model here: a Job, a Pod, a user's own trial resource."""

    __slots__ = ("raw",)
    raw: Mapping[str, Any]

    def __init__(self, raw: Mapping[str, Any]) -> None:
        if not isinstance(raw, Mapping) or not isinstance(raw.get("metadata"), Mapping):
            raise ValueError("an object needs metadata")
        object.__setattr__(self, "raw", raw)

    @classmethod
    def from_dict(cls, raw: Any) -> Unstructured:
        """The form in which clients and informers decode."""
        return cls(raw)

    def __setattr__(self, name: str, value: Any) -> None:
        raise FrozenError("this object")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unstructured) and self.raw == other.raw

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Unstructured({self.raw.get('kind', '?')} {self.key})"

    def _meta(self, field: str) -> Any:
        return self.raw["metadata"].get(field)

    @property
    def api_version(self) -> str:
        return self.raw.get("apiVersion") or ""

    @property
    def kind(self) -> str:
        return self.raw.get("kind") or ""

    @property
    def name(self) -> str:
        return self._meta("name") or ""

    @property
    def namespace(self) -> str:
        return self._meta("namespace") or ""

    @property
    def uid(self) -> str:
        return self._meta("uid") or ""

    @property
    def resource_version(self) -> str:
        return self._meta("resourceVersion") or ""

    @property
    def labels(self) -> Mapping[str, str]:
        return self._meta("labels") or {}

    @property
    def annotations(self) -> Mapping[str, str]:
        return self._meta("annotations") or {}

    @property
    def finalizers(self) -> Sequence[str]:
        return self._meta("finalizers") or ()

    @property
    def deletion_timestamp(self) -> datetime | None:
        return parse_time(self._meta("deletionTimestamp"))

    @property
    def deletion_grace_period_seconds(self) -> int:
        return int(self._meta("deletionGracePeriodSeconds") or 0)

    @property
    def creation_timestamp(self) -> datetime | None:
        return parse_time(self._meta("creationTimestamp"))

    @property
    def controller_owner(self) -> OwnerRef | None:
        return find_controller(self._meta("ownerReferences") or ())

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.namespace, self.name)

    def to_dict(self) -> dict[str, Any]:
        """A copy that the caller may change."""
        return deep_copy(dict(self.raw))

    def deep_copy(self) -> Unstructured:
        return Unstructured(self.to_dict())

    def walk_copy(self) -> Unstructured:
        return self.deep_copy()

    def walk_freeze(self) -> Unstructured:
        return Unstructured(freeze(self.raw))


def parse_time(text: str | None) -> datetime | None:
    """A time of an object's metadata."""
    return datetime.fromisoformat(text.upper()) if text else None


def find_controller(references: Iterable[Mapping[str, Any]]) -> OwnerRef | None:
    """The one owner reference that controls, if there is one."""
    for reference in references:
        if reference.get("controller"):
            return OwnerRef(
                reference.get("apiVersion", ""), reference["kind"], reference["name"], reference.get("uid", "")
            )
    return None


@dataclass(frozen=True, slots=True)
class Resource:
    """Where the API server keeps the objects of one kind."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The path of one object, of one namespace's objects, or (no namespace) of all."""
        parts = [f"/apis/{self.group}" if self.group else "/api", self.version]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        return "/".join([*parts, *(part for part in (self.plural, name, subresource) if part)])


def with_kind(raw: Any, resource: Resource) -> Any:
    """Say in an object what kind it is: servers leave that out of the items of a list of natives."""
    if isinstance(raw, dict) and "kind" not in raw:
        return {"apiVersion": resource.api_version, "kind": resource.kind, **raw}
    return raw


CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
EVENTS = Resource("", "v1", "events", "Event")
JOBS = Resource("batch", "v1", "jobs", "Job")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
PERSISTENT_VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
PERSISTENT_VOLUME_CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
PODS = Resource("", "v1", "pods", "Pod")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
SECRETS = Resource("", "v1", "secrets", "Secret")
SERVICES = Resource("", "v1", "services", "Service")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
