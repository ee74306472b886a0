"""The kinds that this server serves, as data: those of Kubernetes that Katib and its users need, and those of CRDs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from katib_local.apiserver.shapes import Shape

Json = dict[str, Any]
STATUS = ("status",)
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
ONE_BY_ONE = tuple(verb for verb in VERBS if verb != "deletecollection")
OF_SUBRESOURCES = ("get", "patch", "update")
VERBS_OF: Mapping[str, tuple[str, ...]] = {
    "binding": ("create",),
    "finalize": ("update",),
    "log": ("get",),
    "token": ("create",),
}
"""What can be done with a subresource, where it is not what can be done with most."""


@dataclass(frozen=True)
class Kind:
    """Where a kind is served and what it can do."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    columns: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)
    schema: Mapping[str, Any] | None = field(default=None, compare=False)
    singular: str = ""
    scale: Mapping[str, str] = field(default_factory=dict, compare=False)
    selectable: tuple[str, ...] = ()
    verbs: tuple[str, ...] = VERBS
    begins_by_put: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The plural with its group, as error messages and kubectl name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def prefix(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def custom(self) -> bool:
        return self.schema is not None

    @cached_property
    def shape(self) -> Shape:
        """What a custom kind takes."""
        return Shape.of(self.schema or {})

    def has(self, subresource: str) -> bool:
        return subresource in self.subresources


BEGUN_BY_PUT = (
    *("endpoints", "events", "leases", "services"),
    *("clusterrolebindings", "clusterroles", "rolebindings", "roles"),
)
"""Of these, who replaces an object that is not there makes it."""


def _core(kind: str, plural: str, *short: str, sub: tuple[str, ...] = (), namespaced: bool = True) -> Kind:
    grouped = ("all",) if plural in ("pods", "services") else ()
    begins = plural in BEGUN_BY_PUT
    return Kind("", "v1", kind, plural, namespaced, short, sub, grouped, begins_by_put=begins)


def _named(group: str, kind: str, plural: str, *short: str, sub: tuple[str, ...] = (), namespaced: bool = True) -> Kind:
    grouped = ("all",) if group in ("apps", "batch") else ()
    return Kind(group, "v1", kind, plural, namespaced, short, sub, grouped, begins_by_put=plural in BEGUN_BY_PUT)


BUILT_INS = (
    replace(_core("Namespace", "namespaces", "ns", sub=(*STATUS, "finalize"), namespaced=False), verbs=ONE_BY_ONE),
    _core("Node", "nodes", "no", sub=STATUS, namespaced=False),
    _core("PersistentVolume", "persistentvolumes", "pv", sub=STATUS, namespaced=False),
    _core("PersistentVolumeClaim", "persistentvolumeclaims", "pvc", sub=STATUS),
    _core("Pod", "pods", "po", sub=(*STATUS, "log", "binding")),
    _core("Service", "services", "svc", sub=STATUS),
    _core("Endpoints", "endpoints", "ep"),
    _core("ConfigMap", "configmaps", "cm"),
    _core("Secret", "secrets"),
    _core("ServiceAccount", "serviceaccounts", "sa", sub=("token",)),
    _core("Event", "events", "ev"),
    _named("apps", "Deployment", "deployments", "deploy", sub=(*STATUS, "scale")),
    _named("apps", "ReplicaSet", "replicasets", "rs", sub=(*STATUS, "scale")),
    _named("batch", "Job", "jobs", sub=STATUS),
    _named("coordination.k8s.io", "Lease", "leases"),
    _named("rbac.authorization.k8s.io", "Role", "roles"),
    _named("rbac.authorization.k8s.io", "RoleBinding", "rolebindings"),
    _named("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", namespaced=False),
    _named("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    _named(
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        namespaced=False,
    ),
    _named(
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        namespaced=False,
    ),
    _named(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "crd",
        "crds",
        sub=STATUS,
        namespaced=False,
    ),
)
CRDS = next(kind for kind in BUILT_INS if kind.kind == "CustomResourceDefinition")
EVENTS = next(kind for kind in BUILT_INS if kind.kind == "Event")
NAMESPACES = next(kind for kind in BUILT_INS if kind.kind == "Namespace")
NODES = next(kind for kind in BUILT_INS if kind.kind == "Node")
JOBS = next(kind for kind in BUILT_INS if kind.kind == "Job")
PODS = next(kind for kind in BUILT_INS if kind.kind == "Pod")
SERVICE_ACCOUNTS = next(kind for kind in BUILT_INS if kind.kind == "ServiceAccount")
WEBHOOKS = tuple(kind for kind in BUILT_INS if kind.group == "admissionregistration.k8s.io")
TOKEN_REQUESTS = Kind("authentication.k8s.io", "v1", "TokenRequest", "tokenrequests")
"""Asked of a service account, and never stored."""
AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


class Catalog:
    """All kinds that are served now."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str, str], Kind] = {}
        self.generation = 0
        """Rises whenever a kind comes or goes."""
        for kind in BUILT_INS:
            self._add(kind)

    def _add(self, kind: Kind) -> None:
        self._kinds[(kind.group, kind.version, kind.plural)] = kind
        self.generation += 1

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        return self._kinds.get((group, version, plural))

    def find_kind(self, api_version: str, kind: str) -> Kind | None:
        """The kind that an object's apiVersion and kind name."""
        group, _, version = api_version.rpartition("/")
        return next(
            (found for found in self if (found.group, found.version, found.kind) == (group, version, kind)), None
        )

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def define(self, crd: Mapping[str, Any]) -> list[Kind]:
        """Serve the kinds of a CustomResourceDefinition, instead of what an earlier one of its name served."""
        kinds = list(kinds_of(crd))
        self.drop(crd)
        for kind in kinds:
            self._add(kind)
        return kinds

    def drop(self, crd: Mapping[str, Any]) -> None:
        group, plural = crd["spec"]["group"], crd["spec"]["names"]["plural"]
        for key in [key for key in self._kinds if key[0] == group and key[2] == plural]:
            del self._kinds[key]
            self.generation += 1


def kinds_of(crd: Mapping[str, Any]) -> Iterable[Kind]:
    """The kinds that a CustomResourceDefinition serves, one a version."""
    spec = crd["spec"]
    names = spec["names"]
    for version in spec["versions"]:
        if not version.get("served", True):
            continue
        subresources = tuple(name for name in ("status", "scale") if name in (version.get("subresources") or {}))
        schema = (version.get("schema") or {}).get("openAPIV3Schema") or {"x-kubernetes-preserve-unknown-fields": True}
        yield Kind(
            spec["group"],
            version["name"],
            names["kind"],
            names["plural"],
            spec.get("scope") == "Namespaced",
            tuple(names.get("shortNames") or ()),
            subresources,
            tuple(names.get("categories") or ()),
            tuple(version.get("additionalPrinterColumns") or (AGE,)),
            schema,
            names.get("singular", ""),
            (version.get("subresources") or {}).get("scale") or {},
            tuple(entry["jsonPath"].removeprefix(".") for entry in version.get("selectableFields") or ()),
        )
