"""The columns of Kubernetes' own kinds, as kube-apiserver gives them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from katib_local.apiserver.cells import Cell, Json, age, at, find, span
from katib_local.apiserver.pod_cells import pod_ready, pod_status, readiness_gates, restarts

Column = tuple[str, str, int, Cell]
NONE, UNKNOWN, UNSET = "<none>", "<unknown>", "<unset>"
MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
ROLE = "node-role.kubernetes.io/"
MOST_ENDPOINTS = 3


def _text(title: str, cell: Cell) -> Column:
    return title, "string", 0, cell


def _number(title: str, cell: Cell) -> Column:
    return title, "integer", 0, cell


def _wide(title: str, cell: Cell) -> Column:
    """A column of `kubectl get -o wide` alone."""
    return title, "string", 1, cell


def _listed(document: Json, path: str) -> Sequence[Any]:
    found = find(document, path)
    return found if isinstance(found, list) else []


def _joined(texts: Iterable[Any], without: str = "") -> str:
    return ",".join(map(str, texts)) or without


def _job_status(document: Json, now: datetime) -> str:
    for kind, word in (("Complete", "Complete"), ("Failed", "Failed"), ("Suspended", "Suspended")):
        if _holds(find(document, ".status.conditions") or [], kind):
            return word
    return "Running"


def _holds(conditions: Iterable[Json], kind: str) -> bool:
    return any(entry.get("type") == kind and entry.get("status") == "True" for entry in conditions)


def _duration(document: Json, now: datetime) -> str:
    start, end = find(document, ".status.startTime"), find(document, ".status.completionTime")
    if start is None:
        return ""
    finish = datetime.fromisoformat(end) if end else now
    return span(max(0, int((finish - datetime.fromisoformat(start)).total_seconds())))


def _node_status(document: Json, now: datetime) -> str:
    ready = find(document, '.status.conditions[?(@.type=="Ready")].status')
    word = "Unknown" if ready is None else "Ready" if ready == "True" else "NotReady"
    return f"{word},SchedulingDisabled" if find(document, ".spec.unschedulable") else word


def _node_roles(document: Json, now: datetime) -> str:
    labels = document["metadata"].get("labels") or {}
    roles = {key.removeprefix(ROLE) for key in labels if key.startswith(ROLE)} | {labels.get("kubernetes.io/role", "")}
    return _joined(sorted(roles - {""}), NONE)


def _kernel(document: Json, now: datetime) -> str:
    version, machine = (find(document, f".status.nodeInfo.{name}") for name in ("kernelVersion", "architecture"))
    return f"{version or UNKNOWN} ({machine})" if machine else str(version or UNKNOWN)


def _address(kind: str) -> Cell:
    return at(f'.status.addresses[?(@.type=="{kind}")].address', NONE)


def _entries(*paths: str) -> Cell:
    return lambda document, now: sum(len(find(document, path) or ()) for path in paths)


def _event_object(document: Json, now: datetime) -> str:
    involved = document.get("involvedObject") or {}
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"


def _event_source(document: Json, now: datetime) -> str:
    source = document.get("source") or {}
    component = source.get("component") or document.get("reportingComponent") or ""
    host = source.get("host") or document.get("reportingInstance")
    return f"{component}, {host}" if host else component


def _first_seen(document: Json, now: datetime) -> str:
    return age(document.get("firstTimestamp") or document.get("eventTime"), now)


def _last_seen(document: Json, now: datetime) -> str:
    last = find(document, ".series.lastObservedTime") or document.get("lastTimestamp")
    return age(last, now) if last else _first_seen(document, now)


def _event_count(document: Json, now: datetime) -> Any:
    return find(document, ".series.count") or document.get("count") or 1


def _event_message(document: Json, now: datetime) -> str:
    return str(document.get("message") or "").strip()


def _ports(document: Json, now: datetime) -> str:
    return _joined(map(_port, _listed(document, ".spec.ports")), NONE)


def _port(port: Json) -> str:
    outside = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{outside}/{port.get('protocol', 'TCP')}"


def _external_ip(document: Json, now: datetime) -> str:
    outside = _listed(document, ".spec.externalIPs")
    match find(document, ".spec.type"):
        case "ExternalName":
            return str(find(document, ".spec.externalName") or "")
        case "LoadBalancer":
            given = _listed(document, ".status.loadBalancer.ingress")
            return _joined([*(entry.get("ip") or entry.get("hostname") for entry in given), *outside], "<pending>")
        case _:
            return _joined(outside, NONE)


def _endpoints(document: Json, now: datetime) -> str:
    found = [
        f"{address.get('ip')}:{port['port']}" if port else str(address.get("ip"))
        for subset in _listed(document, ".subsets")
        for port in subset.get("ports") or [None]
        for address in subset.get("addresses") or []
    ]
    more = f" + {len(found) - MOST_ENDPOINTS} more..." if len(found) > MOST_ENDPOINTS else ""
    return _joined(found[:MOST_ENDPOINTS], NONE) + more


def _labels(path: str) -> Cell:
    """Labels that must be there, by name."""
    return lambda document, now: _joined((f"{key}={value}" for key, value in _sorted(find(document, path))), NONE)


def _sorted(labels: Mapping[str, str] | None) -> list[tuple[str, str]]:
    return sorted((labels or {}).items())


def _selector(document: Json, now: datetime) -> str:
    """A selector of labels and expressions, by key."""
    equal = [(key, f"{key}={value}") for key, value in _sorted(find(document, ".spec.selector.matchLabels"))]
    others = [(entry["key"], _expression(entry)) for entry in _listed(document, ".spec.selector.matchExpressions")]
    return _joined((text for _, text in sorted([*equal, *others], key=lambda pair: pair[0])), NONE)


def _expression(entry: Json) -> str:
    values = _joined(sorted(entry.get("values") or []))
    match entry["operator"]:
        case "Exists":
            return str(entry["key"])
        case "DoesNotExist":
            return f"!{entry['key']}"
        case operator:
            return f"{entry['key']} {operator.lower()} ({values})"


def _containers(field: str) -> Cell:
    path = ".spec.template.spec.containers"
    return lambda document, now: _joined(entry.get(field, "") for entry in _listed(document, path))


def _completions(document: Json, now: datetime) -> str:
    done, wanted = find(document, ".status.succeeded") or 0, find(document, ".spec.completions")
    if wanted is not None:
        return f"{done}/{wanted}"
    side_by_side = find(document, ".spec.parallelism") or 0
    return f"{done}/1 of {side_by_side}" if side_by_side > 1 else f"{done}/1"


def _ready_of(document: Json, now: datetime) -> str:
    return f"{find(document, '.status.readyReplicas') or 0}/{find(document, '.spec.replicas') or 0}"


def _phase(document: Json, now: datetime) -> str:
    ending = document["metadata"].get("deletionTimestamp")
    return "Terminating" if ending else str(find(document, ".status.phase") or "")


def _modes(path: str) -> Cell:
    return lambda document, now: _joined(MODES.get(mode, mode) for mode in _listed(document, path))


def _claim(document: Json, now: datetime) -> str:
    claim = find(document, ".spec.claimRef") or {}
    return f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""


def _claimed(document: Json, now: datetime) -> str:
    size = find(document, ".status.capacity.storage") or "0"
    return str(size) if find(document, ".spec.volumeName") else ""


def _role(document: Json, now: datetime) -> str:
    role = document.get("roleRef") or {}
    return f"{role.get('kind', '')}/{role.get('name', '')}"


def _subjects(kind: str) -> Cell:
    def cell(document: Json, now: datetime) -> str:
        found = [entry for entry in _listed(document, ".subjects") if entry.get("kind") == kind]
        spaced = kind == "ServiceAccount"
        return ", ".join(
            f"{entry.get('namespace', '')}/{entry['name']}" if spaced else entry["name"] for entry in found
        )

    return cell


def _versions(document: Json, now: datetime) -> str:
    served = [version for version in _listed(document, ".spec.versions") if version.get("served")]
    return _joined(f"{version['name']}{'(storage)' if version.get('storage') else ''}" for version in served)


def _established(document: Json, now: datetime) -> bool:
    return _holds(_listed(document, ".status.conditions"), "Established")


NAME = _text("Name", lambda document, now: document["metadata"]["name"])
AGE = _text("Age", lambda document, now: age(document["metadata"].get("creationTimestamp"), now))
CREATED: Column = ("Created At", "date", 0, lambda document, now: document["metadata"].get("creationTimestamp", ""))
CONTAINERS = [
    _wide("Containers", _containers("name")),
    _wide("Images", _containers("image")),
    _wide("Selector", _selector),
]
BINDING = [
    NAME,
    _text("Role", _role),
    AGE,
    _wide("Users", _subjects("User")),
    _wide("Groups", _subjects("Group")),
    _wide("ServiceAccounts", _subjects("ServiceAccount")),
]
WEBHOOKS = [NAME, _number("Webhooks", _entries(".webhooks")), AGE]
BUILT_IN: dict[str, list[Column]] = {
    "Pod": [
        NAME,
        _text("Ready", pod_ready),
        _text("Status", pod_status),
        _text("Restarts", restarts),
        AGE,
        _wide("IP", at(".status.podIP", NONE)),
        _wide("Node", at(".spec.nodeName", NONE)),
        _wide("Nominated Node", at(".status.nominatedNodeName", NONE)),
        _wide("Readiness Gates", readiness_gates),
    ],
    "Job": [
        NAME,
        _text("Status", _job_status),
        _text("Completions", _completions),
        _text("Duration", _duration),
        AGE,
        *CONTAINERS,
    ],
    "Deployment": [
        NAME,
        _text("Ready", _ready_of),
        _text("Up-to-date", at(".status.updatedReplicas", 0)),
        _text("Available", at(".status.availableReplicas", 0)),
        AGE,
        *CONTAINERS,
    ],
    "ReplicaSet": [
        NAME,
        _number("Desired", at(".spec.replicas", 0)),
        _number("Current", at(".status.replicas", 0)),
        _number("Ready", at(".status.readyReplicas", 0)),
        AGE,
        *CONTAINERS,
    ],
    "Service": [
        NAME,
        _text("Type", at(".spec.type")),
        _text("Cluster-IP", at(".spec.clusterIP", NONE)),
        _text("External-IP", _external_ip),
        _text("Port(s)", _ports),
        AGE,
        _wide("Selector", _labels(".spec.selector")),
    ],
    "Node": [
        NAME,
        _text("Status", _node_status),
        _text("Roles", _node_roles),
        AGE,
        _text("Version", at(".status.nodeInfo.kubeletVersion")),
        _wide("Internal-IP", _address("InternalIP")),
        _wide("External-IP", _address("ExternalIP")),
        _wide("OS-Image", at(".status.nodeInfo.osImage", UNKNOWN)),
        _wide("Kernel-Version", _kernel),
        _wide("Container-Runtime", at(".status.nodeInfo.containerRuntimeVersion", UNKNOWN)),
    ],
    "Namespace": [NAME, _text("Status", at(".status.phase")), AGE],
    "ConfigMap": [NAME, _text("Data", _entries(".data", ".binaryData")), AGE],
    "Secret": [NAME, _text("Type", at(".type")), _text("Data", _entries(".data")), AGE],
    "Endpoints": [NAME, _text("Endpoints", _endpoints), AGE],
    "PersistentVolume": [
        NAME,
        _text("Capacity", at(".spec.capacity.storage")),
        _text("Access Modes", _modes(".spec.accessModes")),
        _text("Reclaim Policy", at(".spec.persistentVolumeReclaimPolicy")),
        _text("Status", _phase),
        _text("Claim", _claim),
        _text("StorageClass", at(".spec.storageClassName")),
        _text("VolumeAttributesClass", at(".spec.volumeAttributesClassName", UNSET)),
        _text("Reason", at(".status.reason")),
        AGE,
        _wide("VolumeMode", at(".spec.volumeMode", UNSET)),
    ],
    "PersistentVolumeClaim": [
        NAME,
        _text("Status", _phase),
        _text("Volume", at(".spec.volumeName")),
        _text("Capacity", _claimed),
        _text("Access Modes", _modes(".status.accessModes")),
        _text("StorageClass", at(".spec.storageClassName")),
        _text("VolumeAttributesClass", at(".spec.volumeAttributesClassName", UNSET)),
        AGE,
        _wide("VolumeMode", at(".spec.volumeMode", UNSET)),
    ],
    "Event": [
        _text("Last Seen", _last_seen),
        _text("Type", at(".type")),
        _text("Reason", at(".reason")),
        _text("Object", _event_object),
        _wide("Subobject", at(".involvedObject.fieldPath")),
        _wide("Source", _event_source),
        _text("Message", _event_message),
        _wide("First Seen", _first_seen),
        _wide("Count", _event_count),
        _wide("Name", NAME[3]),
    ],
    "Lease": [NAME, _text("Holder", at(".spec.holderIdentity")), AGE],
    "Role": [NAME, CREATED],
    "ClusterRole": [NAME, CREATED],
    "RoleBinding": BINDING,
    "ClusterRoleBinding": BINDING,
    "MutatingWebhookConfiguration": WEBHOOKS,
    "ValidatingWebhookConfiguration": WEBHOOKS,
    "CustomResourceDefinition": [
        NAME,
        _text("Scope", at(".spec.scope")),
        _text("Versions", _versions),
        CREATED,
        _wide("Group", at(".spec.group")),
        _wide("Kind", at(".spec.names.kind")),
        _wide("ShortNames", lambda document, now: _joined(_listed(document, ".spec.names.shortNames"))),
        ("Established", "boolean", 1, _established),
    ],
}
