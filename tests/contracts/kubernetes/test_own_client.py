"""Our own client, of the kinds that have no model: what its errors and streams say of what a server answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest
from contracts.kubernetes.servers import SPACE, LaptopServer, RealServer, Server, a_config_map

from katib_machinery.client import PAGE, ResourceClient
from katib_machinery.kube import connect
from katib_machinery.objects import CONFIG_MAPS, Unstructured
from katib_machinery.transport import ApiError

Client = ResourceClient[Unstructured]
Fresh = Callable[[], str]


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with connect(str(server.kubeconfig)) as transport:
        yield ResourceClient(transport, CONFIG_MAPS, Unstructured.from_dict)


def a_map(name: str, **more: Any) -> Unstructured:
    document = a_config_map(name, **more.pop("data", {}))
    return Unstructured({**document, "metadata": {"name": name, "namespace": "default", **more}})


async def test_our_client_tells_an_outdated_write_from_a_name_that_is_taken(client: Client, fresh: Fresh) -> None:
    held = await client.create(a_map(name := fresh()))
    with pytest.raises(ApiError) as taken:
        await client.create(a_map(name))
    assert taken.value.already_exists and not taken.value.conflict
    await client.patch("default", name, {"data": {"a": "1"}})
    with pytest.raises(ApiError) as late:
        await client.update(held)
    assert late.value.conflict and not late.value.already_exists


async def test_our_client_hears_when_a_generated_name_may_be_tried_again(client: Client, fresh: Fresh) -> None:
    await client.create(a_map(name := fresh()))
    with pytest.raises(ApiError) as caught:
        await client.create(a_map(name, generateName=f"{name}-"))
    assert caught.value.already_exists and caught.value.retry_after == 1


async def test_our_client_applies_until_a_field_is_somebody_elses(client: Client, fresh: Fresh) -> None:
    name = fresh()
    await client.apply(a_map(name, data={"a": "1"}), field_manager="one")
    with pytest.raises(ApiError) as caught:
        await client.apply(a_map(name, data={"a": "2"}), field_manager="two")
    assert caught.value.conflict and ".data.a" in str(caught.value)
    taken = await client.apply(a_map(name, data={"a": "2"}), field_manager="two", force=True)
    assert taken.raw["data"] == {"a": "2"}


async def test_our_client_deletes_what_it_has_seen_and_waits_for_finalizers(client: Client, fresh: Fresh) -> None:
    held = await client.create(a_map(name := fresh(), finalizers=["example.com/hold"]))
    with pytest.raises(ApiError) as caught:
        await client.delete("default", name, uid="another")
    assert caught.value.code == 409
    waiting = await client.delete("default", name, uid=held.uid)
    assert waiting is not None and waiting.deletion_timestamp is not None
    await client.patch("default", name, {"metadata": {"finalizers": None}})
    with pytest.raises(ApiError) as gone:
        await client.get("default", name)
    assert gone.value.not_found


async def test_our_client_reads_more_than_a_page(restartable: LaptopServer | RealServer) -> None:
    owned = {"namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"}
    maps = [a_config_map(f"m-{number:04}") for number in range(PAGE + 1)]
    for number, document in enumerate(maps):
        document["metadata"] |= {**owned, "uid": f"00000000-0000-0000-0000-{number:012}"}
    server = restartable.start_with(maps)
    async with connect(str(server.kubeconfig)) as transport:
        listed = await ResourceClient(transport, CONFIG_MAPS, Unstructured.from_dict).list("default")
    names = [found.name for found in listed if found.name.startswith("m-")]
    assert names == [document["metadata"]["name"] for document in maps]


async def test_our_client_hears_of_a_version_that_is_forgotten_and_of_one_to_come(
    restartable: LaptopServer | RealServer,
) -> None:
    server = restartable.start()
    before = server.good("GET", f"{SPACE}/configmaps").version
    for letter in "ab":
        server.good("POST", f"{SPACE}/configmaps", a_config_map(letter))
    server = restartable.forget()
    async with connect(str(server.kubeconfig)) as transport:
        client = ResourceClient(transport, CONFIG_MAPS, Unstructured.from_dict)
        with pytest.raises(ApiError) as gone:
            async with aclosing(client.watch("default", resource_version=before)) as events:
                await anext(events)
        assert gone.value.gone
        with pytest.raises(ApiError) as early:
            await transport.request("GET", CONFIG_MAPS.path("default"), params={"resourceVersion": "999999999"})
        assert early.value.from_the_future
