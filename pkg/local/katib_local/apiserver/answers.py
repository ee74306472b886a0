"""Answers over HTTP: an object, a list or a watch, in the form that the caller accepts.

Knows HTTP. Must not know how objects come about.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from katib_local.apiserver import tables
from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.listing import Watch

Json = dict[str, Any]


def utc_now() -> datetime:
    return datetime.now(UTC)


def json_answer(document: Any, code: int = 200, warnings: list[str] | None = None) -> web.Response:
    response = web.Response(body=orjson.dumps(document) + b"\n", status=code, content_type="application/json")
    for warning in warnings or []:
        text = warning.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
        response.headers.add("Warning", f'299 - "{text}"')
    return response


def wants(request: web.Request) -> str:
    """Table, PartialObjectMetadata(List), or an empty text for the objects themselves."""
    for accepted in request.headers.get("Accept", "").split(","):
        parts = dict(part.partition("=")[::2] for part in accepted.replace(" ", "").split(";")[1:])
        if parts.get("as") in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList"):
            return parts["as"]
        if accepted.strip().startswith(("application/json", "*/*")):
            return ""
    return ""


def shown_one(request: web.Request, kind: Kind, document: Json) -> Json:
    match wants(request):
        case "Table":
            return tables.render_table(kind, [document], utc_now(), request.query.get("includeObject", "Metadata"))
        case "PartialObjectMetadata":
            return tables.partial(document)
        case _:
            return document


def shown(request: web.Request, kind: Kind, page: Json) -> Json:
    match wants(request):
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


async def stream_events(request: web.Request, kind: Kind, watch: Watch) -> web.StreamResponse:
    """A watch: one line an event; the answer begins before the first one."""
    with contextlib.closing(watch):
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        form = wants(request)
        async with contextlib.aclosing(watch.events()) as events:
            with contextlib.suppress(ConnectionError):
                async for event in events:
                    await response.write(_line(request, kind, event, form))
        return response


def _line(request: web.Request, kind: Kind, event: tuple[str, Json], form: str) -> bytes:
    type_, document = event
    if form == "PartialObjectMetadata" and type_ != "ERROR":
        document = tables.partial(document)
    elif form == "Table" and type_ not in ("BOOKMARK", "ERROR"):
        document = tables.render_table(kind, [document], utc_now(), request.query.get("includeObject", "Metadata"))
    return orjson.dumps({"type": type_, "object": document}) + b"\n"
