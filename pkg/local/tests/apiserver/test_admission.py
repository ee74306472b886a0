"""Webhooks, real ones over HTTP: whom they are asked about, and what may happen while they think."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from katib_local.apiserver.admission import Admission
from katib_local.apiserver.calls import Call, DeleteOptions, PatchBody
from katib_local.apiserver.errors import Refusal
from katib_local.apiserver.kinds import NAMESPACES, WEBHOOKS, Catalog, Kind
from katib_local.apiserver.patch import MERGE
from katib_local.apiserver.registry import Registry
from katib_local.apiserver.store import Store

Json = dict[str, Any]
Think = Callable[[Json], Awaitable[bool]]
VALIDATING = next(kind for kind in WEBHOOKS if kind.kind == "ValidatingWebhookConfiguration")


@contextlib.asynccontextmanager
async def a_registry(folder: Path) -> AsyncIterator[Registry]:
    store, catalog = Store(folder), Catalog()
    admission = Admission(lambda kind: store.all(f"{kind.lower()}s.admissionregistration.k8s.io"))
    registry = Registry(store, catalog, admission, lambda: datetime(2026, 6, 1, tzinfo=UTC))
    await registry.create(NAMESPACES, "", {"metadata": {"name": "default"}}, Call())
    try:
        yield registry
    finally:
        await admission.close()
        store.close()


@contextlib.asynccontextmanager
async def a_webhook(think: Think) -> AsyncIterator[str]:
    """Serve a webhook that allows what `think` allows; yields its URL."""

    async def review(request: web.Request) -> web.Response:
        asked = (await request.json())["request"]
        response = {"uid": asked["uid"], "allowed": await think(asked)}
        return web.json_response({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})

    application = web.Application()
    application.router.add_post("/", review)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def asking(url: str, *resources: str, operations: tuple[str, ...] = ("*",)) -> Json:
    rule = {"operations": list(operations), "apiGroups": ["*"], "apiVersions": ["*"], "resources": list(resources)}
    webhook: Json = {"name": "w.example.com", "clientConfig": {"url": url}, "rules": [rule], "failurePolicy": "Fail"}
    webhook |= {"sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 10}
    return {"metadata": {"name": "w"}, "webhooks": [webhook]}


def configure(registry: Registry, configuration: Json) -> None:
    """Store a configuration as it is: no API would take a webhook without TLS."""
    registry.store.write((VALIDATING.qualified, "", configuration["metadata"]["name"]), configuration)


def maps(registry: Registry) -> Kind:
    kind = registry.catalog.find("", "v1", "configmaps")
    assert kind is not None
    return kind


async def test_a_webhook_that_refuses_everything_can_be_taken_away(tmp_path: Path) -> None:
    async with a_registry(tmp_path) as registry:
        configure(registry, asking("http://127.0.0.1:1/", "*/*", "*"))
        unreached = (
            'failed calling webhook ".+": failed to call webhook: dial tcp 127.0.0.1:1: connect: connection refused$'
        )
        with pytest.raises(Refusal, match=unreached):
            await registry.create(maps(registry), "default", {"metadata": {"name": "a"}}, Call())
        await registry.delete(VALIDATING, "", "w", DeleteOptions(), Call())
        await registry.create(maps(registry), "default", {"metadata": {"name": "a"}}, Call())


async def test_a_finalizer_that_comes_while_a_deletion_is_admitted_holds_the_object(tmp_path: Path) -> None:
    async with a_registry(tmp_path) as registry:
        asked: list[str] = []

        async def hold(review: Json) -> bool:
            if not asked:
                held = PatchBody({"metadata": {"finalizers": ["example.com/hold"]}}, MERGE)
                await registry.patch(maps(registry), ("default", "a"), held, Call())
            asked.append(review["oldObject"]["metadata"]["resourceVersion"])
            return True

        await registry.create(maps(registry), "default", {"metadata": {"name": "a"}}, Call())
        async with a_webhook(hold) as url:
            configure(registry, asking(url, "configmaps", operations=("DELETE",)))
            left, gone = await registry.delete(maps(registry), "default", "a", DeleteOptions(), Call())
        assert not gone and left["metadata"]["finalizers"] == ["example.com/hold"]
        assert len(asked) == 2 and asked[0] != asked[1]


async def test_what_takes_the_name_while_a_deletion_is_admitted_is_judged_itself(tmp_path: Path) -> None:
    async with a_registry(tmp_path) as registry:
        kind = maps(registry)
        first = await registry.create(kind, "default", {"metadata": {"name": "a"}}, Call())

        async def replace(review: Json) -> bool:
            if review["oldObject"]["metadata"]["uid"] != first["metadata"]["uid"]:
                return False
            registry.remove(kind, first)
            await registry.create(kind, "default", {"metadata": {"name": "a"}}, Call())
            return True

        async with a_webhook(replace) as url:
            configure(registry, asking(url, "configmaps", operations=("DELETE",)))
            with pytest.raises(Refusal, match="denied the request"):
                await registry.delete(kind, "default", "a", DeleteOptions(), Call())
        assert registry.get(kind, "default", "a")["metadata"]["uid"] != first["metadata"]["uid"]


@pytest.mark.parametrize(
    ("resource", "asked"), [("*/*", True), ("*", True), ("configmaps/*", True), ("*/status", False), ("pods", False)]
)
async def test_rules_name_resources_with_stars(tmp_path: Path, resource: str, asked: bool) -> None:
    async with a_registry(tmp_path) as registry:

        async def deny(review: Json) -> bool:
            return False

        async with a_webhook(deny) as url:
            configure(registry, asking(url, resource))
            if asked:
                with pytest.raises(Refusal, match="denied the request"):
                    await registry.create(maps(registry), "default", {"metadata": {"name": "a"}}, Call())
            else:
                await registry.create(maps(registry), "default", {"metadata": {"name": "a"}}, Call())
