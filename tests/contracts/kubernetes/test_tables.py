"""What `kubectl get` shows of Kubernetes' own kinds: the columns, as a real server has given them, and what is in them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from contracts.kubernetes.servers import MERGE, SPACE, Json, Server, by_version

from katib_local.apiserver.kinds import BUILT_INS, Kind

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
RBAC, BATCH, APPS = (f"/apis/{group}/v1" for group in ("rbac.authorization.k8s.io", "batch", "apps"))
BINDING = "Name, Role, Age, Users*, Groups*, ServiceAccounts*"
WEBHOOKS = "Name, Webhooks:integer, Age"
CREATED = "Name, Created At:date"
# A star is of `-o wide` alone; what is no text has its type.
COLUMNS = {
    "Namespace": "Name, Status, Age",
    "Node": "Name, Status, Roles, Age, Version, "
    "Internal-IP*, External-IP*, OS-Image*, Kernel-Version*, Container-Runtime*",
    "PersistentVolume": "Name, Capacity, Access Modes, Reclaim Policy, Status, Claim, StorageClass, "
    "VolumeAttributesClass, Reason, Age, VolumeMode*",
    "PersistentVolumeClaim": "Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, "
    "VolumeMode*",
    "Pod": "Name, Ready, Status, Restarts, Age, IP*, Node*, Nominated Node*, Readiness Gates*",
    "Service": "Name, Type, Cluster-IP, External-IP, Port(s), Age, Selector*",
    "Endpoints": "Name, Endpoints, Age",
    "ConfigMap": "Name, Data, Age",
    "Secret": "Name, Type, Data, Age",
    "ServiceAccount": "Name, Age",
    "Event": "Last Seen, Type, Reason, Object, Subobject*, Source*, Message, First Seen*, Count*, Name*",
    "Deployment": "Name, Ready, Up-to-date, Available, Age, Containers*, Images*, Selector*",
    "ReplicaSet": "Name, Desired:integer, Current:integer, Ready:integer, Age, Containers*, Images*, Selector*",
    "Job": "Name, Status, Completions, Duration, Age, Containers*, Images*, Selector*",
    "Lease": "Name, Holder, Age",
    "Role": CREATED,
    "RoleBinding": BINDING,
    "ClusterRole": CREATED,
    "ClusterRoleBinding": BINDING,
    "MutatingWebhookConfiguration": WEBHOOKS,
    "ValidatingWebhookConfiguration": WEBHOOKS,
    "CustomResourceDefinition": "Name, Scope, Versions, Created At:date, Group*, Kind*, ShortNames*, "
    "Established:boolean*",
}
OLDER = {"ServiceAccount": "Name, Secrets, Age", "CustomResourceDefinition": CREATED}


def written(column: Json) -> str:
    type_ = "" if column["type"] == "string" else f":{column['type']}"
    return f"{column['name']}{type_}{'*' if column['priority'] else ''}"


@pytest.mark.parametrize("kind", BUILT_INS, ids=lambda kind: kind.kind)
def test_a_kind_of_kubernetes_has_its_columns(server: Server, kind: Kind) -> None:
    group = f"/apis/{kind.group}/v1" if kind.group else "/api/v1"
    columns = server.get(f"{group}/{kind.plural}", TABLE).body["columnDefinitions"]
    newest = COLUMNS[kind.kind]
    expected = by_version(server, newest=newest, oldest=OLDER.get(kind.kind, newest))
    assert ", ".join(map(written, columns)) == expected
    assert [column["name"] for column in columns if column["format"]] == ["Name"]


def template(labels: dict[str, str]) -> Json:
    containers = [{"name": "c", "image": "i:1"}, {"name": "d", "image": "i:2"}]
    return {"metadata": {"labels": labels}, "spec": {"restartPolicy": "Always", "containers": containers}}


LABELS = {"b": "1", "a": "2", "z": "q", "y": ""}
EXPRESSIONS = [
    {"key": "z", "operator": "In", "values": ["q", "p"]},
    {"key": "y", "operator": "Exists"},
    {"key": "x", "operator": "DoesNotExist"},
    {"key": "x", "operator": "NotIn", "values": ["k"]},
]
SELECTOR = {"matchLabels": {"b": "1", "a": "2"}, "matchExpressions": EXPRESSIONS}
NODE = {
    "conditions": [{"type": "Ready", "status": "True"}],
    "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
    "nodeInfo": {
        **dict.fromkeys(("bootID", "kubeProxyVersion", "machineID", "operatingSystem", "systemUUID"), "x"),
        **{"kubeletVersion": "v1.37.2", "osImage": "Debian", "kernelVersion": "6.1", "architecture": ""},
        "containerRuntimeVersion": "x://1",
    },
}
EVENT = {
    "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default", "fieldPath": "spec.containers{c}"},
    **{"type": "Normal", "reason": "R", "message": " hi\nthere ", "count": 7},
    "source": {"component": "me", "host": "h"},
}
VOLUME = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce", "ReadOnlyMany"], "hostPath": {"path": "/x"}}
ADDRESSES = [{"ip": "10.1.1.1"}, {"ip": "10.1.1.2"}]
SUBJECTS = [
    *({"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"} for name in ("u", "w")),
    {"kind": "ServiceAccount", "name": "s", "namespace": "ns"},
]
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
# Path, object, and cells that are the same wherever it is asked.
CELLS: dict[str, tuple[str, Json, Json]] = {
    "a node": (
        "/api/v1/nodes",
        {
            "metadata": {"labels": {"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "odd"}},
            **{"spec": {"unschedulable": True}, "status": NODE},
        },
        {
            **{"Status": "Ready,SchedulingDisabled", "Roles": "odd,worker", "Version": "v1.37.2"},
            **{"Internal-IP": "10.0.0.1", "External-IP": "<none>", "OS-Image": "Debian"},
            **{"Kernel-Version": "6.1", "Container-Runtime": "x://1"},
        },
    ),
    "a node that nothing is known of": (
        "/api/v1/nodes",
        {},
        {"Status": "Unknown", "Roles": "<none>", "OS-Image": "<unknown>", "Container-Runtime": "<unknown>"},
    ),
    "a volume": (
        "/api/v1/persistentvolumes",
        {"spec": {**VOLUME, "storageClassName": "slow", "persistentVolumeReclaimPolicy": "Delete"}},
        {"Capacity": "1Gi", "Access Modes": "RWO,ROX", "Reclaim Policy": "Delete", "Claim": "", "StorageClass": "slow"},
    ),
    "a claim": (
        f"{SPACE}/persistentvolumeclaims",
        {
            "spec": {
                **{"accessModes": ["ReadWriteMany"], "volumeName": "v7", "storageClassName": "none"},
                "resources": {"requests": {"storage": "1Gi"}},
            }
        },
        {"Status": "Pending", "Volume": "v7", "Capacity": "0", "Access Modes": "", "StorageClass": "none"},
    ),
    "a service": (
        f"{SPACE}/services",
        {"spec": {"clusterIP": "None", "selector": {"c": "d", "a": "b"}, "ports": [{"port": 80}]}},
        {
            "Type": "ClusterIP",
            "Cluster-IP": "None",
            "External-IP": "<none>",
            "Port(s)": "80/TCP",
            "Selector": "a=b,c=d",
        },
    ),
    "a service elsewhere": (
        f"{SPACE}/services",
        {"spec": {"type": "ExternalName", "externalName": "a.example.com"}},
        {"Cluster-IP": "<none>", "External-IP": "a.example.com", "Port(s)": "<none>", "Selector": "<none>"},
    ),
    "endpoints": (
        f"{SPACE}/endpoints",
        {"subsets": [{"addresses": ADDRESSES, "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 90}]}]},
        {"Endpoints": "10.1.1.1:80,10.1.1.2:80,10.1.1.1:90 + 1 more..."},
    ),
    "a config map": (f"{SPACE}/configmaps", {"data": {"a": "b"}, "binaryData": {"c": "eg=="}}, {"Data": 2}),
    "an event": (
        f"{SPACE}/events",
        EVENT,
        {
            **{"Last Seen": "<unknown>", "Object": "pod/p", "Subobject": "spec.containers{c}", "Source": "me, h"},
            **{"Message": "hi\nthere", "First Seen": "<unknown>", "Count": 7},
        },
    ),
    "a deployment": (
        f"{APPS}/namespaces/default/deployments",
        {"spec": {"replicas": 0, "selector": SELECTOR, "template": template(LABELS)}},
        {
            **{"Ready": "0/0", "Containers": "c,d", "Images": "i:1,i:2"},
            "Selector": "a=2,b=1,!x,x notin (k),y,z in (p,q)",
        },
    ),
    "a job of two pods": (
        f"{BATCH}/namespaces/default/jobs",
        {
            "spec": {
                **{"parallelism": 2, "suspend": True, "manualSelector": True, "selector": {"matchLabels": LABELS}},
                "template": {**template(LABELS), "spec": {**template(LABELS)["spec"], "restartPolicy": "Never"}},
            }
        },
        {"Completions": "0/1 of 2", "Containers": "c,d", "Selector": "a=2,b=1,y=,z=q"},
    ),
    "a pod": (
        f"{SPACE}/pods",
        {"spec": {"readinessGates": [{"conditionType": "a"}], "containers": [{"name": "c", "image": "i:1"}]}},
        {"Node": "<none>", "Nominated Node": "<none>", "Readiness Gates": "0/1"},
    ),
    "a lease": (
        "/apis/coordination.k8s.io/v1/namespaces/default/leases",
        {"spec": {"holderIdentity": "me"}},
        {"Holder": "me"},
    ),
    "a binding": (
        f"{RBAC}/namespaces/default/rolebindings",
        {"roleRef": ROLE, "subjects": SUBJECTS},
        {"Role": "Role/r", "Users": "u, w", "Groups": "", "ServiceAccounts": "ns/s"},
    ),
}


@pytest.mark.parametrize("case", CELLS)
def test_a_table_shows_what_an_object_is(server: Server, fresh: Callable[[], str], case: str) -> None:
    path, document, expected = CELLS[case]
    name = fresh()
    server.good("POST", path, {**document, "metadata": {**document.get("metadata", {}), "name": name}})
    table = server.get(f"{path}/{name}", TABLE).body
    shown = dict(zip((column["name"] for column in table["columnDefinitions"]), table["rows"][0]["cells"], strict=True))
    server.good("DELETE", f"{path}/{name}", {"gracePeriodSeconds": 0})
    assert {title: shown[title] for title in ("Name", *expected)} == {"Name": name, **expected}


def a_container(name: str, *, ready: bool = False, started: bool = False, restarts: int = 0, **state: Json) -> Json:
    """What a node says of a container; `state` is its one state, by name."""
    held: Json = {"name": name, "image": "i:1", "imageID": "", "ready": ready, "started": started}
    return {**held, "restartCount": restarts, "state": state}


def ended(code: int, reason: str = "", **more: Any) -> Json:
    return {"exitCode": code, **({"reason": reason} if reason else {}), **more}


def holding(**conditions: bool) -> list[Json]:
    return [{"type": kind, "status": str(holds)} for kind, holds in conditions.items()]


LATER = a_container("c", waiting={"reason": "PodInitializing"})
UP, DONE = (a_container("c", ready=True, started=True, running={}), a_container("c", terminated=ended(0, "Completed")))
INIT_UP, INIT_DONE = (a_container("i", running={}), a_container("i", ready=True, terminated=ended(0, "Completed")))
SIDE_UP = a_container("s", ready=True, started=True, running={})
# What a node says of pods with an init container `i`, a sidecar `s` and a container `c` (of some, with a `d`), and the
# columns Ready, Status and Restarts.
PODS: dict[str, tuple[Json, tuple[str, str, str]]] = {
    "nothing yet": ({}, ("0/2", "Pending", "0")),
    "the first init container runs": (
        {"inits": [INIT_UP, a_container("s", waiting={"reason": "PodInitializing"})], "mains": [LATER]},
        ("0/2", "Init:0/2", "0"),
    ),
    "the sidecar is to start": (
        {"inits": [INIT_DONE, a_container("s", running={})], "mains": [LATER]},
        ("0/2", "Init:1/2", "0"),
    ),
    "all inits are done": ({"inits": [INIT_DONE, SIDE_UP], "mains": [LATER]}, ("1/2", "PodInitializing", "0")),
    "an init container has failed": (
        {"inits": [a_container("i", terminated=ended(3, "Error"))], "mains": [LATER], "phase": "Failed"},
        ("0/2", "Init:Error", "0"),
    ),
    "an init container has failed without a word": (
        {"inits": [a_container("i", terminated=ended(3))], "mains": [LATER], "phase": "Failed"},
        ("0/2", "Init:ExitCode:3", "0"),
    ),
    "an init container was killed": (
        {"inits": [a_container("i", terminated=ended(137, signal=9))], "mains": [LATER], "phase": "Failed"},
        ("0/2", "Init:Signal:9", "0"),
    ),
    "an init container fails again and again": (
        {"inits": [a_container("i", restarts=4, waiting={"reason": "CrashLoopBackOff"})], "mains": [LATER]},
        ("0/2", "Init:CrashLoopBackOff", "4"),
    ),
    "all runs": (
        {
            "inits": [{**INIT_DONE, "restartCount": 2}, {**SIDE_UP, "restartCount": 1}],
            **{"mains": [UP], "phase": "Running", "conditions": holding(Initialized=True, Ready=True)},
        },
        ("2/2", "Running", "1"),
    ),
    "the sidecar begins again": (
        {
            "inits": [INIT_DONE, a_container("s", restarts=1, waiting={"reason": "CrashLoopBackOff"})],
            **{"mains": [UP], "phase": "Running", "conditions": holding(Initialized=True)},
        },
        ("1/2", "Init:CrashLoopBackOff", "1"),
    ),
    "one has failed and one has not": (
        {
            "mains": [DONE, a_container("d", terminated=ended(2, "Error"))],
            **{"phase": "Failed", "conditions": holding(Initialized=True)},
        },
        ("0/2", "Error", "0"),
    ),
    "one runs on": (
        {
            "mains": [DONE, {**UP, "name": "d"}],
            **{"phase": "Running", "conditions": holding(Initialized=True, Ready=False)},
        },
        ("1/2", "NotReady", "0"),
    ),
    "one runs on and is enough": (
        {
            "mains": [DONE, {**UP, "name": "d"}],
            **{"phase": "Running", "conditions": holding(Initialized=True, Ready=True)},
        },
        ("1/2", "Running", "0"),
    ),
    "one waits and one has failed": (
        {"mains": [a_container("c", waiting={"reason": "ErrImagePull"}), a_container("d", terminated=ended(1))]},
        ("0/2", "ErrImagePull", "0"),
    ),
    "all is done": ({"inits": [INIT_DONE], "mains": [DONE], "phase": "Succeeded"}, ("0/2", "Completed", "0")),
    "it was put off the node": (
        {"phase": "Failed", "reason": "Evicted", "conditions": holding(DisruptionTarget=True)},
        ("0/2", "Evicted", "0"),
    ),
    "it waits behind a gate": (
        {"gates": [{"name": "example.com/later"}]},
        ("0/2", "SchedulingGated", "0"),
    ),
}


# 1.34 says of several that have ended what the first one says.
OLDER_PODS = {"one has failed and one has not": ("0/2", "Completed", "0")}


@pytest.mark.parametrize("case", PODS)
def test_a_table_shows_what_a_pod_is_doing(server: Server, fresh: Callable[[], str], case: str) -> None:
    told, expected = PODS[case]
    name, image = fresh(), {"image": "i:1"}
    inits = [{"name": "i", **image}, {"name": "s", **image, "restartPolicy": "Always"}]
    # With a second container there is no sidecar, so that each of them has two to count.
    second = any(entry["name"] == "d" for entry in told.get("mains", ()))
    spec = {"initContainers": inits[:1] if second else inits, "containers": [{"name": "c", **image}]}
    spec["containers"] += [{"name": "d", **image}] if second else []
    spec |= {"schedulingGates": told["gates"]} if "gates" in told else {}
    server.good("POST", f"{SPACE}/pods", {"metadata": {"name": name}, "spec": spec})
    renamed = {"inits": "initContainerStatuses", "mains": "containerStatuses"}
    status = {renamed.get(field, field): value for field, value in told.items() if field != "gates"}
    server.good("PATCH", f"{SPACE}/pods/{name}/status", {"status": status}, MERGE)
    cells = server.get(f"{SPACE}/pods/{name}", TABLE).body["rows"][0]["cells"]
    server.good("DELETE", f"{SPACE}/pods/{name}", {"gracePeriodSeconds": 0})
    assert tuple(cells[1:4]) == by_version(server, newest=expected, oldest=OLDER_PODS.get(case, expected))


# Spans of days and seconds, with a little more than they say.
SPANS = {
    "5h": (0, 18010),
    "3h30m": (0, 12630),
    "40h": (0, 144300),
    "3d": (3, 300),
    "2d2h": (2, 7500),
    "400d": (400, 90),
}
YEARS = {"2y": (730, 90), "3y20d": (1115, 90), "9y": (3300, 90)}


@pytest.mark.parametrize("span", SPANS | YEARS)
def test_a_table_shows_how_long_ago_a_container_began_again(
    server: Server, fresh: Callable[[], str], span: str
) -> None:
    name, container = fresh(), {"name": "c", "image": "i:1"}
    server.good("POST", f"{SPACE}/pods", {"metadata": {"name": name}, "spec": {"containers": [container]}})
    days, seconds = (SPANS | YEARS)[span]
    at = (datetime.now(UTC) - timedelta(days=days, seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    last = {"terminated": ended(1, "Error", finishedAt=at)}
    status = {"containerStatuses": [{**UP, "restartCount": 3, "lastState": last}], "phase": "Running"}
    server.good("PATCH", f"{SPACE}/pods/{name}/status", {"status": status}, MERGE)
    cells = server.get(f"{SPACE}/pods/{name}", TABLE).body["rows"][0]["cells"]
    server.good("DELETE", f"{SPACE}/pods/{name}", {"gracePeriodSeconds": 0})
    assert cells[3] == f"3 ({span} ago)"
