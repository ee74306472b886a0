"""Objects as tables, as `kubectl get` shows them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from katib_local.apiserver.kinds import Kind

Json = Mapping[str, Any]
Cell = Callable[[Json, datetime], Any]
STEP = re.compile(
    r"\.?([\w/-]+(?:\\\.[\w/-]+)*)|\[\?\(@\.(\w+)==[\"']([^\"']*)[\"']\)\]|\[(-?\d*):?(-?\d*)\]|\['([^']+)'\]|\[\*\]"
)


def render_table(kind: Kind, documents: Sequence[Json], now: datetime, include: str) -> dict[str, Any]:
    """A meta.k8s.io/v1 Table. `include` says what of each object goes along: None, Metadata or Object."""
    columns = columns_of(kind)
    said = {column["name"]: column for column in kind.columns}
    definitions = [
        {
            "name": name,
            "type": type_,
            "format": "name" if name == "Name" else said.get(name, {}).get("format", ""),
            "description": _described(said.get(name)),
            "priority": priority,
        }
        for name, type_, priority, _ in columns
    ]
    rows = [
        {"cells": [cell(document, now) for _, _, _, cell in columns], "object": _included(document, include)}
        for document in documents
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": definitions,
        "rows": rows,
    }


def _described(column: Mapping[str, Any] | None) -> str:
    if column is None:
        return ""
    where = f"Custom resource definition column (in JSONPath format): {column['jsonPath']}"
    return str(column.get("description") or where)


def _included(document: Json, include: str) -> Json | None:
    if include == "None":
        return None
    return document if include == "Object" else partial(document)


def partial(document: Json) -> dict[str, Any]:
    """Only the metadata of an object."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": document["metadata"]}


Column = tuple[str, str, int, Cell]


def columns_of(kind: Kind) -> list[Column]:
    """Name first, then what the kind shows."""
    name: Column = ("Name", "string", 0, lambda document, now: document["metadata"]["name"])
    if kind.custom:
        return [name, *(_custom(column) for column in kind.columns)]
    return [name, *BUILT_IN.get(kind.kind, [AGE])]


def _custom(column: Mapping[str, Any]) -> Column:
    path, kind = column["jsonPath"], column.get("type", "string")

    def cell(document: Json, now: datetime) -> Any:
        found = find(document, path)
        if kind == "date":
            return None if found is None else _age(found, now)
        if found is None or isinstance(found, int | float | str):
            return found
        return json.dumps(found, separators=(",", ":"))

    return column["name"], kind, int(column.get("priority", 0)), cell


def find(document: Any, path: str) -> Any:
    """The value at a JSONPath of the simple kind that printer columns use; None when there is none."""
    for step in STEP.finditer(path):
        field, key, value, start, _, quoted = step.groups()
        if field is not None or quoted is not None:
            name = quoted or field.replace("\\.", ".")
            document = document.get(name) if isinstance(document, Mapping) else None
        elif key is not None:
            entries = document if isinstance(document, list) else []
            document = next(
                (entry for entry in entries if isinstance(entry, Mapping) and str(entry.get(key)) == value), None
            )
        elif isinstance(document, list) and document and start:
            index = int(start)
            document = document[index] if -len(document) <= index < len(document) else None
        elif isinstance(document, list):
            document = document[0] if document else None
        else:
            document = None
        if document is None:
            return None
    return document


def _age(text: Any, now: datetime) -> str:
    try:
        seconds = int((now - datetime.fromisoformat(str(text))).total_seconds())
    except (ValueError, TypeError):
        return "<unknown>"
    return span(max(0, seconds))


def span(seconds: int) -> str:
    """A span as kubectl writes it: 5s, 3m10s, 2h5m, 4d."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    return f"{hours}h" if hours < 48 else f"{days}d"


def _at(path: str, default: Any = "") -> Cell:
    def cell(document: Json, now: datetime) -> Any:
        found = find(document, path)
        return default if found is None else found

    return cell


def _pod_ready(document: Json, now: datetime) -> str:
    statuses = find(document, ".status.containerStatuses") or []
    containers = find(document, ".spec.containers") or []
    return f"{sum(bool(entry.get('ready')) for entry in statuses)}/{len(containers)}"


def _pod_status(document: Json, now: datetime) -> str:
    status = document.get("status") or {}
    if document["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for entry in status.get("containerStatuses") or []:
        state = entry.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        if waiting.get("reason") not in (None, "", "ContainerCreating"):
            return str(waiting["reason"])
        if ended.get("reason") and status.get("phase") in ("Failed", "Succeeded"):
            if ended["reason"] != "Completed" or status["phase"] == "Succeeded":
                return str(ended["reason"])
    return str(status.get("reason") or status.get("phase") or "Unknown")


def _restarts(document: Json, now: datetime) -> str:
    return str(sum(entry.get("restartCount", 0) for entry in find(document, ".status.containerStatuses") or []))


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
    return "Ready" if _holds(find(document, ".status.conditions") or [], "Ready") else "NotReady"


def _count(path: str) -> Cell:
    return lambda document, now: len(find(document, path) or ())


def _event_object(document: Json, now: datetime) -> str:
    involved = document.get("involvedObject") or {}
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"


def _last_seen(document: Json, now: datetime) -> str:
    return _age(
        document.get("lastTimestamp") or document.get("eventTime") or document["metadata"].get("creationTimestamp"), now
    )


def _ports(document: Json, now: datetime) -> str:
    ports = find(document, ".spec.ports") or []
    return ",".join(f"{port.get('port')}/{port.get('protocol', 'TCP')}" for port in ports) or "<none>"


def _completions(document: Json, now: datetime) -> str:
    wanted = find(document, ".spec.completions")
    return f"{find(document, '.status.succeeded') or 0}/{1 if wanted is None else wanted}"


def _ready_of(document: Json, now: datetime) -> str:
    return f"{find(document, '.status.readyReplicas') or 0}/{find(document, '.spec.replicas') or 0}"


AGE: Column = ("Age", "string", 0, lambda document, now: _age(document["metadata"].get("creationTimestamp"), now))
BUILT_IN: dict[str, list[Column]] = {
    "Pod": [
        ("Ready", "string", 0, _pod_ready),
        ("Status", "string", 0, _pod_status),
        ("Restarts", "string", 0, _restarts),
        AGE,
        ("IP", "string", 1, _at(".status.podIP", "<none>")),
        ("Node", "string", 1, _at(".spec.nodeName", "<none>")),
    ],
    "Job": [
        ("Status", "string", 0, _job_status),
        ("Completions", "string", 0, _completions),
        ("Duration", "string", 0, _duration),
        AGE,
    ],
    "Deployment": [
        ("Ready", "string", 0, _ready_of),
        ("Up-to-date", "integer", 0, _at(".status.updatedReplicas", 0)),
        ("Available", "integer", 0, _at(".status.availableReplicas", 0)),
        AGE,
    ],
    "ReplicaSet": [
        ("Desired", "integer", 0, _at(".spec.replicas", 0)),
        ("Current", "integer", 0, _at(".status.replicas", 0)),
        ("Ready", "integer", 0, _at(".status.readyReplicas", 0)),
        AGE,
    ],
    "Service": [
        ("Type", "string", 0, _at(".spec.type")),
        ("Cluster-IP", "string", 0, _at(".spec.clusterIP", "None")),
        ("External-IP", "string", 0, lambda document, now: "<none>"),
        ("Port(s)", "string", 0, _ports),
        AGE,
    ],
    "Node": [
        ("Status", "string", 0, _node_status),
        ("Roles", "string", 0, lambda document, now: "<none>"),
        AGE,
        ("Version", "string", 0, _at(".status.nodeInfo.kubeletVersion")),
    ],
    "Namespace": [("Status", "string", 0, _at(".status.phase")), AGE],
    "ConfigMap": [("Data", "integer", 0, _count(".data")), AGE],
    "Secret": [("Type", "string", 0, _at(".type")), ("Data", "integer", 0, _count(".data")), AGE],
    "Event": [
        ("Last Seen", "string", 0, _last_seen),
        ("Type", "string", 0, _at(".type")),
        ("Reason", "string", 0, _at(".reason")),
        ("Object", "string", 0, _event_object),
        ("Message", "string", 0, _at(".message")),
    ],
    "CustomResourceDefinition": [
        ("Created At", "date", 0, lambda document, now: document["metadata"].get("creationTimestamp", "")),
    ],
}
