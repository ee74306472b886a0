"""Admission webhooks: which ones an object passes, in which order, and what they answer.

Calls over TLS with this server's client certificate. Must not know how objects are stored.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import ssl
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from katib_local.apiserver.errors import Refusal
from katib_local.apiserver.kinds import WEBHOOKS, Kind
from katib_local.apiserver.patch import json_patch
from katib_local.apiserver.selectors import match_selector

Json = dict[str, Any]
USER_CONDITION = re.compile(r"""\s*request\.userInfo\.username\s*(==|!=)\s*(["'])(.*)\2\s*""")
DEFAULT_TIMEOUT = 10


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
        """The object after every mutating webhook, in the order of configuration and webhook names."""
        document = request.document
        for webhook in self._matching("MutatingWebhookConfiguration", request):
            answer = await self._call(webhook, request, document, warnings)
            if answer.get("patch"):
                document = json_patch(document, json.loads(base64.b64decode(answer["patch"])))
        return document

    async def validate(self, request: Request, document: Json | None, warnings: list[str]) -> None:
        """Ask every validating webhook at once; raises the first denial."""
        webhooks = self._matching("ValidatingWebhookConfiguration", request)
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
            cause = str(error) or type(error).__name__
            raise Refusal(
                500, "InternalError", f'Internal error occurred: failed calling webhook "{name}": {cause}'
            ) from error
        warnings += answer.get("warnings") or []
        if answer.get("allowed"):
            return answer
        status = answer.get("status") or {}
        message = status.get("message") or status.get("reason") or "denied"
        code = int(status.get("code") or 403)
        reason = str(
            status.get("reason") or {400: "BadRequest", 403: "Forbidden", 500: "InternalError"}.get(code, "Forbidden")
        )
        raise Refusal(code, reason, f'admission webhook "{name}" denied the request: {message}')

    async def _post(self, webhook: Mapping[str, Any], review: Json) -> Json:
        client = webhook["clientConfig"]
        url = client.get("url") or self._service_url(client["service"])
        seconds = aiohttp.ClientTimeout(total=webhook.get("timeoutSeconds", DEFAULT_TIMEOUT))
        context = self._context(client.get("caBundle", ""))
        async with self._open().post(url, json=review, ssl=context, timeout=seconds) as response:
            answer = json.loads(await response.read()).get("response")
        if not isinstance(answer, dict) or answer.get("uid") != review["request"]["uid"]:
            raise ValueError("the answer is no AdmissionReview of this request")
        return answer

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
    return all(_condition_holds(entry.get("expression", ""), request) for entry in webhook.get("matchConditions") or [])


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


def _condition_holds(expression: str, request: Request) -> bool:
    """Only comparisons of the user's name are evaluated here; the webhook is called for any other expression."""
    found = USER_CONDITION.fullmatch(expression)
    return found is None or (request.user == found[3]) is (found[1] == "==")


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
        "name": request.name,
        "namespace": request.namespace,
        "operation": request.operation,
        "userInfo": {"username": request.user, "groups": list(request.groups)},
        "object": document,
        "oldObject": request.old,
        "dryRun": request.dry_run,
        "options": None,
        **({"subResource": request.subresource} if request.subresource else {}),
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": body}
