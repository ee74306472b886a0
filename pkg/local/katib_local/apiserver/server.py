"""The API server over HTTPS: who calls, what they want, and the answer in the form they asked for.

Knows HTTP. What a request does to objects is `registry`'s business.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web

from katib_local.apiserver import discovery
from katib_local.apiserver.accounts import furnish
from katib_local.apiserver.admission import Admission
from katib_local.apiserver.answers import as_accepted, json_answer, refused
from katib_local.apiserver.calls import Call, flag
from katib_local.apiserver.definitions import is_established
from katib_local.apiserver.discovery import CHECKS, HEALTH, METRICS
from katib_local.apiserver.errors import (
    Refusal,
    UnknownPath,
    method_not_allowed,
    no_other_user,
    no_such_page,
    too_large_body,
    unauthorized,
)
from katib_local.apiserver.expiry import Expiry
from katib_local.apiserver.garbage import GarbageCollector
from katib_local.apiserver.kinds import CRDS, Catalog
from katib_local.apiserver.logs import node_trust
from katib_local.apiserver.objects import (
    ISSUER,
    NODE_TRUST,
    PLACE,
    REGISTRY,
    USER,
    WARNINGS,
    Place,
    check_group,
    serve_object,
)
from katib_local.apiserver.openapi import Specification, hash_of
from katib_local.apiserver.registry import Registry
from katib_local.apiserver.reviews import add_reviews
from katib_local.apiserver.standing import FIRST_NAMESPACES
from katib_local.apiserver.store import Store, StoreError
from katib_local.apiserver.tokens import TokenIssuer
from katib_machinery.clock import Clock, SystemClock

log = logging.getLogger(__name__)
Json = dict[str, Any]
LARGEST_BODY = 3 * 1024 * 1024
OPEN_PATHS = (*HEALTH, "/version", "/version/")
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
PROTOBUF_OF_BEFORE = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
IMPERSONATION = "impersonate-"
EVERYBODY = "system:authenticated"
USERS: web.AppKey[Any] = web.AppKey("users")
COUNTS: web.AppKey[Any] = web.AppKey("counts")
SPECIFICATION: web.AppKey[Specification] = web.AppKey("specification", Specification)


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
    clock: Clock = field(default_factory=SystemClock)


@contextlib.asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[int]:
    """Serve while the block runs; yields the port. Raises StoreError or OSError."""
    store = Store(settings.state_dir)
    catalog = Catalog()
    _define_all(catalog, store)
    configurations = lambda kind: store.all(f"{kind.lower()}s.admissionregistration.k8s.io")  # noqa: E731
    admission = Admission(configurations, settings.client_certificate, settings.addresses)
    registry = Registry(store, catalog, admission, settings.clock.now)
    await _make_namespaces(registry)
    removing = (GarbageCollector(registry).run(), Expiry(store, settings.clock).run())
    beside = [asyncio.ensure_future(work) for work in removing]
    runner = web.AppRunner(_application(registry, settings), access_log=None, shutdown_timeout=0.5)
    try:
        await runner.setup()
        site = web.TCPSite(runner, settings.host, settings.port, ssl_context=_tls(settings))
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await runner.cleanup()
        await admission.close()
        store.close()


def _define_all(catalog: Catalog, store: Store) -> None:
    """Serve every stored definition; one that an older version let in and nobody can serve must not end all others."""
    for crd in store.all(CRDS.qualified):
        if not is_established(crd):
            continue
        try:
            catalog.define(crd)
        except (KeyError, TypeError, AttributeError) as error:
            log.error("the definition %s is not served: it lacks %s", crd["metadata"]["name"], error)


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
    for held in registry.store.all(kind.qualified):
        furnish(registry.store, held["metadata"]["name"], registry.timestamp())  # those of an older version have none


def _tls(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=settings.client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_cert_chain(*settings.certificate)
    return context


def _application(registry: Registry, settings: Settings) -> web.Application:
    application = web.Application(middlewares=[_guard], client_max_size=LARGEST_BODY)
    application[REGISTRY] = registry
    application[SPECIFICATION] = Specification(registry.catalog)
    application[USERS] = settings.tokens
    application[ISSUER] = TokenIssuer(registry.store, settings.clock.now)
    application[COUNTS] = Counter()
    application[NODE_TRUST] = node_trust(settings.client_ca, settings.client_certificate)
    plain: list[tuple[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]] = [
        ("/", _paths),
        ("/version", _version),
        ("/version/", _version),
        *((path, _health) for path in HEALTH),
        *((f"{path}/{check}", _health) for path in HEALTH for check in CHECKS),
        (METRICS, _metrics),
        ("/api", _core_versions),
        ("/api/", _core_versions),
        ("/apis", _groups),
        ("/apis/", _groups),
        ("/openapi/v2", _openapi_of_before),
        ("/openapi/v3", _openapi_root),
        ("/openapi/v3/{prefix:.*}", _openapi),
        ("/apis/{group}", _group),
        ("/apis/{group}/", _group),
    ]
    for path, handler in plain:
        application.router.add_get(path, handler)
    add_reviews(application.router)
    for base in ("/api/{version}", "/apis/{group}/{version}"):
        application.router.add_get(base, _resources)
        application.router.add_get(f"{base}/", _resources)
        application.router.add_route("*", f"{base}/{{place:.+}}", serve_object)
    return application


@web.middleware
async def _guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Know the caller, count the request, and turn every refusal into a Status."""
    code = 500
    try:
        if request.path not in OPEN_PATHS:
            user, groups = _authenticated(request)
            _check_own_name(request)
            request[USER] = user, tuple(dict.fromkeys((*groups, EVERYBODY)))
        response = as_accepted(request, await handler(request))
        code = response.status
        return response
    except Refusal as refusal:
        code = refusal.code
        return refused(refusal, request.get(WARNINGS))
    except StoreError as error:
        return json_answer(Refusal(500, "InternalError", f"Internal error occurred: {error}").status(), 500)
    except (UnknownPath, web.HTTPNotFound):
        code = 404
        return web.Response(text="404 page not found\n", status=404)
    except web.HTTPMethodNotAllowed:
        code = 405
        return json_answer(method_not_allowed().status(), 405)
    except web.HTTPRequestEntityTooLarge:
        code = 413
        return json_answer(too_large_body(LARGEST_BODY).status(), 413)
    except (web.HTTPException, ConnectionError):
        raise
    except Exception as error:
        log.exception("%s %s has failed", request.method, request.path)
        return json_answer(Refusal(500, "InternalError", f"Internal error occurred: {error!r}").status(), 500)
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


def _check_own_name(request: web.Request) -> None:
    for header in request.headers:
        if header.lower().startswith(IMPERSONATION):
            raise no_other_user(header)


def _count(request: web.Request, code: int) -> None:
    place = request.get(PLACE) or Place("")
    verb = "WATCH" if flag(request.query, "watch") else request.method
    if verb == "GET" and place.plural and not place.name:
        verb = "LIST"
    user = request.get(USER, ("", ()))[0]
    request.app[COUNTS][(user, verb, place.plural, place.subresource, code)] += 1


async def _paths(request: web.Request) -> web.Response:
    return json_answer(discovery.paths(request.app[REGISTRY].catalog))


async def _version(request: web.Request) -> web.Response:
    return json_answer(discovery.version())


async def _health(request: web.Request) -> web.Response:
    """Who is answered at all is answered `ok`: nothing here can be half ready."""
    text = "ok"
    if "verbose" in request.query and request.path in HEALTH:
        lines = [*(f"[+]{check} ok" for check in CHECKS), f"{request.path.strip('/')} check passed"]
        text = "".join(f"{line}\n" for line in lines)
    return web.Response(text=text, headers={"X-Content-Type-Options": "nosniff"})


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
    return _discovered(request, discovery.core_versions(request.host), core=True)


async def _groups(request: web.Request) -> web.Response:
    return _discovered(request, discovery.groups(request.app[REGISTRY].catalog), core=False)


def _discovered(request: web.Request, plain: Json, *, core: bool) -> web.Response:
    """All groups and resources in one document for who accepts that, else only the list of groups."""
    if not any(form.replace(" ", "").startswith(AGGREGATED) for form in request.headers.get("Accept", "").split(",")):
        response = json_answer(plain)
    else:
        document = discovery.aggregated(request.app[REGISTRY].catalog, core=core)
        response = _tagged(request, json_answer(document), hash_of(document))
        if response.status == HTTPStatus.OK:
            response.headers["Content-Type"] = AGGREGATED
    response.headers["Vary"] = "Accept"
    return response


def _tagged(request: web.Request, response: web.Response, tag: str) -> web.Response:
    """The answer with its ETag; an empty one for who has it already."""
    if request.headers.get("If-None-Match", "").strip('"') == tag:
        response = web.Response(status=HTTPStatus.NOT_MODIFIED)
    response.headers["ETag"] = f'"{tag}"'
    return response


async def _group(request: web.Request) -> web.Response:
    document = discovery.group(request.app[REGISTRY].catalog, request.match_info["group"])
    if document is None:
        raise UnknownPath
    return json_answer(document)


async def _resources(request: web.Request) -> web.Response:
    info, catalog = request.match_info, request.app[REGISTRY].catalog
    check_group(catalog, info.get("group", ""))
    return _page(discovery.resources(catalog, info.get("group", ""), info["version"]))


async def _openapi_of_before(request: web.Request) -> web.Response:
    """Nothing: kubectl looks here for kinds that nobody knows, and says then that there is no such kind."""
    if PROTOBUF_OF_BEFORE in request.headers.get("Accept", ""):
        return web.Response(body=b"\x0a\x032.0", content_type=PROTOBUF_OF_BEFORE.replace("@", "."))
    return json_answer({"swagger": "2.0", "info": {"title": "Kubernetes", "version": "unversioned"}, "paths": {}})


async def _openapi_root(request: web.Request) -> web.Response:
    return json_answer(request.app[SPECIFICATION].root())


async def _openapi(request: web.Request) -> web.Response:
    found = request.app[SPECIFICATION].find(request.match_info["prefix"])
    if found is None:
        return web.Response(status=HTTPStatus.NOT_FOUND)
    asked = request.query.get("hash")
    if asked and asked != found.tag:
        place = f"{request.path}?hash={found.tag}"
        return web.Response(status=HTTPStatus.MOVED_PERMANENTLY, headers={"Location": place})
    response = _tagged(request, web.Response(body=found.body, content_type="application/json"), found.tag)
    if asked:
        response.headers["Cache-Control"] = "public, immutable"
    return response


def _page(document: Json | None) -> web.Response:
    if document is None:
        raise no_such_page()
    return json_answer(document)
