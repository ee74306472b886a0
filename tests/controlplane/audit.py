"""What service accounts of Katib have asked of a control plane, and what of it they may: grants against the audit log.

Knows the API server's audit log and permissions.yaml, of which RBAC is printed. Must not know processes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

Json = Mapping[str, Any]
SCOPES = ("everywhere", "cluster", "own_namespace")
POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "userGroups": ["system:serviceaccounts:kubeflow"]},
        {"level": "None"},
    ],
}


class VerbMissing(Exception):
    """A program asked for what its printed role does not grant; the message has each request."""


@dataclass(frozen=True, order=True)
class Use:
    """One verb on one kind of object: granted by a rule, or asked for by a request."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''}"


@dataclass(frozen=True)
class Request:
    """Who asked for what, and whether the authorizer let it through."""

    user: str
    use: Use
    allowed: bool
    path: str

    def __str__(self) -> str:
        return f"{self.user} may not {self.use} ({self.path})"


@dataclass(frozen=True)
class Audit:
    """The audit log of one control plane."""

    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "audit.log"

    def prepare(self) -> list[str]:
        """Write the policy; returns the API server's flags. Also owner references then want their permission."""
        policy = self.folder / "audit-policy.yaml"
        policy.write_text(yaml.safe_dump(POLICY))
        strict = "--enable-admission-plugins=OwnerReferencesPermissionEnforcement"
        return [f"--audit-policy-file={policy}", f"--audit-log-path={self.log}", strict]

    def requests(self) -> list[Request]:
        """Requests for objects so far."""
        lines = self.log.read_text().splitlines() if self.log.exists() else ()
        return [found for line in lines if (found := parse_request(json.loads(line)))]


def parse_request(entry: Json) -> Request | None:
    """An entry of the log; None when it is not about objects."""
    target = entry.get("objectRef")
    if target is None:
        return None
    resource = "/".join(filter(None, (target.get("resource"), target.get("subresource"))))
    use = Use(target.get("apiGroup", ""), resource, entry["verb"])
    allowed = (entry.get("annotations") or {}).get("authorization.k8s.io/decision") == "allow"
    return Request(entry["user"]["username"], use, allowed, entry["requestURI"])


@dataclass(frozen=True)
class Grant:
    """What a rule lets one of Katib's programs do, and why."""

    program: str
    uses: frozenset[Use]
    why: str

    def __str__(self) -> str:
        return f"{self.program} may {', '.join(map(str, sorted(self.uses)))}: {self.why}"


def parse_grants(permissions: Json) -> list[Grant]:
    """The grants of permissions.yaml."""
    scopes = permissions["controller"]
    held = [("controller", rule) for scope in SCOPES for rule in scopes[scope]]
    for program, service in permissions["services"].items():
        held += [(program, rule) for rule in permissions["made_at_run_time"][service["holds"]]]
    return [Grant(program, _uses(rule), rule["why"]) for program, rule in held]


def _uses(rule: Json) -> frozenset[Use]:
    return frozenset(Use(rule["group"], resource, verb) for resource in rule["resources"] for verb in rule["verbs"])


def unused(grants: Iterable[Grant], used: Mapping[str, Set[Use]]) -> list[Grant]:
    """What is left of the grants when each program has used this."""
    left = [replace(grant, uses=grant.uses - used.get(grant.program, set())) for grant in grants]
    return [grant for grant in left if grant.uses]


def check_allowed(requests: Iterable[Request]) -> None:
    """Raise VerbMissing when anything was refused."""
    if refused := sorted({str(request) for request in requests if not request.allowed}):
        raise VerbMissing("\n".join(refused))
