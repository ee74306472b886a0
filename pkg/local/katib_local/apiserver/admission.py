"""Admission webhooks: which ones an object passes, in which order, and what they answer.

Calls over TLS with this server's client certificate. Must not know how objects are stored.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import os
import ssl
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import aiohttp

from katib_local.apiserver.errors import Refusal, forbidden, internal
from katib_local.apiserver.expressions import ExpressionError
from katib_local.apiserver.kinds import WEBHOOKS, Kind
from katib_local.apiserver.patch import json_patch
from katib_local.apiserver.selectors import match_selector
from katib_local.apiserver.webhooks import condition_of

Json = dict[str, Any]
REVIEWS = "admission.k8s.io/v1"
DEFAULT_TIMEOUT = 10
NOTHING_TO_MODIFY = "which is not supported for this operation"


@dataclass(frozen=True)
class Request:
    """One request that admission looks at."""

    operation: str
    kind: Kind
    namespace: str
    name: str
    user: str
    groups: Sequence[str]
    document: Json | None
    old: Json | None
    subresource: str = ""
    dry_run: bool = False
    namespace_labels: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Admission:
    """Calls webhooks. `configurations` lists the stored ones of a kind, `addresses` says where Services are."""

    configurations: Callable[[str], Sequence[Mapping[str, Any]]]
    client_certificate: tuple[str, str] | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)
    _contexts: dict[str, ssl.SSLContext] = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def mutate(self, request: Request, warnings: list[str]) -> Json | None:
        """The object after every mutating webhook, in the order of configuration and webhook names.

        Those that ask for it are called once more when a later one has changed what they had seen.
        """
        document = request.document
        again: list[tuple[Mapping[str, Any], Json | None]] = []
        for webhook in self._matching("MutatingWebhookConfiguration", request):
            document = await self._mutated(webhook, request, document, warnings)
            if webhook.get("reinvocationPolicy") == "IfNeeded":
                again.append((webhook, document))
        changed = False
        for webhook, seen in again:
            if changed or document != seen:
                before, document = document, await self._mutated(webhook, request, document, warnings)
                changed = changed or before != document
        return document

    async def _mutated(
        self, webhook: Mapping[str, Any], request: Request, document: Json | None, warnings: list[str]
    ) -> Json | None:
        answer = await self._call(webhook, request, document, warnings)
        if not answer.get("patch"):
            return document
        if document is None:
            raise internal(f'admission webhook "{webhook["name"]}" attempted to modify the object, {NOTHING_TO_MODIFY}')
        try:
            return json_patch(document, json.loads(base64.b64decode(answer["patch"])))  # type: ignore[no-any-return]
        except Refusal as refusal:
            raise internal(refusal.message) from refusal

    async def validate(self, request: Request, document: Json | None, warnings: list[str]) -> None:
        """Ask every validating webhook at once; raises the first denial."""
        webhooks = self._matching("ValidatingWebhookConfiguration", replace(request, document=document))
        await asyncio.gather(*(self._call(webhook, request, document, warnings) for webhook in webhooks))

    def _matching(self, kind: str, request: Request) -> list[Mapping[str, Any]]:
        if request.kind in WEBHOOKS:
            return []  # nobody can lock everybody out, himself included
        configurations = self.configurations(kind)
        return [
            webhook
            for configuration in configurations
            for webhook in configuration.get("webhooks") or []
            if matches(webhook, request)
        ]

    async def _call(
        self, webhook: Mapping[str, Any], request: Request, document: Json | None, warnings: list[str]
    ) -> Json:
        name = webhook["name"]
        try:
            answer = await self._post(webhook, render_review(request, document))
        except (TimeoutError, OSError, aiohttp.ClientError, ValueError) as error:
            if webhook.get("failurePolicy", "Fail") == "Ignore":
                return {}
            raise internal(f'failed calling webhook "{name}": {_cause(error)}') from error
        warnings += answer.get("warnings") or []
        if answer.get("allowed"):
            return answer
        raise denial(name, answer.get("status") or {})

    async def _post(self, webhook: Mapping[str, Any], review: Json) -> Json:
        client = webhook["clientConfig"]
        url = client.get("url") or self._service_url(client["service"])
        seconds = aiohttp.ClientTimeout(total=webhook.get("timeoutSeconds", DEFAULT_TIMEOUT))
        context = self._context(client.get("caBundle", ""))
        url = f"{url}{'&' if '?' in url else '?'}timeout={seconds.total}s"
        async with self._open().post(url, json=review, ssl=context, timeout=seconds) as response:
            return parse_review(response.status, await response.read(), review["request"]["uid"])

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    def _service_url(self, service: Mapping[str, Any]) -> str:
        name = f"{service['name']}.{service['namespace']}"
        if name not in self.addresses:
            raise OSError(f"service {name} has no address here; give the webhook a url")
        return f"https://{self.addresses[name]}{service.get('path', '/')}"

    def _context(self, bundle: str) -> ssl.SSLContext:
        if bundle not in self._contexts:
            authority = base64.b64decode(bundle).decode() if bundle else None
            context = ssl.create_default_context(cadata=authority)
            if self.client_certificate is not None:
                context.load_cert_chain(*self.client_certificate)
            self._contexts[bundle] = context
        return self._contexts[bundle]


def _cause(error: Exception) -> str:
    """Why a webhook has not answered, as a cluster says it."""
    if not isinstance(error, aiohttp.ClientConnectorError):
        return str(error) or "context deadline exceeded"
    problem = error.os_error
    known = problem.errno in errno.errorcode and not isinstance(problem, ssl.SSLError)
    why = f"connect: {os.strerror(problem.errno or 0).lower()}" if known else str(problem)
    return f"failed to call webhook: dial tcp {error.host}:{error.port}: {why}"


def matches(webhook: Mapping[str, Any], request: Request) -> bool:
    """Whether a webhook wants to see a request."""
    if not any(_rule_matches(rule, request) for rule in webhook.get("rules") or []):
        return False
    if not match_selector(webhook.get("namespaceSelector"), request.namespace_labels):
        return False
    documents = [document for document in (request.document, request.old) if document is not None]
    labels = [(document.get("metadata") or {}).get("labels") or {} for document in documents]
    if not any(match_selector(webhook.get("objectSelector"), entry) for entry in labels):
        return False
    return not webhook.get("matchConditions") or _conditions_hold(webhook, request)


def _rule_matches(rule: Mapping[str, Any], request: Request) -> bool:
    wanted = (
        (rule.get("operations"), request.operation),
        (rule.get("apiGroups"), request.kind.group),
        (rule.get("apiVersions"), request.kind.version),
        ([rule.get("scope") or "*"], "Namespaced" if request.kind.namespaced else "Cluster"),
    )
    if not all("*" in (allowed or []) or value in (allowed or []) for allowed, value in wanted):
        return False
    return any(
        plural in ("*", request.kind.plural) and subresource in ("*", request.subresource)
        for plural, _, subresource in (entry.partition("/") for entry in rule.get("resources") or [])
    )


def _conditions_hold(webhook: Mapping[str, Any], request: Request) -> bool:
    """One that does not hold is enough; one that cannot be told is a failure, with the webhook's policy."""
    variables = {
        "object": request.document,
        "oldObject": request.old,
        "request": {**render_review(request, None)["request"], "object": request.document},
    }
    failures: list[str] = []
    for entry in webhook["matchConditions"]:
        text = entry.get("expression", "")
        try:
            if condition_of(text).evaluate(variables) is not True:
                return False
        except ExpressionError as error:
            failures.append(f"expression '{text}' resulted in error: {error}")
    if failures and webhook.get("failurePolicy", "Fail") == "Fail":
        raise forbidden(request.kind, request.name, "; ".join(failures))
    return not failures


def parse_review(code: int, content: bytes, uid: str) -> Json:
    """The response in a webhook's answer; raises ValueError for what is none to the review of this uid."""
    if code != HTTPStatus.OK:
        text = content.decode(errors="replace").strip()
        raise ValueError(
            f'failed to call webhook: an error on the server ("{text}") has prevented the request from succeeding'
        )
    try:
        review = json.loads(content)
    except ValueError as error:
        raise ValueError(f"failed to call webhook: couldn't get version/kind; json parse error: {error}") from error
    answer = review.get("response") if isinstance(review, dict) else None
    invalid = "received invalid webhook response: "
    if not isinstance(answer, dict):
        raise ValueError(f"{invalid}webhook response was absent")
    if answer.get("uid") != uid:
        raise ValueError(f'{invalid}expected response.uid="{uid}", got "{answer.get("uid") or ""}"')
    if (review.get("apiVersion"), review.get("kind")) != (REVIEWS, "AdmissionReview"):
        raise ValueError(
            f"{invalid}expected webhook response of {REVIEWS}, Kind=AdmissionReview, "
            f"got {review.get('apiVersion')}, Kind={review.get('kind')}"
        )
    if answer.get("patch"):
        _check_patch(answer, invalid)
    return answer


def _check_patch(answer: Json, invalid: str) -> None:
    if not answer.get("patchType"):
        raise ValueError(f"{invalid}webhook returned response.patch but not response.patchType")
    if answer["patchType"] != "JSONPatch":
        raise ValueError(f'{invalid}invalid value of patchType "{answer["patchType"]}"')
    if not isinstance(json.loads(base64.b64decode(answer["patch"])), list):
        raise ValueError("received undecodable patch in webhook response: it is no list of operations")


def denial(name: str, status: Mapping[str, Any]) -> Refusal:
    """What the caller reads of a webhook that does not allow a request."""
    code, reason = status.get("code") or 0, str(status.get("reason") or "")
    why = status.get("message") or reason
    said = f'admission webhook "{name}" denied the request' + (f": {why}" if why else " without explanation")
    return Refusal(max(int(code), HTTPStatus.BAD_REQUEST), reason, said, status.get("details"))


def render_review(request: Request, document: Json | None) -> Json:
    """The AdmissionReview that a webhook gets."""
    kind = {"group": request.kind.group, "version": request.kind.version, "kind": request.kind.kind}
    resource = {"group": request.kind.group, "version": request.kind.version, "resource": request.kind.plural}
    body = {
        "uid": str(uuid.uuid4()),
        "kind": kind,
        "resource": resource,
        "requestKind": kind,
        "requestResource": resource,
        **({"name": request.name} if request.name else {}),
        "namespace": request.namespace,
        "operation": request.operation,
        "userInfo": {"username": request.user, "groups": list(request.groups)},
        "object": document,
        "oldObject": request.old,
        "dryRun": request.dry_run,
        "options": {"apiVersion": "meta.k8s.io/v1", "kind": f"{request.operation.capitalize()}Options"},
        **({"subResource": request.subresource} if request.subresource else {}),
    }
    return {"apiVersion": REVIEWS, "kind": "AdmissionReview", "request": body}
