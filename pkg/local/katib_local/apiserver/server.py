"""The API server over HTTPS: who calls, what they want, and the answer in the form they asked for.

Knows HTTP. What a request does to objects is `registry`'s business.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import yaml
from aiohttp import web

from katib_local.apiserver import discovery, tables
from katib_local.apiserver.admission import Admission
from katib_local.apiserver.errors import (
    Refusal,
    bad_request,
    method_not_allowed,
    no_such_page,
    unauthorized,
    unsupported_media,
)
from katib_local.apiserver.garbage import GarbageCollector
from katib_local.apiserver.kinds import CRDS, NAMESPACES, Catalog, Kind
from katib_local.apiserver.listing import list_page, select, watch_events
from katib_local.apiserver.logs import pod_log
from katib_local.apiserver.patch import APPLY
from katib_local.apiserver.registry import Call, DeleteOptions, PatchBody, Registry
from katib_local.apiserver.scaling import render_scale, scaled
from katib_local.apiserver.store import Store, StoreError
from katib_local.apiserver.tokens import TokenIssuer
from katib_local.apiserver.wire import WireError, parse_protobuf

Json = dict[str, Any]
LARGEST_BODY = 8 * 1024 * 1024
FIRST_NAMESPACES = ("default", "kube-system")
PROTOBUF = "application/vnd.kubernetes.protobuf"
CBOR = ("application/cbor", "application/apply-patch+cbor")
OPEN_PATHS = ("/livez", "/readyz", "/healthz", "/version")
REGISTRY: web.AppKey[Registry] = web.AppKey("registry", Registry)
USERS: web.AppKey[Any] = web.AppKey("users")
ISSUER: web.AppKey[TokenIssuer] = web.AppKey("issuer", TokenIssuer)
COUNTS: web.AppKey[Any] = web.AppKey("counts")
CLIENT_TLS: web.AppKey[Any] = web.AppKey("client_tls")
USER: web.RequestKey[tuple[str, tuple[str, ...]]] = web.RequestKey("user")
PLACE: web.RequestKey[Place] = web.RequestKey("place")


@dataclass(frozen=True)
class Settings:
    """How the server is started."""

    state_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    certificate: tuple[str, str] = ("", "")
    client_ca: str = ""
    client_certificate: tuple[str, str] | None = None
    tokens: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)


def utc_now() -> datetime:
    return datetime.now(UTC)


@contextlib.asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[int]:
    """Serve while the block runs; yields the port. Raises StoreError or OSError."""
    store = Store(settings.state_dir)
    catalog = Catalog()
    for crd in store.all(CRDS.qualified):
        catalog.define(crd)
    configurations = lambda kind: store.all(f"{kind.lower()}s.admissionregistration.k8s.io")  # noqa: E731
    admission = Admission(configurations, settings.client_certificate, settings.addresses)
    registry = Registry(store, catalog, admission, utc_now)
    await _make_namespaces(registry)
    collecting = asyncio.ensure_future(GarbageCollector(registry).run())
    runner = web.AppRunner(_application(registry, settings), access_log=None, shutdown_timeout=0.5)
    try:
        await runner.setup()
        site = web.TCPSite(runner, settings.host, settings.port, ssl_context=_tls(settings))
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
        await runner.cleanup()
        await admission.close()
        store.close()


async def _make_namespaces(registry: Registry) -> None:
    kind = registry.catalog.find("", "v1", "namespaces")
    assert kind is not None
    for name in FIRST_NAMESPACES:
        if registry.store.get(kind.qualified, "", name) is None:
            document = {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            }
            await registry.create(kind, "", document, Call())


def _tls(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=settings.client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_cert_chain(*settings.certificate)
    return context


def _application(registry: Registry, settings: Settings) -> web.Application:
    application = web.Application(middlewares=[_guard], client_max_size=LARGEST_BODY)
    application[REGISTRY] = registry
    application[USERS] = settings.tokens
    application[ISSUER] = TokenIssuer(registry.store, utc_now)
    application[COUNTS] = Counter()
    application[CLIENT_TLS] = settings.client_certificate
    plain: list[tuple[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]] = [
        ("/version", _version),
        ("/livez", _ok),
        ("/readyz", _ok),
        ("/healthz", _ok),
        ("/metrics", _metrics),
        ("/api", _core_versions),
        ("/apis", _groups),
        ("/openapi/v3", _openapi_root),
        ("/openapi/v3/{prefix:.*}", _openapi),
        ("/apis/{group}", _group),
    ]
    for path, handler in plain:
        application.router.add_get(path, handler)
    application.router.add_post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", _access_review)
    application.router.add_post("/apis/authentication.k8s.io/v1/selfsubjectreviews", _self_review)
    for base in ("/api/{version}", "/apis/{group}/{version}"):
        application.router.add_get(base, _resources)
        application.router.add_route("*", f"{base}/{{place:.+}}", _object)
    return application


@web.middleware
async def _guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Know the caller, count the request, and turn every refusal into a Status."""
    code = 500
    try:
        if request.path not in OPEN_PATHS:
            request[USER] = _authenticated(request)
        response = await handler(request)
        code = response.status
        return response
    except Refusal as refusal:
        code = refusal.code
        return _json(refusal.status(), refusal.code)
    except StoreError as error:
        return _json(Refusal(500, "InternalError", f"Internal error occurred: {error}").status(), 500)
    except web.HTTPNotFound:
        code = 404
        return _json(no_such_page().status(), 404)
    except web.HTTPMethodNotAllowed:
        code = 405
        return _json(method_not_allowed().status(), 405)
    except web.HTTPRequestEntityTooLarge:
        code = 413
        return _json(Refusal(413, "RequestEntityTooLarge", "the request is too large").status(), 413)
    finally:
        _count(request, code)


def _authenticated(request: web.Request) -> tuple[str, tuple[str, ...]]:
    """The caller by client certificate or token; raises a refusal for anybody else."""
    certificate = request.transport.get_extra_info("peercert") if request.transport else None
    if certificate:
        parts = [pair for entry in certificate.get("subject", ()) for pair in entry]
        names = [value for key, value in parts if key == "commonName"]
        if names:
            return names[0], tuple(value for key, value in parts if key == "organizationName")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token in request.app[USERS]:
        user: tuple[str, tuple[str, ...]] = request.app[USERS][token]
        return user
    if scheme.lower() == "bearer" and (account := request.app[ISSUER].find_user(token)) is not None:
        return account
    raise unauthorized()


def _count(request: web.Request, code: int) -> None:
    place = request.get(PLACE) or Place("")
    verb = "WATCH" if request.query.get("watch") in ("true", "1") else request.method
    if verb == "GET" and place.plural and not place.name:
        verb = "LIST"
    user = request.get(USER, ("", ()))[0]
    request.app[COUNTS][(user, verb, place.plural, place.subresource, code)] += 1


def _json(document: Any, code: int = 200, warnings: list[str] | None = None) -> web.Response:
    response = web.Response(body=orjson.dumps(document) + b"\n", status=code, content_type="application/json")
    for warning in warnings or []:
        text = warning.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
        response.headers.add("Warning", f'299 - "{text}"')
    return response


async def _version(request: web.Request) -> web.Response:
    return _json(discovery.version())


async def _ok(request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _metrics(request: web.Request) -> web.Response:
    lines = [
        "# HELP apiserver_request_total Requests by user, verb, resource, subresource and code.",
        "# TYPE apiserver_request_total counter",
    ]
    for (user, verb, plural, subresource, code), count in sorted(request.app[COUNTS].items()):
        labels = f'user="{user}",verb="{verb}",resource="{plural}",subresource="{subresource}",code="{code}"'
        lines.append(f"apiserver_request_total{{{labels}}} {count}")
    return web.Response(text="\n".join(lines) + "\n")


async def _core_versions(request: web.Request) -> web.Response:
    return _json(discovery.core_versions(request.host))


async def _groups(request: web.Request) -> web.Response:
    return _json(discovery.groups(request.app[REGISTRY].catalog))


async def _group(request: web.Request) -> web.Response:
    return _page(discovery.group(request.app[REGISTRY].catalog, request.match_info["group"]))


async def _resources(request: web.Request) -> web.Response:
    info = request.match_info
    return _page(discovery.resources(request.app[REGISTRY].catalog, info.get("group", ""), info["version"]))


async def _openapi_root(request: web.Request) -> web.Response:
    return _json(discovery.openapi_root(request.app[REGISTRY].catalog))


async def _openapi(request: web.Request) -> web.Response:
    return _page(discovery.openapi(request.app[REGISTRY].catalog, request.match_info["prefix"]))


def _page(document: Json | None) -> web.Response:
    if document is None:
        raise no_such_page()
    return _json(document)


async def _access_review(request: web.Request) -> web.Response:
    """Whatever is asked, in whatever form: the one user may do it."""
    status = {"allowed": True, "reason": "the laptop has one user"}
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    return _json({**kind, "metadata": {}, "spec": {}, "status": status}, 201)


async def _self_review(request: web.Request) -> web.Response:
    user, groups = request[USER]
    kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    status = {"userInfo": {"username": user, "groups": list(groups)}}
    return _json({**kind, "metadata": {}, "status": status}, 201)


async def _body(request: web.Request) -> Any:
    content = await request.read()
    if not content:
        return {}
    if request.content_type in CBOR:
        raise unsupported_media(request.content_type, "application/json, application/yaml")
    try:
        if request.content_type == PROTOBUF:
            return parse_protobuf(content)
        if "yaml" in request.content_type:
            return yaml.safe_load(content)
        return orjson.loads(content)
    except WireError as error:
        raise Refusal(415, "UnsupportedMediaType", str(error)) from error
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"error decoding the body of the request: {error}") from error


def _call(request: web.Request) -> Call:
    user, groups = request[USER]
    return Call(
        user,
        groups,
        request.query.get("dryRun") == "All",
        request.query.get("fieldValidation", "Warn"),
        request.query.get("fieldManager", ""),
    )


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


async def _object(request: web.Request) -> web.StreamResponse:
    """Everything under a plural: collections, objects and their subresources."""
    info = request.match_info
    registry = request.app[REGISTRY]
    request[PLACE] = place = parse_place(info["place"])
    namespace, name, subresource = place.namespace, place.name, place.subresource
    kind = registry.catalog.find(info.get("group", ""), info["version"], place.plural)
    if kind is None or (namespace and not kind.namespaced):
        raise no_such_page()
    if not name:
        return await _collection(request, registry, kind, namespace)
    if subresource and not kind.has(subresource):
        raise no_such_page()
    if subresource == "log":
        return await pod_log(request, registry, registry.get(kind, namespace, name), request.app[CLIENT_TLS])
    if subresource == "token":
        return await _token(request, (namespace, name))
    if subresource == "binding":
        return await _bind(request, registry, kind, (namespace, name))
    if subresource == "scale":
        return await _scale(request, registry, kind, (namespace, name))
    return await _single(request, registry, kind, (namespace, name))


async def _token(request: web.Request, key: tuple[str, str]) -> web.Response:
    if request.method != "POST":
        raise method_not_allowed()
    return _json(request.app[ISSUER].mint(*key, await _body(request)), 201)


async def _scale(request: web.Request, registry: Registry, kind: Kind, key: tuple[str, str]) -> web.Response:
    document, call = registry.get(kind, *key), _call(request)
    if request.method in ("PUT", "PATCH"):
        content = request.content_type if request.method == "PATCH" else ""
        wanted = scaled(document, await _body(request), content)
        document = await registry.update(kind, wanted, document, call)
    elif request.method != "GET":
        raise method_not_allowed()
    return _json(render_scale(document), 200, call.warnings)


async def _collection(request: web.Request, registry: Registry, kind: Kind, namespace: str) -> web.StreamResponse:
    match request.method:
        case "GET" if request.query.get("watch") in ("true", "1"):
            return await _watch(request, registry, kind, namespace)
        case "GET":
            page = list_page(registry.store, kind, namespace, request.query)
            return _json(_shown(request, kind, page))
        case "POST":
            call = _call(request)
            created = await registry.create(kind, namespace, await _body(request), call)
            return _json(_shown_one(request, kind, created), 201, call.warnings)
        case "DELETE":
            options = DeleteOptions.from_body(await _body(request) or {})
            for document in select(kind, registry.store.all(kind.qualified, namespace), request.query):
                metadata = document["metadata"]
                await registry.delete(kind, metadata.get("namespace", ""), metadata["name"], options, _call(request))
            return _json({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
        case _:
            raise method_not_allowed()


async def _single(request: web.Request, registry: Registry, kind: Kind, key: tuple[str, str]) -> web.Response:
    namespace, name = key
    subresource = request[PLACE].subresource
    call = _call(request)
    match request.method:
        case "GET":
            return _json(_shown_one(request, kind, registry.get(kind, namespace, name)))
        case "PUT":
            document = await _body(request)
            updated = await registry.update(kind, document, registry.get(kind, namespace, name), call, subresource)
        case "PATCH" if request.content_type == APPLY:
            existed = registry.store.get(kind.qualified, namespace, name) is not None
            updated = await registry.apply(kind, namespace, name, await _body(request), call)
            return _json(_shown_one(request, kind, updated), 200 if existed else 201, call.warnings)
        case "PATCH":
            change = PatchBody(await _body(request), request.content_type)
            updated = await registry.patch(kind, (namespace, name), change, call, subresource)
        case "DELETE" if not subresource:
            return await _delete(request, registry, kind, key)
        case _:
            raise method_not_allowed()
    return _json(_shown_one(request, kind, updated), 200, call.warnings)


async def _delete(request: web.Request, registry: Registry, kind: Kind, key: tuple[str, str]) -> web.Response:
    body = dict(await _body(request) or {})
    for name in ("gracePeriodSeconds", "propagationPolicy"):
        if name in request.query:
            text = request.query[name]
            body[name] = int(text) if name == "gracePeriodSeconds" and text.isdigit() else text
    document, gone = await registry.delete(kind, *key, DeleteOptions.from_body(body), _call(request))
    if not gone:
        return _json(document)
    details = {
        "name": key[1],
        **({"group": kind.group} if kind.group else {}),
        "kind": kind.plural,
        "uid": document["metadata"]["uid"],
    }
    return _json({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})


async def _bind(request: web.Request, registry: Registry, kind: Kind, key: tuple[str, str]) -> web.Response:
    """A pod gets its node, once."""
    target = ((await _body(request)).get("target") or {}).get("name", "")
    pod = registry.get(kind, *key)
    if (pod.get("spec") or {}).get("nodeName"):
        raise Refusal(409, "Conflict", f'pod {key[1]} is already assigned to node "{pod["spec"]["nodeName"]}"')
    at = registry.timestamp()
    status = pod.get("status") or {}
    others = [entry for entry in status.get("conditions") or [] if entry.get("type") != "PodScheduled"]
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": at}
    bound = {
        **pod,
        "spec": {**pod["spec"], "nodeName": target},
        "status": {**status, "conditions": [*others, scheduled]},
    }
    registry.store.write(registry.key(kind, pod), bound)
    return _json({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, 201)


def _wants(request: web.Request) -> str:
    """Table, PartialObjectMetadata(List), or an empty text for the objects themselves."""
    for accepted in request.headers.get("Accept", "").split(","):
        parts = dict(part.partition("=")[::2] for part in accepted.replace(" ", "").split(";")[1:])
        if parts.get("as") in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList"):
            return parts["as"]
        if accepted.strip().startswith(("application/json", "*/*")):
            return ""
    return ""


def _shown_one(request: web.Request, kind: Kind, document: Json) -> Json:
    match _wants(request):
        case "Table":
            return tables.render_table(kind, [document], utc_now(), request.query.get("includeObject", "Metadata"))
        case "PartialObjectMetadata":
            return tables.partial(document)
        case _:
            return document


def _shown(request: web.Request, kind: Kind, page: Json) -> Json:
    match _wants(request):
        case "Table":
            table = tables.render_table(kind, page["items"], utc_now(), request.query.get("includeObject", "Metadata"))
            return {**table, "metadata": page["metadata"]}
        case "PartialObjectMetadataList":
            items = [tables.partial(document) for document in page["items"]]
            return {
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": page["metadata"],
                "items": items,
            }
        case _:
            return page


async def _watch(request: web.Request, registry: Registry, kind: Kind, namespace: str) -> web.StreamResponse:
    events = watch_events(registry.store, kind, namespace, request.query)
    first = await anext(events, None)  # a refusal is an answer of its own, not an event
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    table = _wants(request) == "Table"
    try:
        if first is not None:
            await response.write(_line(request, kind, first, table))
        async for event in events:
            await response.write(_line(request, kind, event, table))
    except (ConnectionResetError, ConnectionError):
        pass
    finally:
        await events.aclose()
    return response


def _line(request: web.Request, kind: Kind, event: tuple[str, Json], table: bool) -> bytes:
    type_, document = event
    if table and type_ not in ("BOOKMARK", "ERROR"):
        document = tables.render_table(kind, [document], utc_now(), request.query.get("includeObject", "Metadata"))
    return orjson.dumps({"type": type_, "object": document}) + b"\n"
