"""Everything under a plural: collections, objects and their subresources, one function a form of request.

Knows HTTP. What a request does to objects is `registry`'s business.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from katib_local.apiserver import discovery
from katib_local.apiserver.answers import check_form, json_answer, list_answer, shown_one, stream_events, warned
from katib_local.apiserver.bodies import JSON, OBJECTS, PATCHES, doubled_fields, parse_body
from katib_local.apiserver.calls import Call, DeleteOptions, PatchBody, check_apply, check_timeout, flag
from katib_local.apiserver.changes import begun
from katib_local.apiserver.errors import (
    Gone,
    UnknownPath,
    Unparsable,
    bad_request,
    method_not_allowed,
    no_such_page,
    unbindable,
    unsupported_media,
)
from katib_local.apiserver.gate_rules import why_unbindable
from katib_local.apiserver.kinds import (
    CRDS,
    NAMESPACES,
    OF_SUBRESOURCES,
    TOKEN_REQUESTS,
    VERBS_OF,
    Catalog,
    Kind,
)
from katib_local.apiserver.listing import Watch, check_version, list_page
from katib_local.apiserver.logs import pod_log
from katib_local.apiserver.metadata import kindless, typed
from katib_local.apiserver.patch import APPLY, STRATEGIC
from katib_local.apiserver.registry import Registry
from katib_local.apiserver.removal import unsaid
from katib_local.apiserver.scaling import checked_scale, render_scale, scaled
from katib_local.apiserver.tokens import TokenIssuer

Json = dict[str, Any]
REGISTRY: web.AppKey[Registry] = web.AppKey("registry", Registry)
ISSUER: web.AppKey[TokenIssuer] = web.AppKey("issuer", TokenIssuer)
NODE_TRUST: web.AppKey[ssl.SSLContext] = web.AppKey("node_trust", ssl.SSLContext)
USER: web.RequestKey[tuple[str, tuple[str, ...]]] = web.RequestKey("user")
WARNINGS: web.RequestKey[list[str]] = web.RequestKey("warnings")
PLACE: web.RequestKey[Place] = web.RequestKey("place")
VERB = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
"""What a request wants to do with an object, by its method."""
SHOWN_WHEN_GONE = {(CRDS.group, CRDS.plural)} | {
    ("", plural) for plural in ("persistentvolumeclaims", "persistentvolumes", "pods", "serviceaccounts", "services")
}
"""Of these a deletion answers the object, of others a Status, once they are gone."""


@dataclass(frozen=True)
class Place:
    """What the rest of a path names: a collection, an object, or a subresource of one."""

    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def parse_place(text: str) -> Place:
    """`pods`, `namespaces/NS/pods/NAME/log` and the like; raises a refusal for anything longer."""
    parts = text.strip("/").split("/")
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in NAMESPACES.subresources:
        namespace, parts = parts[1], parts[2:]
    if len(parts) > 3:
        raise no_such_page()
    plural, name, subresource = [*parts, "", ""][:3]
    return Place(plural, namespace, name, subresource)


def check_group(catalog: Catalog, group: str) -> None:
    """Raise UnknownPath for a group that nothing is served of."""
    if group and discovery.group(catalog, group) is None:
        raise UnknownPath


async def _body(request: web.Request, accepted: Sequence[str] = OBJECTS) -> Any:
    media_type = request.content_type if "Content-Type" in request.headers else ""
    return parse_body(await request.read(), media_type, accepted)


async def _delete_options(request: web.Request) -> DeleteOptions:
    """How to delete: what the body says, and without one the query."""
    return DeleteOptions.parse(await _body(request) if await request.read() else None, request.query)


async def _object(request: web.Request, kind: Kind) -> Any:
    """The object that is to be written; raises a refusal without one."""
    if not await request.read():
        wrong = "couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"
        raise bad_request(f"the object provided is unrecognized (must be of type {kind.kind}): {wrong}")
    found = await _body(request)
    if kind.custom and isinstance(found, dict) and not found.get("kind") and request.content_type == JSON:
        raise kindless(kind, (await request.read()).decode(errors="replace"))
    return found


async def _patch_body(request: web.Request, kind: Kind) -> PatchBody:
    accepted = [form for form in PATCHES if form != STRATEGIC or not kind.custom]
    if request.content_type not in accepted:
        raise unsupported_media(", ".join(accepted))
    if request.content_type != APPLY and not await request.read():
        raise bad_request("invalid JSON patch")
    try:
        return PatchBody(await _body(request, accepted), request.content_type)
    except Unparsable as refusal:
        raise refusal if request.content_type == APPLY else bad_request("invalid JSON patch") from refusal


async def _write(request: web.Request) -> Call:
    """The call of a request with an object, with what the object has twice."""
    call = _call(request)
    if call.field_validation != "Ignore":
        call.doubled = doubled_fields(await request.read(), request.content_type)
    return call


def _call(request: web.Request) -> Call:
    options = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions"}
    agent = request.headers.get("User-Agent", "")
    call = Call.from_query(request[USER], request.query, options.get(request.method, "GetOptions"), agent)
    request[WARNINGS] = call.warnings
    return call


async def serve_object(request: web.Request) -> web.StreamResponse:
    """Everything under a plural: collections, objects and their subresources."""
    info = request.match_info
    registry = request.app[REGISTRY]
    request[PLACE] = place = parse_place(info["place"])
    namespace, name, subresource = place.namespace, place.name, place.subresource
    kind = registry.catalog.find(info.get("group", ""), info["version"], place.plural)
    if kind is not None and kind.namespaced and name and not namespace:
        raise UnknownPath if kind.custom else no_such_page()
    if kind is None or (namespace and not kind.namespaced):
        check_group(registry.catalog, info.get("group", ""))
        raise no_such_page()
    check_timeout(request.query)
    if not name:
        check_form(request)
        return await _collection(request, registry, kind, namespace)
    if subresource and not kind.has(subresource):
        raise no_such_page()
    if subresource and VERB.get(request.method) not in VERBS_OF.get(subresource, OF_SUBRESOURCES):
        raise method_not_allowed()
    if subresource == "log":
        return await pod_log(request, registry, registry.get(kind, namespace, name), request.app[NODE_TRUST])
    check_form(request)
    if subresource == "token":
        return await _token(request, (namespace, name))
    if subresource == "binding":
        return await _bind(request, registry, kind, (namespace, name))
    if subresource == "scale":
        return await _scale(request, registry, kind, (namespace, name))
    return await _single(request, registry, kind, (namespace, name))


async def _token(request: web.Request, key: tuple[str, str]) -> web.Response:
    return json_answer(request.app[ISSUER].mint(*key, typed(TOKEN_REQUESTS, await _body(request))), 201)


async def _scale(request: web.Request, registry: Registry, kind: Kind, key: tuple[str, str]) -> web.Response:
    document, call = registry.get(kind, *key), _call(request)
    if request.method in ("PUT", "PATCH"):
        if request.method == "PATCH":
            change = await _patch_body(request, kind)
        else:
            change = PatchBody(checked_scale(await _body(request), key[1]), "")
        call.subresource = "scale"
        document = await registry.update(kind, scaled(kind, document, change), document, call)
    return json_answer(render_scale(kind, document), 200, call.warnings)


async def _collection(request: web.Request, registry: Registry, kind: Kind, namespace: str) -> web.StreamResponse:
    if request.method in ("POST", "DELETE") and kind.namespaced and not namespace:
        raise method_not_allowed()
    match request.method:
        case "GET" if flag(request.query, "watch"):
            return await stream_events(request, kind, Watch(registry.store, kind, namespace, request.query))
        case "GET":
            return list_answer(request, kind, list_page(registry.store, kind, namespace, request.query))
        case "POST":
            call = await _write(request)
            created = await registry.create(kind, namespace, await _object(request, kind), call)
            return json_answer(shown_one(request, kind, created), 201, call.warnings)
        case "DELETE" if "deletecollection" in kind.verbs:
            return await _empty(request, registry, kind, namespace)
        case _:
            raise method_not_allowed()


async def _empty(request: web.Request, registry: Registry, kind: Kind, namespace: str) -> web.Response:
    """Delete what a list would show; the answer is that list."""
    options = await _delete_options(request)
    call = Call(*request[USER])
    call.warnings += unsaid(kind, options)
    page = list_page(registry.store, kind, namespace, request.query)
    for row in page.rows:
        with contextlib.suppress(Gone):
            await registry.delete(kind, namespace, row.name, options, call)
        await asyncio.sleep(0)  # whoever watches hears of it now, and not of thousands at once
    return warned(list_answer(request, kind, page), call.warnings)


async def _single(request: web.Request, registry: Registry, kind: Kind, key: tuple[str, str]) -> web.Response:
    namespace, name = key
    subresource = request[PLACE].subresource
    if request.method == "DELETE" and not subresource:
        return await _delete(request, registry, kind, key)
    call = await _write(request) if request.method in ("PUT", "PATCH") else _call(request)
    match request.method:
        case "GET":
            check_version(registry.store, request.query.get("resourceVersion", ""))
            return json_answer(shown_one(request, kind, registry.get(kind, namespace, name)))
        case "PUT":
            document = await _object(request, kind)
            if kind.begins_by_put and not subresource and registry.store.get(kind.qualified, *key) is None:
                created = await registry.create(kind, namespace, begun(kind, typed(kind, document), name), call)
                return json_answer(shown_one(request, kind, created), 201, call.warnings)
            updated = await registry.update(kind, document, registry.get(kind, namespace, name), call, subresource)
        case "PATCH":
            change = await _patch_body(request, kind)
            check_apply(request.query, applies=change.content == APPLY)
            if change.content == APPLY:
                existed = registry.store.get(kind.qualified, namespace, name) is not None
                updated = await registry.apply(kind, key, change.body, call, subresource)
                return json_answer(shown_one(request, kind, updated), 200 if existed else 201, call.warnings)
            updated = await registry.patch(kind, (namespace, name), change, call, subresource)
        case _:
            raise method_not_allowed()
    return json_answer(shown_one(request, kind, updated), 200, call.warnings)


async def _delete(request: web.Request, registry: Registry, kind: Kind, key: tuple[str, str]) -> web.Response:
    options = await _delete_options(request)
    call = Call(*request[USER])
    request[WARNINGS] = call.warnings
    document, gone = await registry.delete(kind, *key, options, call)
    if not gone or (kind.group, kind.plural) in SHOWN_WHEN_GONE:
        return json_answer(document, 200, call.warnings)
    details = {
        "name": key[1],
        **({"group": kind.group} if kind.group else {}),
        "kind": kind.plural,
        "uid": document["metadata"]["uid"],
    }
    return json_answer(
        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details},
        200,
        call.warnings,
    )


async def _bind(request: web.Request, registry: Registry, kind: Kind, key: tuple[str, str]) -> web.Response:
    """A pod gets its node, once."""
    body = await _body(request)
    if not isinstance(body, dict) or (body.get("metadata") or {}).get("name") != key[1]:
        raise bad_request("name in URL does not match name in Binding object")
    target = (body.get("target") or {}).get("name", "")
    pod = registry.get(kind, *key)
    if why := why_unbindable(pod):
        raise unbindable(key[1], why)
    at = registry.timestamp()
    status = pod.get("status") or {}
    others = [entry for entry in status.get("conditions") or [] if entry.get("type") != "PodScheduled"]
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": at}
    bound = {
        **pod,
        "spec": {**pod["spec"], "nodeName": target},
        "status": {**status, "conditions": [*others, scheduled]},
    }
    if not _call(request).dry_run:
        registry.store.write(registry.key(kind, pod), bound)
    return json_answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, 201)
