"""Who may call the laptop: an authority per state directory and the certificates that it issues.

Knows files below the state directory. Must not know processes.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from katib_apis.v1beta1 import names
from katib_local.state import StateDirectory, write_private

LOOPBACK = "127.0.0.1"
SERVERS = ("apiserver", "webhook", "node")
CLIENTS = {
    "admin": ("katib-admin", ["system:masters"]),
    "controller": (
        f"system:serviceaccount:{names.ENV_CORE_NAMESPACE_DEFAULT}:{names.OBJECT_CONTROLLER}",
        ["system:serviceaccounts"],
    ),
    "node": ("system:node:laptop", ["system:nodes"]),
    names.CONTAINER_EARLY_STOPPING: (
        f"system:serviceaccount:{names.ENV_CORE_NAMESPACE_DEFAULT}:{names.OBJECT_EARLY_STOPPING}",
        ["system:serviceaccounts"],
    ),
    "apiserver-client": ("kube-apiserver", ["system:masters"]),
}


@dataclass(frozen=True)
class Credentials:
    """Files of one state directory's authority, servers and clients, and the token of this start."""

    folder: Path
    service_token: str

    @property
    def authority(self) -> Path:
        return self.folder / "ca.crt"

    def certificate(self, name: str) -> Path:
        return self.folder / name / "tls.crt"

    def key(self, name: str) -> Path:
        return self.folder / name / "tls.key"

    def kubeconfig(self, name: str) -> Path:
        return self.folder / name / "kubeconfig"

    @property
    def token_file(self) -> Path:
        return self.folder / "service-token"


def make_credentials(state: StateDirectory, *, server: str, now: datetime) -> Credentials:
    """Make what is missing or about to expire, and a new service token; `server` is the API server's URL."""
    credentials = Credentials(state.credentials, secrets.token_urlsafe(24))
    if _stale(credentials, now):
        _issue(credentials, now)
    write_private(credentials.token_file, credentials.service_token.encode())
    for name in CLIENTS:
        write_private(credentials.kubeconfig(name), render_kubeconfig(credentials, name, server).encode())
    write_private(state.kubeconfig, render_kubeconfig(credentials, "admin", server).encode())
    return credentials


def _stale(credentials: Credentials, now: datetime) -> bool:
    """Whether the certificates are missing or in the last 30 of their 365 days."""
    stamp = credentials.folder / "issued-at"
    # Also those of a program that an older version did not have.
    certificates = [credentials.certificate(name) for name in (*SERVERS, *map(_client_folder, CLIENTS))]
    if not all(file.exists() for file in (stamp, credentials.authority, *certificates)):
        return True
    try:
        issued_at = datetime.fromisoformat(stamp.read_text().strip())
    except ValueError:
        return True
    return not 0 <= (now - issued_at).days < 335


def _issue(credentials: Credentials, now: datetime) -> None:
    from katib_certgenerator.authority import Authority

    authority = Authority.create("katib-laptop", now=now)
    write_private(credentials.authority, authority.certificate_pem)
    for name in SERVERS:
        issued = authority.issue_server(f"katib-{name}", now=now, dns_names=["localhost"], ip_addresses=[LOOPBACK])
        _write_pair(credentials, name, issued.certificate_pem, issued.key_pem)
    for name, (user, groups) in CLIENTS.items():
        folder = _client_folder(name)
        issued = authority.issue_client(user, now=now, organizations=groups)
        _write_pair(credentials, folder, issued.certificate_pem, issued.key_pem)
        (credentials.folder / name).mkdir(mode=0o700, exist_ok=True)
    write_private(credentials.folder / "issued-at", now.isoformat().encode())


def _write_pair(credentials: Credentials, name: str, certificate: bytes, key: bytes) -> None:
    (credentials.folder / name).mkdir(mode=0o700, exist_ok=True)
    write_private(credentials.certificate(name), certificate)
    write_private(credentials.key(name), key)


def _client_folder(name: str) -> str:
    """The node is a server too."""
    return "node-client" if name == "node" else name


def render_kubeconfig(credentials: Credentials, name: str, server: str) -> str:
    """A kubeconfig that stands alone: every certificate is inside it."""
    folder = _client_folder(name)
    return "\n".join(
        [
            "apiVersion: v1",
            "kind: Config",
            "clusters:",
            "- name: katib-laptop",
            "  cluster:",
            f"    server: {server}",
            f"    certificate-authority-data: {_inline(credentials.authority)}",
            "users:",
            f"- name: {name}",
            "  user:",
            f"    client-certificate-data: {_inline(credentials.certificate(folder))}",
            f"    client-key-data: {_inline(credentials.key(folder))}",
            "contexts:",
            "- name: katib-laptop",
            f"  context: {{cluster: katib-laptop, user: {name}, namespace: default}}",
            "current-context: katib-laptop",
            "",
        ]
    )


def _inline(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
