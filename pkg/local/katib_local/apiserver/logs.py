"""Logs of pods: fetched from the node that runs them, over HTTPS with this server's client certificate."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import web

from katib_local.apiserver.errors import Refusal, bad_request, invalid_log_options
from katib_local.apiserver.kinds import NODES
from katib_local.apiserver.registry import Registry

LEAST = (
    ("tailLines", 0, "greater than or equal to"),
    ("sinceSeconds", 1, "greater than"),
    ("limitBytes", 1, "greater than"),
)
PASSED_ON = ("follow", "tailLines", "previous", "timestamps", "sinceTime", "sinceSeconds", "limitBytes")


async def pod_log(
    request: web.Request, registry: Registry, pod: dict[str, Any], trust: ssl.SSLContext
) -> web.StreamResponse:
    """The log of one container, as it is, or as it comes with `follow`."""
    metadata = pod["metadata"]
    _check_options(request.query, metadata["name"])
    container = _container(pod, request.query.get("container", ""))
    if not (pod.get("spec") or {}).get("nodeName"):
        return web.Response(status=204)  # nobody has written anything yet
    url = f"{_node_url(registry, pod)}/containerLogs/{metadata['namespace']}/{metadata['name']}/{container}"
    query = {key: request.query[key] for key in PASSED_ON if key in request.query}
    limits = aiohttp.ClientTimeout(total=None, sock_connect=10)
    try:
        async with (
            aiohttp.ClientSession(timeout=limits) as session,
            session.get(url, params=query, ssl=trust) as answer,
        ):
            if answer.status >= 400:
                raise Refusal(answer.status, "BadRequest", (await answer.text()).strip())
            response = web.StreamResponse(headers={"Content-Type": "text/plain"})
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            return response
    except aiohttp.ClientConnectionError as error:
        raise Refusal(500, "", f'Get "{url}": {error}') from error


def _check_options(query: Mapping[str, str], name: str) -> None:
    """Raise a refusal for numbers that no log can be cut by."""
    for field, least, words in LEAST:
        try:
            number = int(query.get(field) or least)
        except ValueError as error:
            raise bad_request(f'strconv.ParseInt: parsing "{query[field]}": invalid syntax') from error
        if number < least:
            raise invalid_log_options(name, [(field, f"Invalid value: {number}: must be {words} 0")])


def _container(pod: dict[str, Any], named: str) -> str:
    spec = pod.get("spec") or {}
    names = [entry["name"] for field in ("containers", "initContainers") for entry in spec.get(field) or []]
    if named:
        if named not in names:
            raise bad_request(f"container {named} is not valid for pod {pod['metadata']['name']}")
        return named
    first = [entry["name"] for entry in spec.get("containers") or []]
    if len(first) != 1:
        raise bad_request(
            f"a container name must be specified for pod {pod['metadata']['name']}, choose one of: [{' '.join(names)}]"
        )
    return str(first[0])


def _node_url(registry: Registry, pod: dict[str, Any]) -> str:
    name = (pod.get("spec") or {}).get("nodeName")
    node = registry.store.get(NODES.qualified, "", name) if name else None
    if node is None:
        raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
    status = node.get("status") or {}
    port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port", 0)
    addresses = [entry["address"] for entry in status.get("addresses") or [] if entry.get("type") == "InternalIP"]
    return f"https://{addresses[0] if addresses else '127.0.0.1'}:{port}"


def node_trust(authority: str, certificate: tuple[str, str] | None) -> ssl.SSLContext:
    """Only nodes of this server's own authority are asked, each under the address that its certificate names."""
    context = ssl.create_default_context(cafile=authority or None)
    if certificate is not None:
        context.load_cert_chain(*certificate)
    return context
