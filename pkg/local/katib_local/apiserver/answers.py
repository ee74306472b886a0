"""Answers over HTTP: an object, a list or a watch, in the form that the caller accepts.

Knows HTTP. Must not know how objects come about.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import orjson
import yaml
from aiohttp import web

from katib_local.apiserver import tables
from katib_local.apiserver.bodies import JSON, PROTOBUF, YAML
from katib_local.apiserver.errors import Refusal, bad_request, not_acceptable
from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.listing import Watch
from katib_local.apiserver.schema import fill_defaults, prune

Json = dict[str, Any]


def utc_now() -> datetime:
    return datetime.now(UTC)


def json_answer(document: Any, code: int = 200, warnings: list[str] | None = None) -> web.Response:
    response = web.Response(body=orjson.dumps(document) + b"\n", status=code, content_type="application/json")
    for warning in warnings or []:
        text = warning.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
        response.headers.add("Warning", f'299 - "{text}"')
    return response


def refused(refusal: Refusal, warnings: list[str] | None = None) -> web.Response:
    """The answer to what is refused; who may come again soon is told when."""
    answer = json_answer(refusal.status(), refusal.code, warnings)
    if pause := (refusal.details or {}).get("retryAfterSeconds"):
        answer.headers["Retry-After"] = str(pause)
    return answer


MEDIA_TYPES = (JSON, YAML, PROTOBUF)
FORMS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
INCLUDED = ("", "None", "Metadata", "Object")


def check_form(request: web.Request) -> None:
    """Raise a refusal for who accepts no form that is made here, or wants along with a table what cannot be."""
    accepted = [_accepted(text) for text in request.headers.get("Accept", "*/*").split(",")]
    if not any(_is_made(media_type, form) for media_type, form in accepted):
        raise not_acceptable(MEDIA_TYPES)
    include = request.query.get("includeObject", "")
    if include not in INCLUDED and wants(request) == "Table":
        said = f"includeObject: Invalid value: \"{include}\": must be 'Metadata', 'Object', 'None', or empty"
        raise bad_request(f"Unable to convert to Table as requested: {said}")


def _accepted(text: str) -> tuple[str, dict[str, str]]:
    media_type, *parts = text.replace(" ", "").split(";")
    return media_type, dict(part.partition("=")[::2] for part in parts)


def _is_made(media_type: str, form: dict[str, str]) -> bool:
    if "as" in form:
        return form["as"] in FORMS and (form.get("g"), form.get("v")) == ("meta.k8s.io", "v1")
    return media_type in (*MEDIA_TYPES, "*/*", "application/*", "")


def as_accepted(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """The answer in YAML for who accepts that first."""
    first, _ = _accepted(request.headers.get("Accept", "").partition(",")[0])
    if first != YAML or not isinstance(response, web.Response) or response.content_type != JSON or not response.body:
        return response
    text = yaml.safe_dump(orjson.loads(response.body), sort_keys=False)  # type: ignore[arg-type]
    return web.Response(body=text.encode(), status=response.status, content_type=YAML)


def wants(request: web.Request) -> str:
    """Table, PartialObjectMetadata(List), or an empty text for the objects themselves."""
    for accepted in request.headers.get("Accept", "").split(","):
        parts = dict(part.partition("=")[::2] for part in accepted.replace(" ", "").split(";")[1:])
        if parts.get("as") in FORMS:
            return parts["as"]
        if accepted.strip().startswith(("application/json", "*/*")):
            return ""
    return ""


def as_served(kind: Kind, document: Json) -> Json:
    """An object in the version that was asked for, whichever it was written in."""
    if not kind.custom or document.get("apiVersion") == kind.api_version:
        return document
    pruned, _ = prune(document, kind.schema or {})
    return {**fill_defaults(pruned, kind.schema or {}), "apiVersion": kind.api_version}


def shown_one(request: web.Request, kind: Kind, document: Json) -> Json:
    document = as_served(kind, document)
    match wants(request):
        case "Table":
            table = tables.render_table(kind, [document], utc_now(), request.query.get("includeObject") or "Metadata")
            return {**table, "metadata": {"resourceVersion": document["metadata"].get("resourceVersion", "")}}
        case "PartialObjectMetadata":
            return tables.partial(document)
        case _:
            return document


def shown(request: web.Request, kind: Kind, page: Json) -> Json:
    page = {**page, "items": [as_served(kind, document) for document in page["items"]]}
    match wants(request):
        case "Table":
            table = tables.render_table(
                kind, page["items"], utc_now(), request.query.get("includeObject") or "Metadata"
            )
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
    if type_ not in ("BOOKMARK", "ERROR"):
        document = as_served(kind, document)
    if form == "PartialObjectMetadata" and type_ != "ERROR":
        document = tables.partial(document)
    elif form == "Table" and type_ not in ("BOOKMARK", "ERROR"):
        document = tables.render_table(kind, [document], utc_now(), request.query.get("includeObject") or "Metadata")
    return orjson.dumps({"type": type_, "object": document}) + b"\n"
