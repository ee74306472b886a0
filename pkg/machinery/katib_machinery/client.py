"""Typed requests for one resource.

Knows paths, JSON and the decoder that it is given. Reads straight from the server: reconcilers read from informers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import orjson

from katib_machinery.objects import KubeObject, Resource, with_kind
from katib_machinery.transport import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_PATCH,
    ApiError,
    Transport,
    streaming,
)

T = TypeVar("T", bound=KubeObject)
PatchType = Literal["merge", "json", "strategic"]

PAGE = 500
_PATCHES: Mapping[PatchType, str] = {"merge": MERGE_PATCH, "json": JSON_PATCH, "strategic": STRATEGIC_PATCH}


@dataclass(frozen=True, slots=True)
class WatchEvent(Generic[T]):
    """One change that a watch reports: ADDED, MODIFIED or DELETED."""

    type: str
    object: T


class ResourceClient(Generic[T]):
    """Creates, reads, changes and deletes the objects of one resource. Every refusal raises ApiError."""

    def __init__(self, transport: Transport, resource: Resource, decode: Callable[[Any], T]) -> None:
        self._transport = transport
        self.resource = resource
        self._decode_object = decode

    async def get(self, namespace: str, name: str) -> T:
        """The object of that name; ApiError with `not_found` if there is none."""
        return self._decode(orjson.loads(await self._transport.request("GET", self.resource.path(namespace, name))))

    async def list(
        self, namespace: str | None = None, *, label_selector: str | None = None, field_selector: str | None = None
    ) -> Sequence[T]:
        """All objects of the namespace, or of all namespaces, that the selectors let through; read in pages."""
        params = {"limit": str(PAGE), **_selectors(label_selector, field_selector)}
        objects: list[T] = []
        while True:
            answer = await self._transport.request("GET", self.resource.path(namespace), params=params)
            page = orjson.loads(answer)
            objects += [self._decode(raw) for raw in page.get("items") or ()]
            following = page.get("metadata", {}).get("continue")
            if not following:
                return objects
            params = {**params, "continue": following}

    async def create(self, obj: T) -> T:
        """Store a new object (of the namespace that it names) and return it as stored."""
        return await self._write("POST", self.resource.path(obj.namespace), obj)

    async def update(self, obj: T, *, resource_version: str | None = None) -> T:
        """Replace all but the status; a conflict if the object's (or the given) version is not the stored one."""
        return await self._write("PUT", self.resource.path(obj.namespace, obj.name), obj, resource_version)

    async def update_status(self, obj: T, *, resource_version: str | None = None) -> T:
        """Replace the status only; a conflict if the object's (or the given) version is not the stored one."""
        return await self._write("PUT", self.resource.path(obj.namespace, obj.name, "status"), obj, resource_version)

    async def patch(
        self,
        namespace: str,
        name: str,
        patch: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        type: PatchType = "merge",
        subresource: str | None = None,
    ) -> T:
        """Change what the patch says: a merge patch (RFC 7386), a JSON patch (RFC 6902: a list of operations), or a
        strategic one, which servers know for built-in kinds only. `metadata.resourceVersion` in it makes it conditional.
        """
        path = self.resource.path(namespace, name, subresource)
        return await self._patch(path, orjson.dumps(patch), _PATCHES[type], {})

    async def apply(self, obj: T, *, field_manager: str, force: bool = False, subresource: str | None = None) -> T:
        """Server-side apply: own the fields that the object has, and give up those that it has no more.

        A field of another manager is a conflict, unless `force` takes it.
        """
        path = self.resource.path(obj.namespace, obj.name, subresource)
        params = {"fieldManager": field_manager, **({"force": "true"} if force else {})}
        return await self._patch(path, orjson.dumps(to_body(obj, self.resource)), APPLY_PATCH, params)

    async def _patch(self, path: str, body: bytes, content_type: str, params: Mapping[str, str]) -> T:
        answer = await self._transport.request("PATCH", path, params=params, body=body, content_type=content_type)
        return self._decode(orjson.loads(answer))

    async def delete(
        self, namespace: str, name: str, *, uid: str | None = None, propagation: str | None = None
    ) -> T | None:
        """Ask for deletion (of exactly the object with that uid). The object if it still waits for finalizers."""
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if propagation:
            options["propagationPolicy"] = propagation
        path = self.resource.path(namespace, name)
        answer = orjson.loads(await self._transport.request("DELETE", path, body=orjson.dumps(options)))
        return None if answer.get("kind") == "Status" else self._decode(answer)

    async def delete_collection(
        self, namespace: str, *, label_selector: str | None = None, field_selector: str | None = None
    ) -> None:
        """Ask for the deletion of all objects of a namespace that the selectors let through."""
        params = _selectors(label_selector, field_selector)
        await self._transport.request("DELETE", self.resource.path(namespace), params=params)

    async def watch(
        self,
        namespace: str | None = None,
        *,
        resource_version: str = "",
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> AsyncIterator[WatchEvent[T]]:
        """Changes after that version, until the server ends the stream. An informer does more: it resumes and lists."""
        params = {"watch": "true", "resourceVersion": resource_version, **_selectors(label_selector, field_selector)}
        async with streaming(self._transport.stream(self.resource.path(namespace), params=params)) as lines:
            async for line in lines:
                event = orjson.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError.from_status(event["object"])
                if event["type"] != "BOOKMARK":
                    yield WatchEvent(event["type"], self._decode(event["object"]))

    async def _write(self, method: str, path: str, obj: T, resource_version: str | None = None) -> T:
        body = to_body(obj, self.resource)
        if resource_version:
            body["metadata"]["resourceVersion"] = resource_version
        return self._decode(orjson.loads(await self._transport.request(method, path, body=orjson.dumps(body))))

    def _decode(self, raw: Any) -> T:
        return self._decode_object(with_kind(raw, self.resource))


def _selectors(labels: str | None, fields: str | None) -> dict[str, str]:
    return {name: text for name, text in (("labelSelector", labels), ("fieldSelector", fields)) if text}


def to_body(obj: KubeObject, resource: Resource) -> dict[str, Any]:
    """What is sent of an object: with its kind, without managedFields (they weigh more than they tell)."""
    body = obj.to_dict()
    metadata = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    return {**body, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
