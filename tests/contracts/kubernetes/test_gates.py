"""Pods that nobody may place yet: scheduling gates, what is told of them, and how they go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.jobs import PODS
from contracts.kubernetes.servers import MERGE, Json, Server, until

GATES = "spec.schedulingGates"
TOLD = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "SchedulingGated",
    "message": "Scheduling is blocked due to non-empty scheduling gates",
}


def gated(name: str, *gates: str, **spec: Any) -> Json:
    containers = [{"name": "a", "image": "i:1"}]
    listed = [{"name": gate} for gate in gates]
    return {"metadata": {"name": name}, "spec": {"containers": containers, "schedulingGates": listed, **spec}}


def conditions(server: Server, name: str) -> list[Json]:
    found: list[Json] = server.good("GET", f"{PODS}/{name}").body["status"].get("conditions") or []
    return found


def test_a_gated_pod_says_so_at_once(working: Server, fresh: Callable[[], str]) -> None:
    name = fresh()
    (condition,) = working.good("POST", PODS, gated(name, "example.com/a", "b")).body["status"]["conditions"]
    assert condition.items() >= TOLD.items() and condition["lastTransitionTime"]
    assert set(condition) - {*TOLD, "lastTransitionTime", "lastProbeTime"} == set()
    assert "SchedulingGated" in working.kubectl("get", "pod", name).stdout


def test_a_pod_is_placed_when_its_gates_have_gone(working: Server, fresh: Callable[[], str]) -> None:
    name = fresh()
    working.good("POST", PODS, gated(name, "a", "b"))
    for left in ([{"name": "b"}], None):
        working.good("PATCH", f"{PODS}/{name}", {"spec": {"schedulingGates": left}}, MERGE)
    until(lambda: conditions(working, name)[0]["reason"] == "Unschedulable")
    assert conditions(working, name)[0]["message"] == "no nodes available to schedule pods"


UNBINDABLE: dict[str, tuple[Json, str]] = {
    "a gate": (gated("x", "a"), "has non-empty .spec.schedulingGates"),
    "a node": (gated("x", nodeName="other"), 'is already assigned to node "other"'),
    "its end": (gated("x"), "is being deleted, cannot be assigned to a host"),
}


@pytest.mark.parametrize("case", UNBINDABLE)
def test_a_pod_that_gets_no_node_says_why(server: Server, fresh: Callable[[], str], case: str) -> None:
    name, (document, why) = fresh(), UNBINDABLE[case]
    metadata = {"name": name, "finalizers": ["example.com/held"]}
    server.good("POST", PODS, {**document, "metadata": metadata})
    if case == "its end":
        server.good("DELETE", f"{PODS}/{name}")
    answer = server.call("POST", f"{PODS}/{name}/binding", {"metadata": {"name": name}, "target": {"name": "n"}})
    words = f'Operation cannot be fulfilled on pods/binding "{name}": pod {name} {why}'
    assert (answer.code, answer.body["reason"], answer.body["message"]) == (409, "Conflict", words)
    assert answer.body["details"] == {"name": name, "kind": "pods/binding"}
    server.good("PATCH", f"{PODS}/{name}", {"metadata": {"finalizers": None}}, MERGE)


REFUSED: dict[str, tuple[Json, tuple[str, str, str]]] = {
    "a node": (
        gated("x", "a", nodeName="n"),
        (
            "spec.nodeName",
            "FieldValueForbidden",
            "Forbidden: cannot be set until all schedulingGates have been cleared",
        ),
    ),
    "one gate twice": (gated("x", "a", "a"), (f"{GATES}[1]", "FieldValueDuplicate", 'Duplicate value: "a"')),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_gated_pod_that_cannot_be_is_refused(server: Server, case: str) -> None:
    document, cause = REFUSED[case]
    answer = server.call("POST", PODS, document)
    assert (answer.code, answer.causes) == (422, {cause})


def test_a_gate_has_a_name_of_a_label(server: Server) -> None:
    answer = server.call("POST", PODS, gated("x", "a b"))
    assert answer.code == 422 and {(field, reason) for field, reason, _ in answer.causes} == {
        (f"{GATES}[0]", "FieldValueInvalid")
    }


def test_gates_are_only_taken_away(server: Server, fresh: Callable[[], str]) -> None:
    name = fresh()
    server.good("POST", PODS, gated(name, "a"))
    more = {"spec": {"schedulingGates": [{"name": "a"}, {"name": "b"}]}}
    answer = server.call("PATCH", f"{PODS}/{name}", more, MERGE)
    words = "Forbidden: only deletion is allowed, but found new scheduling gate 'b'"
    assert (answer.code, answer.causes) == (422, {(f"{GATES}[1].name", "FieldValueForbidden", words)})


def test_a_gated_pod_may_ask_for_more_of_its_node(server: Server, fresh: Callable[[], str]) -> None:
    name = fresh()
    server.good("POST", PODS, gated(name, "a", nodeSelector={"disk": "ssd"}))
    server.good("PATCH", f"{PODS}/{name}", {"spec": {"nodeSelector": {"room": "a"}}}, MERGE)
    answer = server.call("PATCH", f"{PODS}/{name}", {"spec": {"nodeSelector": {"disk": "hdd"}}}, MERGE)
    ((field, reason, words),) = answer.causes
    assert (answer.code, field, reason) == (422, "spec.nodeSelector", "FieldValueInvalid")
    assert words.endswith("only additions to spec.nodeSelector are allowed (no mutations or deletions)")
    server.good("PATCH", f"{PODS}/{name}", {"spec": {"schedulingGates": None}}, MERGE)
    assert server.call("PATCH", f"{PODS}/{name}", {"spec": {"nodeSelector": {"floor": "1"}}}, MERGE).code == 422
