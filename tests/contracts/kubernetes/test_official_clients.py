"""The official Python client, sync and async, and our own: each meets the semantics through its own words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import kubernetes
import pytest
from contracts.kubernetes.servers import Server, a_config_map
from kubernetes import aio

Fresh = Callable[[], str]


@pytest.fixture
def core(server: Server) -> Iterator[Any]:
    with kubernetes.config.new_client_from_config(str(server.kubeconfig)) as client:
        yield kubernetes.client.CoreV1Api(client)


def test_the_official_client_raises_what_a_conflict_says(core: Any, fresh: Fresh) -> None:
    name = fresh()
    held = core.create_namespaced_config_map("default", a_config_map(name))
    core.patch_namespaced_config_map(name, "default", {"data": {"a": "1"}})
    with pytest.raises(kubernetes.client.ApiException) as caught:
        core.replace_namespaced_config_map(name, "default", held)
    assert (caught.value.status, caught.value.reason) == (409, "Conflict")
    assert '"reason":"Conflict"' in caught.value.body.replace(" ", "").replace("\n", "")


def test_the_official_client_reads_pages_and_deletes_what_it_selects(core: Any, fresh: Fresh) -> None:
    name = fresh()
    for number in range(3):
        core.create_namespaced_config_map("default", a_config_map(f"{name}-{number}", {"g": name}))
    page = core.list_namespaced_config_map("default", label_selector=f"g={name}", limit=2)
    rest = core.list_namespaced_config_map("default", label_selector=f"g={name}", _continue=page.metadata._continue)
    assert [item.metadata.name[-1] for item in [*page.items, *rest.items]] == ["0", "1", "2"]
    core.delete_collection_namespaced_config_map("default", label_selector=f"g={name}")
    assert core.list_namespaced_config_map("default", label_selector=f"g={name}").items == []


def test_the_official_client_deletes_under_a_precondition(core: Any, fresh: Fresh) -> None:
    name = fresh()
    core.create_namespaced_config_map("default", a_config_map(name))
    options = kubernetes.client.V1DeleteOptions(preconditions=kubernetes.client.V1Preconditions(uid="1"))
    with pytest.raises(kubernetes.client.ApiException) as caught:
        core.delete_namespaced_config_map(name, "default", body=options)
    assert caught.value.status == 409
    assert core.read_namespaced_config_map(name, "default").metadata.name == name


def test_the_official_async_client_watches_while_it_writes(server: Server, fresh: Fresh) -> None:
    name = fresh()

    async def follow() -> list[tuple[str, str]]:
        configuration = aio.client.Configuration()
        await aio.config.load_kube_config(str(server.kubeconfig), client_configuration=configuration)
        async with aio.client.ApiClient(configuration) as client, aio.watch.Watch() as watch:
            core = aio.client.CoreV1Api(client)
            made = await core.create_namespaced_config_map("default", a_config_map(name))
            await core.patch_namespaced_config_map(name, "default", {"data": {"a": "1"}})
            await core.delete_namespaced_config_map(name, "default")
            with pytest.raises(aio.client.ApiException) as caught:
                await core.read_namespaced_config_map(name, "default")
            assert caught.value.status == 404
            query = {"field_selector": f"metadata.name={name}", "resource_version": made.metadata.resource_version}
            stream = watch.stream(core.list_namespaced_config_map, "default", timeout_seconds=1, **query)
            return [(event["type"], event["object"].metadata.name) async for event in stream]

    assert asyncio.run(follow()) == [("MODIFIED", name), ("DELETED", name)]


def test_kubectl_says_what_a_wrong_object_is(server: Server, fresh: Fresh) -> None:
    name = fresh()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "kubernetes.io/basic-auth"}
    done = server.kubectl("create", "-f", "-", stdin=json.dumps(secret))
    assert done.returncode == 1
    causes = "".join(f"* data[{key}]: Required value\n" for key in ("username", "password"))
    assert done.stderr == f'The Secret "{name}" is invalid: \n{causes}'


def test_kubectl_deletes_in_foreground_and_waits(server: Server, fresh: Fresh) -> None:
    name = fresh()
    owner = server.good("POST", "/api/v1/namespaces/default/configmaps", a_config_map(name)).body["metadata"]
    child = a_config_map(f"{name}-child")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": owner["uid"], "blockOwnerDeletion": True}
    child["metadata"]["ownerReferences"] = [reference]
    server.good("POST", "/api/v1/namespaces/default/configmaps", child)
    done = server.kubectl("delete", "configmap", name, "--cascade=foreground")
    assert done.returncode == 0, done.stderr
    assert server.call("GET", f"/api/v1/namespaces/default/configmaps/{name}-child").code == 404
