"""Where the API server is and how to get in: kubeconfig files and the account of a pod.

Knows the kubeconfig format. Plain configurations (certificates, keys, tokens and passwords, in files or inline) are read
here; what needs a program or a provider is left to `credentials`. It reads no environment: a program hands in its own.
"""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from katib_machinery.credentials import (
    BorrowedCredentials,
    ClientCertificate,
    Credentials,
    FixedHeaders,
    TokenFile,
    basic,
    bearer,
    impersonation,
)

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
HOME_CONFIG = Path("~/.kube/config")

Environment = Mapping[str, str]


class KubeconfigError(Exception):
    """There is no usable configuration. The message names the file and what is wrong in it."""


@dataclass(frozen=True)
class Trust:
    """How the server proves itself. Neither file nor text: the system's authorities."""

    ca_file: str | None = None
    ca_text: str | None = None
    insecure: bool = False
    server_name: str | None = None


@dataclass(frozen=True)
class Connection:
    """All that a transport needs. `namespace` is the context's own, for programs that act in one."""

    server: str
    trust: Trust = field(default_factory=Trust)
    credentials: Credentials = field(default_factory=FixedHeaders)
    certificate: ClientCertificate | None = None
    inline_certificate: tuple[bytes, bytes] | None = None
    proxy: str | None = None
    namespace: str = "default"

    def ssl_context(self) -> ssl.SSLContext | None:
        """A context with the server's authorities and our certificate; None for plain HTTP."""
        if not self.server.startswith("https:"):
            return None
        try:
            context = ssl.create_default_context(cafile=self.trust.ca_file, cadata=self.trust.ca_text)
            # Authorities made by many cluster installers lack what strict checking (on since Python 3.13) asks for.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            if self.trust.insecure:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self._load_certificate(context)
        except (OSError, ValueError) as error:
            raise KubeconfigError(f"the certificates for {self.server} cannot be used: {error}") from error
        return context

    def _load_certificate(self, context: ssl.SSLContext) -> None:
        certificate = self.credentials.certificate or self.certificate
        if certificate is not None:
            context.load_cert_chain(certificate.certificate, certificate.key)
        elif self.inline_certificate is not None:
            # OpenSSL loads certificates from files only; this one is readable by us alone, and for a moment.
            with tempfile.TemporaryDirectory() as directory:
                path = Path(directory, "pair.pem")
                path.touch(mode=0o600)
                path.write_bytes(b"\n".join(self.inline_certificate))
                context.load_cert_chain(path)


def load_connection(
    kubeconfig: str | None = None, *, context: str | None = None, environ: Environment | None = None
) -> Connection:
    """The named file's connection, else $KUBECONFIG's, else the pod's account, else ~/.kube/config."""
    environ = environ or {}
    if kubeconfig:
        return read_kubeconfig([Path(kubeconfig)], context=context, environ=environ)
    if listed := [Path(part) for part in environ.get("KUBECONFIG", "").split(":") if part]:
        return read_kubeconfig(listed, context=context, environ=environ)
    if Path(ACCOUNT, "token").is_file():
        return in_cluster(environ)
    home = HOME_CONFIG.expanduser()
    if home.is_file():
        return read_kubeconfig([home], context=context, environ=environ)
    raise KubeconfigError("no kubeconfig was named, there is none in the home directory, and this is not a pod")


def in_cluster(environ: Environment, account: Path = ACCOUNT) -> Connection:
    """The connection of a pod: the service account that is mounted into it."""
    host = environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
    port = environ.get("KUBERNETES_SERVICE_PORT", "443")
    namespace = Path(account, "namespace")
    return Connection(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        trust=Trust(ca_file=str(account / "ca.crt")),
        credentials=TokenFile(account / "token"),
        namespace=namespace.read_text().strip() if namespace.is_file() else "default",
    )


def read_kubeconfig(paths: list[Path], *, context: str | None = None, environ: Environment | None = None) -> Connection:
    """The connection of the current (or the named) context; in several files the first that names a thing wins."""
    merged = _merge(paths)
    chosen = _named(merged, "contexts", context or merged["current-context"])
    cluster = _named(merged, "clusters", chosen.get("cluster"))
    user = _named(merged, "users", chosen["user"]) if chosen.get("user") else {"@directory": cluster["@directory"]}
    server = str(cluster.get("server") or "").rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise KubeconfigError(f"{merged['@files']}: cluster {chosen.get('cluster')!r} has no server address")
    ca_file, ca_text = _file_or_text(cluster, "certificate-authority")
    return Connection(
        server=server,
        trust=Trust(ca_file, ca_text, bool(cluster.get("insecure-skip-tls-verify")), cluster.get("tls-server-name")),
        credentials=_credentials(cluster, user),
        certificate=_certificate_files(user),
        inline_certificate=_certificate_text(user),
        proxy=cluster.get("proxy-url") or _proxy_for(server, environ or {}),
        namespace=chosen.get("namespace") or "default",
    )


def _merge(paths: list[Path]) -> dict[str, Any]:
    merged: dict[str, Any] = {"contexts": {}, "clusters": {}, "users": {}, "current-context": "", "@files": ""}
    found = [path for path in paths if len(paths) == 1 or path.is_file()]
    merged["@files"] = ", ".join(str(path) for path in paths)
    for path in found:
        document = _read(path)
        merged["current-context"] = merged["current-context"] or document.get("current-context") or ""
        for section, part in (("contexts", "context"), ("clusters", "cluster"), ("users", "user")):
            for entry in document.get(section) or ():
                value = {**(entry.get(part) or {}), "@directory": str(path.parent.absolute())}
                merged[section].setdefault(entry.get("name"), value)
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(), Loader=_LOADER)  # noqa: S506 - a safe loader, in C where there is one
    except OSError as error:
        raise KubeconfigError(f"cannot read the kubeconfig {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise KubeconfigError(f"the kubeconfig {path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise KubeconfigError(f"{path} is not a kubeconfig: it should be an object with contexts, clusters and users")
    return document


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _named(merged: Mapping[str, Any], section: str, name: str | None) -> dict[str, Any]:
    entry = merged[section].get(name)
    if entry is None:
        raise KubeconfigError(f"{merged['@files']}: there is no entry {name or ''!r} under {section}")
    return entry  # type: ignore[no-any-return]


def _file_or_text(entry: Mapping[str, Any], key: str) -> tuple[str | None, str | None]:
    """A setting that is a file, relative to its kubeconfig, or inline; inline wins, as in kubectl."""
    if inline := entry.get(f"{key}-data"):
        try:
            return None, base64.b64decode(inline, validate=False).decode("ascii")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise KubeconfigError(f"{key}-data is not base64 of a PEM text: {error}") from error
    return (str(Path(entry["@directory"], entry[key])), None) if entry.get(key) else (None, None)


def _certificate_files(user: Mapping[str, Any]) -> ClientCertificate | None:
    (certificate, _), (key, _) = _file_or_text(user, "client-certificate"), _file_or_text(user, "client-key")
    return ClientCertificate(certificate, key) if certificate and key else None


def _certificate_text(user: Mapping[str, Any]) -> tuple[bytes, bytes] | None:
    """Certificate and key if at least one of them is inline."""
    texts = []
    for file, text in (_file_or_text(user, "client-certificate"), _file_or_text(user, "client-key")):
        if file is None and text is None:
            return None
        texts.append(text.encode() if text is not None else Path(str(file)).read_bytes())
    return (texts[0], texts[1])


def _credentials(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> Credentials:
    extra = impersonation(user)
    if user.get("tokenFile"):
        return TokenFile(Path(user["@directory"], user["tokenFile"]), extra)
    if user.get("token"):
        return FixedHeaders({**extra, **bearer(user["token"])})
    if user.get("exec") or user.get("auth-provider"):
        return BorrowedCredentials(_single(cluster, user), user["@directory"], extra)
    if user.get("username") and user.get("password"):
        return FixedHeaders({**extra, **basic(user["username"], user["password"])})
    return FixedHeaders(extra)


def _single(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
    """A kubeconfig with this cluster and this user only."""
    plain = {key: value for key, value in cluster.items() if key != "@directory"}
    return {
        "current-context": "only",
        "contexts": [{"name": "only", "context": {"cluster": "only", "user": "only"}}],
        "clusters": [{"name": "only", "cluster": plain}],
        "users": [{"name": "only", "user": {key: value for key, value in user.items() if key != "@directory"}}],
    }


def _proxy_for(server: str, environ: Environment) -> str | None:
    address = urlsplit(server)
    proxies = {
        name.lower().removesuffix("_proxy"): value
        for name, value in sorted(environ.items())
        if name.lower().endswith("_proxy")
    }
    proxy = proxies.get(address.scheme) or proxies.get("all")
    return proxy if proxy and not _goes_direct(address.hostname or "", proxies.get("no", "")) else None


def _goes_direct(host: str, exceptions: str) -> bool:
    """Whether NO_PROXY names the host, a domain that it is in, or everything."""
    names = [name.strip().lower().lstrip("*").lstrip(".") for name in exceptions.split(",")]
    if any(name.strip() == "*" for name in exceptions.split(",")):
        return True
    return any(name and (host == name or host.endswith(f".{name}")) for name in names)
