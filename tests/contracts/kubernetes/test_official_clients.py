"""The official Python client, sync and async, and kubectl: each meets the semantics through its own words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import kubernetes
import pytest
from contracts.kubernetes.servers import SPACE, LaptopServer, RealServer, Server, a_config_map, a_pizza
from kubernetes import aio

MAPS = f"{SPACE}/configmaps"
Fresh = Callable[[], str]


@pytest.fixture
def core(server: Server) -> Iterator[Any]:
    with kubernetes.config.new_client_from_config(str(server.kubeconfig)) as client:
        yield kubernetes.client.CoreV1Api(client)


def test_the_official_client_reads_the_servers_version(core: Any) -> None:
    """Its model wants every field to be there."""
    version = kubernetes.client.VersionApi(core.api_client).get_code()
    assert version.git_version.startswith(f"v{version.major}.{version.minor}.")


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


def test_the_official_client_patches_in_each_form_that_it_knows(core: Any, fresh: Fresh) -> None:
    """A dictionary is a merge patch of the strategic kind, a list a JSON patch."""
    name = fresh()
    core.create_namespaced_config_map("default", a_config_map(name, a="1"))
    core.patch_namespaced_config_map(name, "default", {"data": {"b": "2"}})
    operations = [{"op": "test", "path": "/data/a", "value": "1"}, {"op": "remove", "path": "/data/a"}]
    assert core.patch_namespaced_config_map(name, "default", operations).data == {"b": "2"}
    with pytest.raises(kubernetes.client.ApiException) as caught:
        core.patch_namespaced_config_map(name, "default", operations)
    assert caught.value.status == 422


def test_the_official_client_goes_on_from_an_expired_version(restartable: LaptopServer | RealServer) -> None:
    """Its watch lists again when it is told 410, and raises what it is told when its caller names the version."""
    server = restartable.start()
    before = server.good("GET", MAPS).version
    for letter in "ab":
        server.good("POST", MAPS, a_config_map(letter))
    server = restartable.forget()
    with kubernetes.config.new_client_from_config(str(server.kubeconfig)) as client:
        listing = kubernetes.client.CoreV1Api(client).list_namespaced_config_map
        with pytest.raises(kubernetes.client.ApiException) as caught:
            list(kubernetes.watch.Watch().stream(listing, "default", resource_version=before, timeout_seconds=1))
        assert (caught.value.status, caught.value.reason.partition(":")[0]) == (410, "Expired")
        events = kubernetes.watch.Watch().stream(listing, "default", timeout_seconds=1)
        names = {event["object"].metadata.name for event in events}
    assert {"a", "b"} <= names


Talk = Callable[[Any], Awaitable[Any]]


def asynchronously(server: Server, talk: Talk) -> Any:
    """What comes of talking to a server through the official async client."""

    async def run() -> Any:
        configuration = aio.client.Configuration()
        await aio.config.load_kube_config(str(server.kubeconfig), client_configuration=configuration)
        async with aio.client.ApiClient(configuration) as client:
            return await talk(client)

    return asyncio.run(run())


def test_the_official_async_client_watches_while_it_writes(server: Server, fresh: Fresh) -> None:
    name = fresh()

    async def follow(client: Any) -> list[tuple[str, str]]:
        core = aio.client.CoreV1Api(client)
        made = await core.create_namespaced_config_map("default", a_config_map(name))
        await core.patch_namespaced_config_map(name, "default", {"data": {"a": "1"}})
        await core.delete_namespaced_config_map(name, "default")
        with pytest.raises(aio.client.ApiException) as caught:
            await core.read_namespaced_config_map(name, "default")
        assert caught.value.status == 404
        query = {"field_selector": f"metadata.name={name}", "resource_version": made.metadata.resource_version}
        async with aio.watch.Watch() as watch:
            stream = watch.stream(core.list_namespaced_config_map, "default", timeout_seconds=1, **query)
            return [(event["type"], event["object"].metadata.name) async for event in stream]

    assert asynchronously(server, follow) == [("MODIFIED", name), ("DELETED", name)]


def test_the_official_async_client_raises_what_a_conflict_says(server: Server, fresh: Fresh) -> None:
    name = fresh()

    async def clash(client: Any) -> Any:
        core = aio.client.CoreV1Api(client)
        held = await core.create_namespaced_config_map("default", a_config_map(name))
        await core.patch_namespaced_config_map(name, "default", {"data": {"a": "1"}})
        with pytest.raises(aio.client.ApiException) as caught:
            await core.replace_namespaced_config_map(name, "default", held)
        return caught.value.status, json.loads(caught.value.body)["reason"]

    assert asynchronously(server, clash) == (409, "Conflict")


def test_the_official_async_client_reads_pages_and_deletes_what_it_selects(server: Server, fresh: Fresh) -> None:
    name = fresh()

    async def count(client: Any) -> list[int]:
        core = aio.client.CoreV1Api(client)
        for number in range(3):
            await core.create_namespaced_config_map("default", a_config_map(f"{name}-{number}", {"g": name}))
        query = {"label_selector": f"g={name}"}
        page = await core.list_namespaced_config_map("default", limit=2, **query)
        rest = await core.list_namespaced_config_map("default", _continue=page.metadata._continue, **query)
        await core.delete_collection_namespaced_config_map("default", **query)
        left = await core.list_namespaced_config_map("default", **query)
        return [len(found.items) for found in (page, rest, left)]

    assert asynchronously(server, count) == [2, 1, 0]


def test_the_official_async_client_knows_custom_objects_and_their_status(
    server: Server, pizzas: str, fresh: Fresh
) -> None:
    name = fresh()
    place = {"group": "food.example.com", "version": "v1", "namespace": "default", "plural": "pizzas"}

    async def bake(client: Any) -> Any:
        custom = aio.client.CustomObjectsApi(client)
        made = await custom.create_namespaced_custom_object(body=a_pizza(name), **place)
        with pytest.raises(aio.client.ApiException) as caught:
            await custom.create_namespaced_custom_object(body=a_pizza(fresh(), size=99), **place)
        assert caught.value.status == 422
        eaten = {**made, "status": {"eaten": True}}
        await custom.replace_namespaced_custom_object_status(name=name, body=eaten, **place)
        return (await custom.get_namespaced_custom_object(name=name, **place))["status"]

    assert asynchronously(server, bake) == {"eaten": True}


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
