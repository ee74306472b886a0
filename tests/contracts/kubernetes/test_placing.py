"""Where a scheduler puts no pod, and how it says why: a node that is only an object, and a pod for each rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from contracts.kubernetes.jobs import PODS
from contracts.kubernetes.servers import MERGE, SPACE, Json, Server, by_version, laptop_differs, until

NODES = "/api/v1/nodes"
NODE = "no-node"  # the one that the laptop's scheduler looks at in these tests
OURS = {"key": "example.com/cases", "value": "only", "effect": "NoSchedule"}  # keeps pods of other cases away
TOLERATED: Json = {"key": "example.com/cases", "operator": "Exists"}
LABELS = {"kubernetes.io/hostname": NODE, "disk": "ssd", "cores": "8"}
GIVES = {"cpu": "2", "memory": "4Gi", "pods": "110"}
HOSTNAME = "kubernetes.io/hostname"

HELPLESS, NOBODY = "Preemption is not helpful for scheduling", "No preemption victims found for incoming pod"
SELECTOR = "node(s) didn't match Pod's node affinity/selector"
AFFINITY = "node(s) didn't match pod affinity rules"
ANTI = "node(s) didn't match pod anti-affinity rules"
EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"
PORTS = "node(s) didn't have free ports for the requested pod ports"
TAINTED = "node(s) had untolerated taint(s)"


def said(problem: str, preemption: str = HELPLESS) -> str:
    none = "0/1 nodes are available: 1"
    return f"{none} {problem}. preemption: {none} {preemption}."


@dataclass(frozen=True)
class Case:
    """A pod's spec and labels, what the pods are that the node has already, and why it waits; empty when it does not.

    `hint` is what the laptop adds.
    """

    spec: Json
    waits: str = ""
    there: tuple[Json, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    hint: str = ""


def a_pod(name: str, labels: Json, spec: Json) -> Json:
    container = {"name": "a", "image": "i:1", **spec.get("container", {})}
    rest = {key: part for key, part in spec.items() if key != "container"}
    complete = {"tolerations": [TOLERATED], "terminationGracePeriodSeconds": 0, "containers": [container], **rest}
    return {"metadata": {"name": name, "labels": labels}, "spec": complete}


def on_node(*terms: Json) -> Json:
    required = {"nodeSelectorTerms": list(terms)}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


def asked(operator: str, key: str, *values: str) -> Json:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


def matching(*expressions: Json) -> Json:
    return on_node({"matchExpressions": list(expressions)})


def beside(kind: str, app: str, topology: str = HOSTNAME, **more: Any) -> Json:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": topology, **more}
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def near(app: str, topology: str = HOSTNAME, **more: Any) -> Json:
    return beside("podAffinity", app, topology, **more)


def far(app: str, topology: str = HOSTNAME, **more: Any) -> Json:
    return beside("podAntiAffinity", app, topology, **more)


def port(number: int, **more: Any) -> Json:
    return {"container": {"ports": [{"containerPort": number, "hostPort": number, **more}]}}


def too_much(what: str) -> str:
    return f" It asks for more than {NODE} has ({what}): ask for less."


def asking(**amounts: str) -> Json:
    return {"container": {"resources": {"requests": amounts, "limits": amounts}}}


def an_app(app: str, **spec: Any) -> Json:
    return {"app": app, **spec}


OTHERS = {"matchExpressions": [asked("In", "app", "a6", "a7")]}
CASES: dict[str, Case] = {
    "nothing asked": Case({}),
    "a label that is another": Case({"nodeSelector": {"disk": "hdd"}}, said(SELECTOR)),
    "In": Case(matching(asked("In", "disk", "hdd", "ssd"))),
    "not In": Case(matching(asked("In", "disk", "hdd")), said(SELECTOR)),
    "NotIn": Case(matching(asked("NotIn", "disk", "ssd")), said(SELECTOR)),
    "NotIn of a label that is not there": Case(matching(asked("NotIn", "room", "a"))),
    "Exists": Case(matching(asked("Exists", "room")), said(SELECTOR)),
    "DoesNotExist": Case(matching(asked("DoesNotExist", "disk")), said(SELECTOR)),
    "Gt": Case(matching(asked("Gt", "cores", "7"))),
    "not Gt": Case(matching(asked("Gt", "cores", "8")), said(SELECTOR)),
    "Lt": Case(matching(asked("Lt", "cores", "9"))),
    "Lt of a label that is no number": Case(matching(asked("Lt", "disk", "9")), said(SELECTOR)),
    "both of two": Case(matching(asked("Exists", "disk"), asked("Exists", "room")), said(SELECTOR)),
    "one of two terms": Case(
        on_node({"matchExpressions": [asked("Exists", "room")]}, {"matchExpressions": [asked("Exists", "disk")]})
    ),
    "a term that asks nothing": Case(on_node({}), said(SELECTOR)),
    "its name": Case(on_node({"matchFields": [asked("In", "metadata.name", NODE)]})),
    "another's name": Case(
        on_node({"matchFields": [asked("In", "metadata.name", "other")]}),
        said("node(s) didn't satisfy plugin(s) [NodeAffinity]"),
    ),
    "not its name": Case(on_node({"matchFields": [asked("NotIn", "metadata.name", NODE)]}), said(SELECTOR)),
    "a taint": Case({"tolerations": []}, said(TAINTED)),
    "a taint of another value": Case(
        {"tolerations": [{"key": OURS["key"], "operator": "Equal", "value": "other"}]}, said(TAINTED)
    ),
    "a taint of another effect": Case({"tolerations": [{**TOLERATED, "effect": "NoExecute"}]}, said(TAINTED)),
    "every taint": Case({"tolerations": [{"operator": "Exists"}]}),
    "a port that is taken": Case(port(7001), said(PORTS, NOBODY), (port(7001),)),
    "a port of another protocol": Case(port(7002), there=(port(7002, protocol="UDP"),)),
    "a port of another address": Case(port(7003, hostIP="127.0.0.1"), there=(port(7003, hostIP="127.0.0.2"),)),
    "a port of every address": Case(port(7004), said(PORTS, NOBODY), (port(7004, hostIP="127.0.0.2"),)),
    "near one that is there": Case(near("a1"), there=(an_app("a1"),)),
    "near one that is not": Case(near("a2"), said(AFFINITY)),
    "near one of another namespace": Case(near("a3", namespaces=["kube-system"]), said(AFFINITY), (an_app("a3"),)),
    "near itself": Case(near("a4"), labels=(("app", "a4"),)),
    "near, by a label that the node has not": Case(near("a5", "room"), said(AFFINITY), (an_app("a5"),)),
    "near by an expression": Case(near("", labelSelector=OTHERS), there=(an_app("a6"),)),
    "near any namespace": Case(near("a8", namespaceSelector={}), there=(an_app("a8"),)),
    "near a namespace by its label": Case(
        near("a9", namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "default"}}),
        there=(an_app("a9"),),
    ),
    "near a namespace by a label of none": Case(
        near("a10", namespaceSelector={"matchLabels": {"team": "a"}}), said(AFFINITY), (an_app("a10"),)
    ),
    "far from one that is there": Case(far("b1"), said(ANTI, NOBODY), (an_app("b1"),)),
    "far from one that is not": Case(far("b2")),
    "far, by a label that the node has not": Case(far("b3", "room"), there=(an_app("b3"),)),
    "one that another wants far": Case({}, said(EXISTING, NOBODY), (far("b4"),), (("app", "b4"),)),
    "one that another wants far from another namespace": Case(
        {}, there=(far("b5", namespaces=["kube-system"]),), labels=(("app", "b5"),)
    ),
    "more than there is": Case(asking(cpu="64"), said("Insufficient cpu"), hint=too_much("cpu: 64 of 2")),
    "more than is left": Case(asking(memory="3Gi"), said("Insufficient memory", NOBODY), (asking(memory="2Gi"),)),
    "what the node has not": Case(
        asking(**{"example.com/fpga": "1"}),
        said("Insufficient example.com/fpga"),
        hint=too_much("example.com/fpga: 1 of 0"),
    ),
    "two things": Case(
        asking(cpu="64", memory="3Gi"),
        said("Insufficient cpu, 1 Insufficient memory"),
        hint=too_much("cpu: 64 of 2"),
    ),
    "two rules": Case({**port(7001), "nodeSelector": {"disk": "hdd"}}, said(SELECTOR)),
}


@pytest.fixture(scope="module")
def node(working: Server) -> Iterator[Server]:
    """A server that has a node."""
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "it is"}
    status = {"capacity": GIVES, "allocatable": GIVES, "conditions": [ready]}
    working.good("POST", NODES, {"metadata": {"name": NODE, "labels": LABELS}, "status": status})
    taint(working, OURS)
    yield working
    working.good("DELETE", f"{NODES}/{NODE}")


def taint(server: Server, *taints: Json, **spec: Any) -> None:
    """Have these and no others, also not those that a server puts on a node that is new."""
    wanted = [(entry["key"], entry["effect"]) for entry in taints]

    def done() -> bool:
        server.good("PATCH", f"{NODES}/{NODE}", {"spec": {"taints": list(taints), **spec}}, MERGE)
        found = server.good("GET", f"{NODES}/{NODE}").body["spec"].get("taints") or []
        return [(entry["key"], entry["effect"]) for entry in found] == wanted

    until(done)


@pytest.fixture(scope="module")
def placed(node: Server) -> Iterator[dict[str, str]]:
    """What has become of each case's pod: why it waits, empty when it was bound."""
    names = {case: f"placed-{number}" for number, case in enumerate(CASES)}
    there = []
    for case, name in names.items():
        for number, spec in enumerate(CASES[case].there):
            there.append(f"{name}-there-{number}")
            own = {key: part for key, part in spec.items() if key != "app"}
            labels = {"app": spec["app"]} if "app" in spec else {}
            node.good("POST", PODS, a_pod(there[-1], labels, {"nodeName": NODE, **own}))
    for case, name in names.items():
        node.good("POST", PODS, a_pod(name, dict(CASES[case].labels), CASES[case].spec))
    yield {case: outcome(node, name) for case, name in names.items()}
    for name in (*names.values(), *there):
        node.good("DELETE", f"{PODS}/{name}", {"gracePeriodSeconds": 0})


def scheduled(server: Server, name: str) -> Json:
    pod = server.good("GET", f"{PODS}/{name}").body
    conditions = pod["status"].get("conditions") or []
    found: Json = next((entry for entry in conditions if entry["type"] == "PodScheduled"), {})
    return found


def outcome(server: Server, name: str) -> str:
    condition = until(lambda: scheduled(server, name))
    assert condition["status"] == "True" or condition["reason"] == "Unschedulable", condition
    return str(condition.get("message", ""))


@pytest.mark.parametrize("case", CASES)
def test_a_pod_is_bound_or_told_why_not(node: Server, placed: dict[str, str], case: str) -> None:
    waits, hint = CASES[case].waits, CASES[case].hint
    added = laptop_differs(
        node, real="", laptop=hint, why="a laptop has one node, and can say its amounts", row="placing"
    )
    claims = by_version(node, newest="", oldest="no new claims to deallocate, ")
    assert placed[case] == waits.replace("preemption:", f"{claims}preemption:") + added


@pytest.fixture
def cordoned(node: Server) -> Iterator[Server]:
    node.good("PATCH", f"{NODES}/{NODE}", {"spec": {"unschedulable": True}}, MERGE)
    yield node
    node.good("PATCH", f"{NODES}/{NODE}", {"spec": {"unschedulable": None}}, MERGE)


def failures(server: Server, name: str) -> set[str]:
    """What events tell of a pod that was not placed."""
    selector = f"involvedObject.name={name},reason=FailedScheduling"
    found = server.good("GET", f"{SPACE}/events", fieldSelector=selector).body["items"]
    return {event["message"] for event in found}


def test_a_cordoned_node_takes_only_pods_that_tolerate_it(cordoned: Server, fresh: Callable[[], str]) -> None:
    one, other = fresh(), fresh()
    cordoned.good("POST", PODS, a_pod(one, {}, {}))
    tolerations = [TOLERATED, {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]
    cordoned.good("POST", PODS, a_pod(other, {}, {"tolerations": tolerations}))
    waits = outcome(cordoned, one).replace("no new claims to deallocate, ", "")
    assert waits == said("node(s) were unschedulable") and outcome(cordoned, other) == ""
    until(lambda: outcome(cordoned, one) in failures(cordoned, one))
    for name in (one, other):
        cordoned.good("DELETE", f"{PODS}/{name}", {"gracePeriodSeconds": 0})


def test_a_pod_is_bound_when_what_was_in_its_way_has_gone(node: Server, fresh: Callable[[], str]) -> None:
    first, second = fresh(), fresh()
    node.good("POST", PODS, a_pod(first, {}, {"nodeName": NODE, **port(7100)}))
    node.good("POST", PODS, a_pod(second, {}, port(7100)))
    assert PORTS in outcome(node, second)
    node.good("DELETE", f"{PODS}/{first}", {"gracePeriodSeconds": 0})
    until(lambda: not outcome(node, second))
    node.good("DELETE", f"{PODS}/{second}", {"gracePeriodSeconds": 0})
