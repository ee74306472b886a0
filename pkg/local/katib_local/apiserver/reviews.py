"""Reviews: who somebody is and what he may do. Everybody who is let in may do everything. They are never stored.

Knows HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aiohttp import web

from katib_local.apiserver.answers import json_answer
from katib_local.apiserver.bodies import OBJECTS, PROTOBUF, parse_body
from katib_local.apiserver.discovery import REVIEWS, Review
from katib_local.apiserver.errors import bad_request, invalid_review, method_not_allowed, shown
from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.metadata import typed
from katib_local.apiserver.objects import USER

Json = dict[str, Any]
Problems = Iterator[tuple[str, str]]
ALLOWED = {"allowed": True, "reason": "the laptop has one user"}
RULES = {
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    "incomplete": False,
}
ONE_OF = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


def add_reviews(router: web.UrlDispatcher) -> None:
    """Serve every review under its path."""
    for review in REVIEWS:
        space = "/namespaces/{namespace}" if review.namespaced else ""
        router.add_route("*", f"/apis/{review.group}/v1{space}/{review.plural}", _serving(review))


def _serving(review: Review) -> Callable[[web.Request], Any]:
    async def serve(request: web.Request) -> web.Response:
        if request.method != "POST":
            raise method_not_allowed()
        asked = await _asked(request, review)
        return json_answer(answer_review(review, asked, request.match_info.get("namespace", ""), request[USER]), 201)

    return serve


async def _asked(request: web.Request, review: Review) -> Json | None:
    """The review as it is sent; None in Kubernetes protobuf, in which kubectl asks and which is not read."""
    if request.content_type == PROTOBUF:
        return None
    media_type = request.content_type if "Content-Type" in request.headers else ""
    kind = Kind(review.group, "v1", review.kind, review.plural)
    return typed(kind, parse_body(await request.read(), media_type, OBJECTS))


def answer_review(
    review: Review, asked: Mapping[str, Any] | None, namespace: str, user: tuple[str, tuple[str, ...]]
) -> Json:
    """A review with its answer; raises a refusal for one that asks nothing, or of nobody. `None` cannot be read."""
    spec = _part(review, asked or {}, "spec")
    meta = {"namespace": namespace} if review.namespaced else {}
    whole = {"apiVersion": f"{review.group}/v1", "kind": review.kind, "metadata": meta}
    match review.kind:
        case "SelfSubjectReview":
            return {**whole, "status": {"userInfo": {"username": user[0], "groups": list(user[1])}}}
        case "SelfSubjectRulesReview":
            if asked is not None and not spec.get("namespace"):
                raise bad_request("no namespace on request")
            return {**whole, "spec": {}, "status": RULES}
        case _:
            if asked is not None and (problems := list(access_problems(review, asked, namespace))):
                raise invalid_review(review.group, problems)
            return {**whole, "spec": spec, "status": ALLOWED}


def access_problems(review: Review, asked: Mapping[str, Any], namespace: str) -> Problems:
    """What is wrong with a question whether somebody may do something: pairs of field and text."""
    spec = _part(review, asked, "spec")
    resource, path = (_part(review, spec, name) for name in ("resourceAttributes", "nonResourceAttributes"))
    if bool(resource) is bool(path):
        said = _printed_path(path) if path else "null"
        yield "spec", f"Invalid value: {said}: {ONE_OF}"
    if review.kind != "SelfSubjectAccessReview" and not (spec.get("user") or spec.get("groups")):
        yield "spec.user", 'Invalid value: "": at least one of user or group must be specified'
    metadata = {key: part for key, part in _part(review, asked, "metadata").items() if key != "namespace"}
    if metadata:
        yield "metadata", f"Invalid value: {shown(metadata)}: must be empty"
    if review.namespaced and resource and resource.get("namespace") != namespace:
        text = f"Invalid value: {shown(resource.get('namespace') or '')}: must match metadata.namespace"
        yield "spec.resourceAttributes.namespace", text
    if review.namespaced and path:
        yield "spec.nonResourceAttributes", f"Invalid value: {_printed_path(path)}: disallowed on this kind of request"


def _printed_path(path: Mapping[str, Any]) -> str:
    """A path and what is to be done with it, as a server in Go prints them."""
    return json.dumps({"Path": path.get("path") or "", "Verb": path.get("verb") or ""}, separators=(",", ":"))


def _part(review: Review, parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = parent.get(name) or {}
    if isinstance(part, Mapping):
        return part
    why = f"{name}: {json.dumps(part)[:80]} is no object"
    raise bad_request(f'{review.kind} in version "v1" cannot be handled as a {review.kind}: {why}')
