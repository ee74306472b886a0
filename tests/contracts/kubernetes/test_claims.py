"""Claims and the volumes that are there for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from contracts.kubernetes.servers import MERGE, PATIENCE, SPACE, Answer, Json, Server

CLAIMS, VOLUMES = f"{SPACE}/persistentvolumeclaims", "/api/v1/persistentvolumes"
COMPLETED, BY_CONTROLLER = "pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"
Fresh = Callable[[], str]


def a_volume(server: Server, name: str, size: str = "1Mi", **spec: Any) -> Answer:
    own = {"accessModes": ["ReadWriteOnce"], "storageClassName": name.rpartition("-")[0], "hostPath": {"path": "/h"}}
    return server.good(
        "POST", VOLUMES, {"metadata": {"name": name}, "spec": {"capacity": {"storage": size}, **own, **spec}}
    )


def a_claim(server: Server, name: str, class_: str, size: str = "1Mi", **spec: Any) -> Answer:
    own = {"accessModes": ["ReadWriteOnce"], "storageClassName": class_, "resources": {"requests": {"storage": size}}}
    return server.good("POST", CLAIMS, {"metadata": {"name": name}, "spec": {**own, **spec}})


def in_phase(server: Server, path: str, phase: str) -> Json:
    deadline = time.monotonic() + PATIENCE
    while (found := server.good("GET", path).body)["status"].get("phase") != phase:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    whole: Json = found
    return whole


def test_a_claim_gets_the_smallest_volume_of_its_class_that_is_large_enough(working: Server, fresh: Fresh) -> None:
    name = fresh()
    for size in ("1Mi", "8Mi", "4Mi"):
        a_volume(working, f"{name}-{size.lower()}", size)
    uid = a_claim(working, name, name, "2Mi").body["metadata"]["uid"]
    claim = in_phase(working, f"{CLAIMS}/{name}", "Bound")
    assert claim["spec"]["volumeName"] == f"{name}-4mi"
    assert claim["metadata"]["annotations"] == {COMPLETED: "yes", BY_CONTROLLER: "yes"}
    assert (claim["status"]["accessModes"], claim["status"]["capacity"]) == (["ReadWriteOnce"], {"storage": "4Mi"})
    volume = in_phase(working, f"{VOLUMES}/{name}-4mi", "Bound")
    assert volume["metadata"]["annotations"] == {BY_CONTROLLER: "yes"}
    reference = volume["spec"]["claimRef"]
    assert reference.pop("resourceVersion")
    identity = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "default", "name": name, "uid": uid}
    assert reference == identity
    assert in_phase(working, f"{VOLUMES}/{name}-1mi", "Available")["spec"].get("claimRef") is None


def test_a_claim_for_which_there_is_nothing_waits(working: Server, fresh: Fresh) -> None:
    name = fresh()
    a_volume(working, f"{name}-small")
    a_volume(working, f"{name}-shared", "4Mi", accessModes=["ReadOnlyMany"])
    a_claim(working, name, name, "2Mi")
    in_phase(working, f"{VOLUMES}/{name}-shared", "Available")
    claim = working.good("GET", f"{CLAIMS}/{name}").body
    assert (claim["status"], "volumeName" in claim["spec"]) == ({"phase": "Pending"}, False)
    a_volume(working, f"{name}-right", "4Mi")
    assert in_phase(working, f"{CLAIMS}/{name}", "Bound")["spec"]["volumeName"] == f"{name}-right"


def test_what_the_user_chose_is_not_marked_as_the_controllers(working: Server, fresh: Fresh) -> None:
    name = fresh()
    kept = {"namespace": "default", "name": f"{name}-b"}
    a_volume(working, f"{name}-a")
    a_volume(working, f"{name}-b", claimRef=kept)
    a_claim(working, f"{name}-a", name, volumeName=f"{name}-a")
    a_claim(working, f"{name}-b", name)
    first, second = (in_phase(working, f"{CLAIMS}/{name}-{letter}", "Bound") for letter in "ab")
    assert [claim["spec"]["volumeName"] for claim in (first, second)] == [f"{name}-a", f"{name}-b"]
    assert first["metadata"]["annotations"] == {COMPLETED: "yes"}
    assert second["metadata"]["annotations"] == {COMPLETED: "yes", BY_CONTROLLER: "yes"}
    assert "annotations" not in in_phase(working, f"{VOLUMES}/{name}-b", "Bound")["metadata"]


def test_a_volume_outlives_its_claim_and_serves_no_other(working: Server, fresh: Fresh) -> None:
    name = fresh()
    a_volume(working, f"{name}-v")
    a_claim(working, name, name)
    in_phase(working, f"{CLAIMS}/{name}", "Bound")
    working.good("DELETE", f"{CLAIMS}/{name}")
    assert in_phase(working, f"{VOLUMES}/{name}-v", "Released")["spec"]["claimRef"]["name"] == name
    a_claim(working, name, name)
    working.good("PATCH", f"{VOLUMES}/{name}-v", {"spec": {"claimRef": None}}, MERGE)
    assert in_phase(working, f"{CLAIMS}/{name}", "Bound")["spec"]["volumeName"] == f"{name}-v"


def test_a_claim_whose_volume_is_removed_is_lost(working: Server, fresh: Fresh) -> None:
    name = fresh()
    a_volume(working, f"{name}-v")
    a_claim(working, name, name)
    in_phase(working, f"{CLAIMS}/{name}", "Bound")
    working.call("DELETE", f"{VOLUMES}/{name}-v")
    working.call("PATCH", f"{VOLUMES}/{name}-v", {"metadata": {"finalizers": None}}, MERGE)
    in_phase(working, f"{CLAIMS}/{name}", "Lost")
