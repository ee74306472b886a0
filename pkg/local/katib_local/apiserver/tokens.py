"""Tokens of service accounts: minted for pods and people, believed while this server runs and what they stand for is there.

JSON Web Tokens with the claims of Kubernetes'. They are signed with a key that nobody else has and that is never written
down, so no token outlives its server.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from katib_local.apiserver.errors import bad_request, invalid, not_found, outdated_binding
from katib_local.apiserver.kinds import PODS, SERVICE_ACCOUNTS, TOKEN_REQUESTS
from katib_local.apiserver.standing import ACCOUNT
from katib_local.apiserver.store import Store
from katib_machinery.scalars import format_time

Json = dict[str, Any]
AUDIENCE = "https://kubernetes.default.svc"
"""For whom a token is when nobody is named: this server."""
SECONDS, LEAST_SECONDS, MOST_SECONDS = 3600, 600, 2**32
CLAIMS = "kubernetes.io"
User = tuple[str, tuple[str, ...]]


class TokenIssuer:
    """Mints tokens and knows its own."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._key = secrets.token_bytes(32)

    def mint(self, namespace: str, name: str, request: Mapping[str, Any]) -> Json:
        """Answer a TokenRequest; raises a refusal."""
        spec = request.get("spec") or {}
        _check_metadata(request.get("metadata") or {}, namespace, name)
        seconds = _seconds(spec.get("expirationSeconds"))
        claims = {"namespace": namespace, "serviceaccount": {"name": name, "uid": self._account_uid(namespace, name)}}
        bound = spec.get("boundObjectRef")
        if bound:
            claims["pod"] = self._bound_pod(namespace, name, bound)
        audiences = [str(audience) for audience in spec.get("audiences") or [AUDIENCE]]
        now = self._now()
        at, until = int(now.timestamp()), now + timedelta(seconds=seconds)
        subject = f"system:serviceaccount:{namespace}:{name}"
        told = {"iss": AUDIENCE, "sub": subject, "aud": audiences, "iat": at, "nbf": at, "exp": at + seconds}
        status = {
            "token": self._signed({**told, CLAIMS: claims}),
            "expirationTimestamp": format_time(until),
        }
        return {
            "kind": TOKEN_REQUESTS.kind,
            "apiVersion": TOKEN_REQUESTS.api_version,
            "metadata": {"name": name, "namespace": namespace},
            "spec": {**spec, "audiences": audiences, "expirationSeconds": seconds},
            "status": status,
        }

    def _account_uid(self, namespace: str, name: str) -> str:
        found = self._store.get(SERVICE_ACCOUNTS.qualified, namespace, name)
        if found is None:
            raise not_found(SERVICE_ACCOUNTS, name)
        return str(found["metadata"]["uid"])

    def _bound_pod(self, namespace: str, account: str, bound: Mapping[str, Any]) -> Json:
        if bound.get("kind") != PODS.kind:
            form = f"{str(bound.get('apiVersion') or '').rpartition('/')[0]}/v1, Kind={bound.get('kind')}"
            raise bad_request(f"cannot bind token to object of type {form}")
        name = str(bound.get("name") or "")
        if not name:
            raise bad_request("Name parameter required.")
        pod = self._store.get(PODS.qualified, namespace, name)
        if pod is None:
            raise not_found(PODS, name)
        uid = pod["metadata"]["uid"]
        if bound.get("uid") not in (None, "", uid):
            raise outdated_binding(PODS, name, bound["uid"])
        if pod["spec"].get("serviceAccountName", ACCOUNT) != account:
            raise bad_request(
                f'cannot bind token for serviceaccount "{account}" to pod running with different serviceaccount name.'
            )
        return {"name": name, "uid": uid}

    def _signed(self, claims: Json) -> str:
        text = ".".join(_encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        return f"{text}.{self._signature(text)}"

    def _signature(self, text: str) -> str:
        return _encode(hmac.digest(self._key, text.encode(), hashlib.sha256))

    def find_user(self, token: str) -> User | None:
        """For whom a token speaks; None for one that is not ours, not for us, over, or of what is gone."""
        text, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(text).encode()):
            return None
        claims = _decode(text.partition(".")[2])
        if AUDIENCE not in claims["aud"] or claims["exp"] <= self._now().timestamp():
            return None
        space, account, pod = (claims[CLAIMS].get(part) for part in ("namespace", "serviceaccount", "pod"))
        if not self._is_there(SERVICE_ACCOUNTS.qualified, space, account):
            return None
        if pod is not None and not self._is_there(PODS.qualified, space, pod):
            return None
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{space}", "system:authenticated")
        return str(claims["sub"]), groups

    def _is_there(self, qualified: str, namespace: str, claimed: Mapping[str, str]) -> bool:
        found = self._store.get(qualified, namespace, claimed["name"])
        return found is not None and found["metadata"]["uid"] == claimed["uid"]


def _check_metadata(metadata: Mapping[str, Any], namespace: str, name: str) -> None:
    """A request need not say whose token it asks for, but it may not say somebody else's. Raises a refusal."""
    if metadata.get("namespace") not in (None, "", namespace):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if (named := metadata.get("name")) not in (None, "", name):
        text = f"Invalid value: {json.dumps(named)}: must match the service account name if specified"
        raise invalid(TOKEN_REQUESTS, name, [("metadata.name", text)])


def _seconds(wanted: Any) -> int:
    if wanted is None:
        return SECONDS
    if type(wanted) is not int:
        said = f'{TOKEN_REQUESTS.kind} in version "v1" cannot be handled as a {TOKEN_REQUESTS.kind}'
        raise bad_request(f"{said}: spec.expirationSeconds: {json.dumps(wanted)[:80]} is no integer")
    if LEAST_SECONDS <= wanted <= MOST_SECONDS:
        return wanted
    limit = "less than 10 minutes" if wanted < LEAST_SECONDS else "larger than 2^32 seconds"
    text = f"Invalid value: {wanted}: may not specify a duration {limit}"
    raise invalid(TOKEN_REQUESTS, "", [("spec.expirationSeconds", text)])


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> Json:
    claims: Json = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return claims
