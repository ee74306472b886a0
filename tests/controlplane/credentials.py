"""Who may call a control plane: its own authority, a certificate for each server and one for each user.

Knows files and X.509. Must not know processes.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from katib_certgenerator.authority import Authority, Issued

ADMIN = "admin"
# Kubernetes' own names, for which it has roles of its own.
USERS = {
    ADMIN: ("kubernetes-admin", ("system:masters",)),
    "kube-controller-manager": ("system:kube-controller-manager", ()),
    "kube-scheduler": ("system:kube-scheduler", ()),
    "kubelet-client": ("kube-apiserver-kubelet-client", ("system:masters",)),
    "etcd-client": ("kube-apiserver-etcd-client", ()),
}
SERVICE_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
ADDRESSES = ("127.0.0.1", "10.96.0.1")


@dataclass(frozen=True)
class Pair:
    """The files of a certificate and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class User:
    """Somebody who may call, and the kubeconfig that says so."""

    name: str
    kubeconfig: Path
    pair: Pair


@dataclass(frozen=True)
class Credentials:
    """All files of one control plane's authority."""

    folder: Path
    authority: Authority

    @classmethod
    def open(cls, folder: Path) -> Credentials:
        """Make an authority with all that a control plane needs, or read the one that is there."""
        if (folder / "ca.key").exists():
            return cls(folder, Authority.load((folder / "ca.crt").read_bytes(), (folder / "ca.key").read_bytes()))
        folder.mkdir(mode=0o700, parents=True)
        credentials = cls(folder, Authority.create("kubernetes", now=datetime.now(UTC)))
        credentials._make()
        return credentials

    def _make(self) -> None:
        self._write("service-accounts.key", _signing_key())
        now = datetime.now(UTC)
        for name in ("etcd", "kube-apiserver"):
            issued = self.authority.issue_server(name, now=now, dns_names=SERVICE_NAMES, ip_addresses=ADDRESSES)
            self._write_pair(name, issued)
        for name, (user, groups) in USERS.items():
            self.issue(name, user, groups)
        self._write("ca.crt", self.authority.certificate_pem)
        self._write("ca.key", self.authority.key_pem)

    @property
    def ca(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def service_accounts(self) -> Path:
        """The key that signs tokens of service accounts."""
        return self.folder / "service-accounts.key"

    def pair(self, name: str) -> Pair:
        return Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")

    def issue(self, name: str, user: str, groups: Sequence[str]) -> Pair:
        """A certificate for a user who belongs to these groups."""
        return self._write_pair(
            name, self.authority.issue_client(user, now=datetime.now(UTC), organizations=list(groups))
        )

    def _write_pair(self, name: str, issued: Issued) -> Pair:
        pair = self.pair(name)
        self._write(pair.certificate.name, issued.certificate_pem)
        self._write(pair.key.name, issued.key_pem)
        return pair

    def _write(self, name: str, content: bytes) -> None:
        (self.folder / name).touch(mode=0o600)
        (self.folder / name).write_bytes(content)

    def write_kubeconfig(self, file: Path, pair: Pair, server: str) -> Path:
        """Write a kubeconfig that stands alone: every certificate is inside it."""
        cluster = {"server": server, "certificate-authority-data": _inline(self.ca)}
        user = {"client-certificate-data": _inline(pair.certificate), "client-key-data": _inline(pair.key)}
        name = pair.certificate.stem
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "kubernetes", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": "kubernetes", "user": name, "namespace": "default"}}],
            "current-context": name,
        }
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(config, sort_keys=False))
        return file


def _signing_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    # Kubernetes reads keys of elliptic curves in their traditional form only.
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _inline(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
