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
from katib_local.apiserver.bodies import JSON, YAML
from katib_local.apiserver.errors import Refusal, bad_request, not_acceptable
from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.listing import Page, Watch
from katib_local.apiserver.memory import Document, Row
from katib_local.apiserver.schema import fill_defaults, prune

Json = dict[str, Any]


def utc_now() -> datetime:
    return datetime.now(UTC)


def json_answer(document: Any, code: int = 200, warnings: list[str] | None = None) -> web.Response:
    return warned(web.Response(body=_render(document) + b"\n", status=code, content_type="application/json"), warnings)


def warned(response: web.Response, warnings: list[str] | None) -> web.Response:
    """The answer with what its caller is warned of."""
    for warning in dict.fromkeys(warnings or ()):
        text = warning.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
        response.headers.add("Warning", f'299 - "{text}"')
    return response


def refused(refusal: Refusal, warnings: list[str] | None = None) -> web.Response:
    """The answer to what is refused; who may come again soon is told when."""
    answer = json_answer(refusal.status(), refusal.code, warnings)
    if pause := (refusal.details or {}).get("retryAfterSeconds"):
        answer.headers["Retry-After"] = str(pause)
    return answer


def _render(document: Any) -> bytes:
    """JSON; of an object as it is stored, the bytes that it is stored as."""
    return document.body if isinstance(document, Document) else orjson.dumps(document)


MEDIA_TYPES = (JSON, YAML)
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


def list_answer(request: web.Request, kind: Kind, page: Page) -> web.Response:
    """A list in the form that is wanted: objects as they are stored, unless what is in them has to be looked at."""
    match wants(request):
        case "Table":
            documents = [as_served(kind, row.read()) for row in page.rows]
            included = request.query.get("includeObject") or "Metadata"
            return json_answer({**tables.render_table(kind, documents, utc_now(), included), "metadata": page.metadata})
        case "PartialObjectMetadataList":
            head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": page.metadata}
            return json_answer({**head, "items": [tables.partial(as_served(kind, row.read())) for row in page.rows]})
        case _:
            head = {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": page.metadata}
            items = b",".join(_served_body(kind, row) for row in page.rows)
            body = orjson.dumps(head)[:-1] + b',"items":[' + items + b"]}\n"
            return web.Response(body=body, content_type=JSON)


def _served_body(kind: Kind, row: Row) -> bytes:
    """The bytes of an object in the version that is asked for; those of its own begin with it."""
    own = b'{"apiVersion":"%b",' % kind.api_version.encode()
    return row.body if not kind.custom or row.body.startswith(own) else _render(as_served(kind, row.read()))


async def stream_events(request: web.Request, kind: Kind, watch: Watch) -> web.StreamResponse:
    """A watch: one line an event; the answer begins before the first one."""
    with contextlib.closing(watch):
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        form = wants(request)
        async with contextlib.aclosing(watch.events()) as events:
            with contextlib.suppress(ConnectionError):
                async for together in events:
                    await response.write(b"".join(_line(request, kind, event, form) for event in together))
                    del together  # until the next ones come
        return response


def _line(request: web.Request, kind: Kind, event: tuple[str, Json], form: str) -> bytes:
    type_, document = event
    if type_ not in ("BOOKMARK", "ERROR"):
        document = as_served(kind, document)
    if form == "PartialObjectMetadata" and type_ != "ERROR":
        document = tables.partial(document)
    elif form == "Table" and type_ not in ("BOOKMARK", "ERROR"):
        document = tables.render_table(kind, [document], utc_now(), request.query.get("includeObject") or "Metadata")
    return b'{"type":"%b","object":%b}\n' % (type_.encode(), _render(document))
