"""AdmissionReview v1: a request comes in, a verdict goes out. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


class ReviewError(ValueError):
    """A body that is no AdmissionReview."""


@dataclass(frozen=True)
class AdmissionRequest:
    """What the API server asks."""

    uid: str
    operation: str
    namespace: str
    name: str
    document: Json | None
    old: Json | None

    @classmethod
    def parse(cls, body: bytes) -> AdmissionRequest:
        """Raises ReviewError."""
        try:
            request = json.loads(body)["request"]
            return cls(
                str(request["uid"]),
                str(request.get("operation", "")),
                str(request.get("namespace") or ""),
                str(request.get("name") or ""),
                request.get("object"),
                request.get("oldObject"),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ReviewError(f"the body is no AdmissionReview: {error!r}") from error


@dataclass(frozen=True)
class Verdict:
    """Admitted, perhaps with a patch and warnings; or denied with a code and a message."""

    patch: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()
    code: int = 0
    message: str = ""

    @property
    def allowed(self) -> bool:
        return self.code == 0


ADMITTED = Verdict()


def denied(code: int, message: str) -> Verdict:
    return Verdict(code=code, message=message)


def render_review(uid: str, verdict: Verdict) -> Json:
    """The AdmissionReview that answers a request."""
    response: Json = {"uid": uid, "allowed": verdict.allowed}
    if verdict.patch:
        encoded = base64.b64encode(json.dumps(list(verdict.patch)).encode()).decode()
        response |= {"patchType": "JSONPatch", "patch": encoded}
    if verdict.warnings:
        response["warnings"] = list(verdict.warnings)
    if not verdict.allowed:
        reason = {400: "BadRequest", 403: "Forbidden"}.get(verdict.code, "InternalError")
        response["status"] = {"code": verdict.code, "reason": reason, "message": verdict.message}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
