"""Owners that are in another namespace than what they are to own, or not there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contracts.kubernetes.servers import MERGE, SPACE, Json, Server, a_config_map, until

MAPS = f"{SPACE}/configmaps"
UID = "00000000-0000-0000-0000-000000000001"
Fresh = Callable[[], str]


def owner_of(held: Json) -> Json:
    metadata = held["metadata"]
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": metadata["name"], "uid": metadata["uid"]}


def complaints(server: Server, name: str) -> set[tuple[str, str, str]]:
    """Kind, reason and text of what is told of an object."""
    events = server.good("GET", "/api/v1/events", fieldSelector=f"involvedObject.name={name}").body["items"]
    return {(event["involvedObject"]["kind"], event["reason"], event["message"]) for event in events}


NO_OWNER = 'ownerRef [v1/ConfigMap, namespace: {space}, name: {name}, uid: {uid}] does not exist in namespace "{space}"'


@pytest.mark.parametrize("kind", ["Namespace", "ClusterRole"])
def test_an_owner_in_a_namespace_owns_nothing_outside_and_deletes_nothing_there(
    server: Server, fresh: Fresh, kind: str
) -> None:
    path = {"Namespace": "/api/v1/namespaces", "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles"}[kind]
    name = fresh()
    owner = owner_of(server.good("POST", MAPS, a_config_map(name)).body)
    ghost = {"apiVersion": "v1", "kind": "Node", "name": "ghost", "uid": UID}
    server.good("POST", path, {"metadata": {"name": name, "ownerReferences": [owner]}})
    server.good("POST", path, {"metadata": {"name": f"{name}-too", "ownerReferences": [ghost, owner]}})
    text = NO_OWNER.format(space="", name=name, uid=owner["uid"])
    until(lambda: (kind, "OwnerRefInvalidNamespace", text) in complaints(server, name))
    server.good("DELETE", f"{MAPS}/{name}")
    server.good("POST", MAPS, {"metadata": {"name": name, "ownerReferences": [ghost]}})
    until(lambda: server.call("GET", f"{MAPS}/{name}").code == 404)  # what was to follow has followed
    assert all(
        "deletionTimestamp" not in server.good("GET", f"{path}/{held}").body["metadata"]
        for held in (name, f"{name}-too")
    )


def test_an_owner_in_another_namespace_is_none(server: Server, fresh: Fresh) -> None:
    name, path = fresh(), "/api/v1/namespaces/kube-public/configmaps"
    owner = owner_of(server.good("POST", MAPS, a_config_map(name)).body)
    server.good("POST", path, {"metadata": {"name": name, "ownerReferences": [owner]}})
    until(lambda: server.call("GET", f"{path}/{name}").code == 404)
    text = NO_OWNER.format(space="kube-public", name=name, uid=owner["uid"])
    until(lambda: ("ConfigMap", "OwnerRefInvalidNamespace", text) in complaints(server, name))


def test_an_object_that_is_given_an_owner_which_is_not_there_goes(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))
    ghost = {"apiVersion": "v1", "kind": "ConfigMap", "name": "ghost", "uid": UID}
    server.good("PATCH", f"{MAPS}/{name}", {"metadata": {"ownerReferences": [ghost]}}, MERGE)
    until(lambda: server.call("GET", f"{MAPS}/{name}").code == 404)
