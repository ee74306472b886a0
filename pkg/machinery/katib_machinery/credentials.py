"""Who we are to an API server, request by request.

Knows tokens that stand still, tokens that lie in a file and are replaced there, and everything that only the
`kubernetes` package can do (exec plugins, OIDC and other providers). That package costs most of a second to import, so
it is loaded here, when such a user is met, and nowhere else: plain kubeconfigs and pods' service accounts never pay.
"""

from __future__ import annotations

import asyncio
import base64
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from katib_machinery.clock import Clock, SystemClock
from katib_machinery.transport import UnreachableError

CERTIFICATE_SECONDS = 600.0


class CredentialsError(UnreachableError):
    """The credentials that the configuration names cannot be had. The message says why."""


@dataclass(frozen=True)
class ClientCertificate:
    """Files of a certificate and its key."""

    certificate: str
    key: str


class Credentials(Protocol):
    """Obligations: `headers` is cheap; `refresh` is called once after a 401 and says whether another try makes sense."""

    async def headers(self) -> Mapping[str, str]:
        """The headers of the next request."""
        ...

    async def refresh(self, refused: Mapping[str, str]) -> bool:
        """Get new credentials in place of refused ones; False if there are no others."""
        ...

    @property
    def certificate(self) -> ClientCertificate | None:
        """A client certificate that came with the credentials (of an exec plugin)."""
        ...


@dataclass(frozen=True)
class FixedHeaders:
    """Credentials that stand still: a token in the kubeconfig, a password, or only a client certificate."""

    values: Mapping[str, str] = field(default_factory=dict)
    certificate: ClientCertificate | None = None

    async def headers(self) -> Mapping[str, str]:
        return self.values

    async def refresh(self, refused: Mapping[str, str]) -> bool:
        return False


@dataclass
class TokenFile:
    """A token in a file that somebody else replaces: a service account's lives for an hour. Read again on change."""

    path: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    certificate: ClientCertificate | None = None
    _seen: tuple[int, int, int] | None = field(default=None, init=False)
    _values: Mapping[str, str] = field(default_factory=dict, init=False)

    async def headers(self) -> Mapping[str, str]:
        return self._read()

    async def refresh(self, refused: Mapping[str, str]) -> bool:
        self._seen = None
        return dict(self._read()) != dict(refused)

    def _read(self) -> Mapping[str, str]:
        try:
            # Following the link: the kubelet swaps a link, it does not write into the file.
            state = os.stat(self.path)
            seen = (state.st_ino, state.st_mtime_ns, state.st_size)
            if seen != self._seen:
                self._values = {**self.extra, **bearer(self.path.read_text(encoding="ascii").strip())}
                self._seen = seen
        except (OSError, ValueError) as error:
            raise CredentialsError(f"cannot read the token file {self.path}: {error}") from error
        return self._values


@dataclass
class BorrowedCredentials:
    """Credentials that the `kubernetes` package gets: exec plugins, OIDC, Google.

    `config` is a kubeconfig document with one context. What has an expiry is asked for again when that is over. What a
    plugin prints without one stays until it is refused; a certificate is asked for again after a while, because an
    expired one ends in a failed handshake, which no 401 announces.
    """

    config: dict[str, Any]
    directory: str
    extra: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    certificate: ClientCertificate | None = field(default=None, init=False)
    _loader: Any = field(default=None, init=False)
    _values: Mapping[str, str] = field(default_factory=dict, init=False)
    _keep_until: float = field(default=0.0, init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def headers(self) -> Mapping[str, str]:
        async with self._lock:
            return await self._current()

    async def refresh(self, refused: Mapping[str, str]) -> bool:
        async with self._lock:
            if dict(await self._current()) != dict(refused):
                # Another request was refused too, and has refreshed already.
                return True
            before = self.certificate
            self._loader, self._keep_until = None, 0.0
            return dict(await self._current()) != dict(refused) or self.certificate != before

    async def _current(self) -> Mapping[str, str]:
        if self.clock.monotonic() >= self._keep_until:
            self._values = await self._load()
        return self._values

    async def _load(self) -> Mapping[str, str]:
        plugin = "exec" in self.config["users"][0]["user"]
        if self._loader is None or plugin:
            # A loader whose plugin fails goes on with the old token: a new one has none.
            module = importlib.import_module("kubernetes.aio.config.kube_config")
            self._loader = module.KubeConfigLoader(config_dict=self.config, config_base_path=self.directory)
        borrowed = SimpleNamespace(api_key={}, cert_file=None, key_file=None)
        try:
            await self._loader.load_and_set(borrowed)
        except Exception as error:
            raise CredentialsError(f"the kubeconfig's user cannot log in: {error}") from error
        token, files = borrowed.api_key.get("BearerToken"), (borrowed.cert_file, borrowed.key_file)
        self.certificate = ClientCertificate(*files) if all(files) else None
        if token is None and self.certificate is None:
            # The package has logged the plugin's own words.
            raise CredentialsError("the kubeconfig's user cannot log in: its plugin or provider gave no credentials")
        self._keep_until = self.clock.monotonic() + (self._life(has_token=token is not None) if plugin else 0.0)
        return {**self.extra, **({"Authorization": token} if token else {})}

    def _life(self, *, has_token: bool) -> float:
        """Seconds for which a plugin's credentials are good."""
        expires_at = getattr(self._loader, "exec_plugin_expiry", None)
        if expires_at is not None:
            return float((expires_at - self.clock.now()).total_seconds())
        return float("inf") if has_token else CERTIFICATE_SECONDS


def bearer(token: str) -> dict[str, str]:
    """The header of a token."""
    return {"Authorization": f"Bearer {token}"}


def basic(name: str, password: str) -> dict[str, str]:
    """The header of a name and a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def impersonation(user: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a user who acts as somebody else."""
    headers = {"Impersonate-User": user.get("as"), "Impersonate-Uid": user.get("as-uid")}
    return {name: str(value) for name, value in headers.items() if value}
