"""Getting in: kubeconfigs, certificates, tokens and their refresh, plugins, proxies. Real TLS on loopback."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
import json
import os
import shutil
import ssl
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from katib_machinery.credentials import BorrowedCredentials, CredentialsError, FixedHeaders, TokenFile
from katib_machinery.kube import KubeTransport, connect
from katib_machinery.kubeconfig import (
    Connection,
    KubeconfigError,
    Trust,
    in_cluster,
    load_connection,
    read_kubeconfig,
)
from katib_machinery.transport import ApiError, UnreachableError


@dataclass
class Authority:
    """A certificate authority in a directory."""

    directory: Path

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        # As the authorities of many clusters: without the extensions that strict checking asks for.
        self.certificate = self._sign(self.name, self.key, x509.BasicConstraints(True, None), None)
        self.file = self._write("ca.crt", self.certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, limits: x509.BasicConstraints, names: Any
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(limits, critical=True)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def _write(self, name: str, content: bytes) -> str:
        path = self.directory / name
        path.write_bytes(content)
        return str(path)

    def issue(self, name: str) -> tuple[str, str]:
        """Files of a certificate for a user, or for a server on loopback, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName(
            [x509.DNSName("api.test"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        certificate = self._sign(subject, key, x509.BasicConstraints(False, None), names)
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        return self._write(f"{name}.crt", pem), self._write(f"{name}.key", text)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@dataclass
class SecureServer:
    """An HTTPS server that says who called; it wants a client certificate if `ask` says so, or one of `tokens`."""

    authority: Authority
    port: int = 0
    url: str = ""
    tokens: tuple[str, ...] = ()
    calls: int = 0
    last: web.Request | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.calls += 1
        self.last = request
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens and token not in self.tokens:
            return web.json_response({"kind": "Status", "status": "Failure", "reason": "Unauthorized"}, status=401)
        assert request.transport is not None
        peer = request.transport.get_extra_info("peercert")
        name = dict(part[0] for part in peer["subject"])["commonName"] if peer else ""
        return web.json_response({"certificate": name, "token": token})


@contextlib.asynccontextmanager
async def secure(authority: Authority, *, want_certificate: bool = False) -> AsyncIterator[SecureServer]:
    server = SecureServer(authority)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.file)
    context.load_cert_chain(*authority.issue("server"))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_mode = ssl.CERT_REQUIRED if want_certificate else ssl.CERT_OPTIONAL
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    server.port = runner.addresses[0][1]
    server.url = f"https://127.0.0.1:{server.port}"
    yield server
    await runner.cleanup()


def inline(file: str) -> str:
    return base64.b64encode(Path(file).read_bytes()).decode()


def write_kubeconfig(path: Path, cluster: dict[str, Any], account: dict[str, Any] | None, **more: Any) -> Path:
    context = {"cluster": "c", **({"user": "u"} if account is not None else {}), **more}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": context}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": account}] if account is not None else None,
    }
    path.write_text(yaml.safe_dump(document))
    return path


async def who(transport: KubeTransport) -> dict[str, str]:
    return json.loads(await transport.request("GET", "/whoami"))  # type: ignore[no-any-return]


# ---- certificates


async def test_a_client_certificate_in_files_next_to_the_kubeconfig_opens_the_door(
    authority: Authority, tmp_path: Path
) -> None:
    certificate, key = authority.issue("alice")
    for file in (authority.file, certificate, key):
        shutil.copy(file, tmp_path)
    async with secure(authority, want_certificate=True) as server:
        config = write_kubeconfig(
            tmp_path / "config",
            {"server": server.url + "/", "certificate-authority": "ca.crt"},
            {"client-certificate": "alice.crt", "client-key": "alice.key"},
            namespace="team",
        )
        async with connect(str(config)) as transport:
            assert (await who(transport))["certificate"] == "alice"
            assert transport.connection.namespace == "team"


async def test_inline_certificates_open_the_door_and_leave_no_file(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = authority.issue("bob")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    async with secure(authority, want_certificate=True) as server:
        config = write_kubeconfig(
            tmp_path / "config",
            {"server": server.url, "certificate-authority-data": inline(authority.file)},
            {"client-certificate-data": inline(certificate), "client-key-data": inline(key)},
        )
        async with connect(environ={"KUBECONFIG": str(config)}) as transport:
            assert (await who(transport))["certificate"] == "bob"
    assert list(scratch.iterdir()) == []


async def test_a_certificate_inline_with_its_key_in_a_file_is_taken_too(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("carol")
    async with secure(authority, want_certificate=True) as server:
        user = {"client-certificate-data": inline(certificate), "client-key": key}
        config = write_kubeconfig(
            tmp_path / "config", {"server": server.url, "certificate-authority": authority.file}, user
        )
        async with connect(str(config)) as transport:
            assert (await who(transport))["certificate"] == "carol"


async def test_a_server_of_a_strange_authority_is_not_talked_to(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other")
    async with secure(authority) as server:
        for trust in (Trust(), Trust(ca_file=stranger.file)):
            async with KubeTransport(Connection(server.url, trust)) as transport:
                with pytest.raises(UnreachableError, match="certificate verify failed"):
                    await who(transport)
        assert server.calls == 0
        async with KubeTransport(Connection(server.url, Trust(insecure=True))) as transport:
            await who(transport)


async def test_the_name_in_the_certificate_is_checked_as_configured(authority: Authority) -> None:
    async with secure(authority) as server:
        address = f"https://localhost:{server.port}"
        async with KubeTransport(Connection(address, Trust(authority.file, server_name="api.test"))) as transport:
            await who(transport)
        async with KubeTransport(Connection(address, Trust(authority.file, server_name="wrong.test"))) as transport:
            with pytest.raises(UnreachableError):
                await who(transport)


async def test_an_unusable_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("no certificate")
    with pytest.raises(KubeconfigError, match="the certificates for https://x cannot be used"):
        Connection("https://x", Trust(ca_file=str(tmp_path / "ca.crt"))).ssl_context()


# ---- tokens


async def test_a_token_and_the_user_to_act_as_are_sent(authority: Authority, tmp_path: Path) -> None:
    async with secure(authority) as server:
        config = write_kubeconfig(
            tmp_path / "config",
            {"server": server.url, "certificate-authority": authority.file},
            {"token": "secret", "as": "somebody"},
        )
        async with connect(str(config)) as transport:
            assert (await who(transport))["token"] == "secret"
        assert server.last is not None
        assert server.last.headers["Impersonate-User"] == "somebody"
        assert server.last.headers["User-Agent"].startswith("katib/")


async def test_a_password_is_sent(tmp_path: Path) -> None:
    config = write_kubeconfig(tmp_path / "c", {"server": "https://x"}, {"username": "u", "password": "p"})
    headers = await read_kubeconfig([config]).credentials.headers()
    assert headers == {"Authorization": "Basic " + base64.b64encode(b"u:p").decode()}


async def test_a_token_file_is_read_again_when_it_was_replaced(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    async with secure(authority) as server:
        config = write_kubeconfig(
            tmp_path / "config",
            {"server": server.url, "certificate-authority": authority.file},
            {"tokenFile": "token"},
        )
        async with connect(str(config)) as transport:
            assert (await who(transport))["token"] == "first"
            (tmp_path / "new").write_text("second\n")
            os.replace(tmp_path / "new", tmp_path / "token")
            assert (await who(transport))["token"] == "second"


async def test_a_refused_token_is_refreshed_and_the_request_sent_once_more(
    authority: Authority, tmp_path: Path
) -> None:
    """The file changed in place, with the same size and time: only the 401 shows that it is a new one."""
    path = tmp_path / "token"
    path.write_text("old-token")
    credentials = TokenFile(path)
    async with secure(authority) as server:
        connection = Connection(server.url, Trust(authority.file), credentials)
        async with KubeTransport(connection) as transport:
            await who(transport)
            state = path.stat()
            path.write_text("new-token")
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
            server.tokens, server.calls = ("new-token",), 0
            assert (await who(transport))["token"] == "new-token"
            assert server.calls == 2


async def test_a_token_that_stays_refused_is_not_sent_again_and_again(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("wrong")
    async with secure(authority) as server:
        server.tokens = ("right",)
        for credentials in (TokenFile(tmp_path / "token"), FixedHeaders({"Authorization": "Bearer wrong"})):
            server.calls = 0
            async with KubeTransport(Connection(server.url, Trust(authority.file), credentials)) as transport:
                with pytest.raises(ApiError) as caught:
                    await who(transport)
            assert caught.value.code == 401 and server.calls == 1


async def test_a_missing_token_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match=r"cannot read the token file .*gone"):
        await TokenFile(tmp_path / "gone").headers()


async def test_a_pod_uses_the_account_that_is_mounted_into_it(authority: Authority, tmp_path: Path) -> None:
    shutil.copy(authority.file, tmp_path)
    (tmp_path / "token").write_text("pod-token")
    (tmp_path / "namespace").write_text("kubeflow\n")
    async with secure(authority) as server:
        environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.port)}
        connection = in_cluster(environ, tmp_path)
        assert connection.namespace == "kubeflow"
        async with KubeTransport(connection) as transport:
            assert (await who(transport))["token"] == "pod-token"
    assert in_cluster({"KUBERNETES_SERVICE_HOST": "fd00::1"}, tmp_path).server == "https://[fd00::1]:443"
    assert in_cluster({}, tmp_path).server == "https://kubernetes.default.svc:443"


# ---- plugins


def plugin(path: Path, body: str) -> dict[str, Any]:
    """A program that prints credentials, and the kubeconfig user that names it."""
    path.write_text(f"#!{sys.executable}\nimport json, os, pathlib, sys\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path), "args": ["login"]}}


PRINT = 'print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": %s}))'


async def test_a_plugins_token_is_kept_and_asked_for_again_when_it_is_refused(
    authority: Authority, tmp_path: Path
) -> None:
    body = (
        f"count = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "turn = int(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text(str(turn))\n"
        'assert sys.argv[1:] == ["login"]\n'
        + PRINT % '{"token": f"token-{turn}", "expirationTimestamp": "2099-01-01T00:00:00Z"}'
    )
    async with secure(authority) as server:
        config = write_kubeconfig(
            tmp_path / "config",
            {"server": server.url, "certificate-authority": authority.file},
            plugin(tmp_path / "plugin", body),
        )
        async with connect(str(config)) as transport:
            assert (await who(transport))["token"] == "token-1"
            assert (await who(transport))["token"] == "token-1"
            server.tokens, server.calls = ("token-2",), 0
            answers = await asyncio.gather(*(who(transport) for _ in range(5)))
            # Five requests were refused; the plugin ran once for all of them.
            assert {answer["token"] for answer in answers} == {"token-2"}
            assert (tmp_path / "count").read_text() == "2"


async def test_an_expired_plugin_token_is_replaced_before_it_is_used(tmp_path: Path) -> None:
    body = (
        f"count = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "turn = int(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text(str(turn))\n" + PRINT % '{"token": f"t{turn}", "expirationTimestamp": "2020-01-01T00:00:00Z"}'
    )
    config = write_kubeconfig(tmp_path / "config", {"server": "https://x"}, plugin(tmp_path / "plugin", body))
    credentials = read_kubeconfig([config]).credentials
    assert isinstance(credentials, BorrowedCredentials)
    assert await credentials.headers() == {"Authorization": "Bearer t1"}
    assert await credentials.headers() == {"Authorization": "Bearer t2"}


async def test_a_plugins_token_without_an_expiry_is_kept_until_it_is_refused(tmp_path: Path) -> None:
    body = (
        f"count = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "turn = int(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text(str(turn))\n" + PRINT % '{"token": f"t{turn}"}'
    )
    config = write_kubeconfig(tmp_path / "config", {"server": "https://x"}, plugin(tmp_path / "plugin", body))
    credentials = read_kubeconfig([config]).credentials
    first = await credentials.headers()
    assert first == await credentials.headers() == {"Authorization": "Bearer t1"}
    assert await credentials.refresh(first) and await credentials.headers() == {"Authorization": "Bearer t2"}
    # A request that was sent with the first token, and refused late, costs no further login.
    assert await credentials.refresh(first) and await credentials.headers() == {"Authorization": "Bearer t2"}


async def test_a_plugins_certificate_is_used_and_a_new_one_replaces_it(authority: Authority, tmp_path: Path) -> None:
    pairs = [authority.issue("dave-1"), authority.issue("dave-2")]
    body = (
        f"count = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "turn = int(count.read_text()) if count.exists() else 0\n"
        f"certificate, key = {pairs!r}[turn]\n"
        "status = {'clientCertificateData': open(certificate).read(), 'clientKeyData': open(key).read()}\n"
        + PRINT % "status"
    )
    async with secure(authority, want_certificate=True) as server:
        config = write_kubeconfig(
            tmp_path / "config",
            {"server": server.url, "certificate-authority": authority.file},
            plugin(tmp_path / "plugin", body),
        )
        async with connect(str(config)) as transport:
            assert (await who(transport))["certificate"] == "dave-1"
            (tmp_path / "count").write_text("1")
            assert await transport.connection.credentials.refresh({})
            assert (await who(transport))["certificate"] == "dave-2"


@pytest.mark.parametrize("body", ["sys.exit('no login here')", "print('no JSON')", PRINT % "{}"])
async def test_a_plugin_without_credentials_is_an_error_that_says_so(tmp_path: Path, body: str) -> None:
    config = write_kubeconfig(tmp_path / "config", {"server": "https://x"}, plugin(tmp_path / "plugin", body))
    with pytest.raises(CredentialsError, match="cannot log in"):
        await read_kubeconfig([config]).credentials.headers()


def test_a_plain_kubeconfig_never_imports_the_kubernetes_package(tmp_path: Path) -> None:
    config = write_kubeconfig(tmp_path / "config", {"server": "https://127.0.0.1:1"}, {"token": "t"})
    code = (
        "import asyncio, sys\nfrom katib_machinery.kube import connect\n"
        "async def main():\n"
        f"    async with connect({str(config)!r}) as transport:\n"
        "        await transport.connection.credentials.headers()\n"
        "asyncio.run(main())\nprint('kubernetes' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# ---- choosing and reading a kubeconfig


def test_of_several_kubeconfigs_the_first_that_names_a_thing_wins(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    first = write_kubeconfig(tmp_path / "a" / "one", {"server": "https://one"}, {"tokenFile": "t"})
    second = write_kubeconfig(tmp_path / "two", {"server": "https://two"}, {"token": "two"})
    document = yaml.safe_load(second.read_text())
    document["contexts"].append({"name": "there", "context": {"cluster": "d"}})
    document["clusters"].append({"name": "d", "cluster": {"server": "https://four"}})
    second.write_text(yaml.safe_dump(document))
    listed = {"KUBECONFIG": f"{first}:{tmp_path / 'missing'}:{second}"}
    chosen = load_connection(environ=listed)
    assert chosen.server == "https://one" and isinstance(chosen.credentials, TokenFile)
    assert chosen.credentials.path == tmp_path / "a" / "t"
    assert load_connection(context="there", environ=listed).server == "https://four"
    assert load_connection(str(second), environ=listed).server == "https://two"


def test_the_home_directorys_kubeconfig_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("katib_machinery.kubeconfig.ACCOUNT", tmp_path / "account")
    monkeypatch.setattr("katib_machinery.kubeconfig.HOME_CONFIG", tmp_path / "config")
    with pytest.raises(KubeconfigError, match="no kubeconfig was named"):
        load_connection()
    write_kubeconfig(tmp_path / "config", {"server": "https://home"}, None)
    assert load_connection().server == "https://home"
    (tmp_path / "account").mkdir()
    (tmp_path / "account" / "token").write_text("t")
    assert load_connection().server == "https://kubernetes.default.svc:443"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "cannot read the kubeconfig .*config: No such file"),
        (lambda path: path.write_text("a: [b"), "the kubeconfig .*config is not YAML: .*line 1"),
        (lambda path: path.write_text("[]"), "config is not a kubeconfig"),
        (lambda path: path.write_text("{}"), "there is no entry '' under contexts"),
        (lambda path: write_kubeconfig(path, {}, {}), "cluster 'c' has no server address"),
        (lambda path: write_kubeconfig(path, {"server": "127.0.0.1:6443"}, {}), "cluster 'c' has no server address"),
        (lambda path: write_kubeconfig(path, {"server": "https://x"}, {}, user="v"), "no entry 'v' under users"),
        (
            lambda path: write_kubeconfig(path, {"server": "https://x", "certificate-authority-data": "%%%a"}, {}),
            "certificate-authority-data is not base64",
        ),
    ],
)
def test_a_wrong_kubeconfig_is_named_with_what_is_wrong(
    tmp_path: Path, spoil: Callable[[Path], Any], message: str
) -> None:
    config = write_kubeconfig(tmp_path / "config", {"server": "https://x"}, {})
    spoil(config)
    with pytest.raises(KubeconfigError, match=message):
        load_connection(str(config))


# ---- proxies


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ({"https_proxy": "http://p:1", "no_proxy": "other.org"}, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "other.org, .example.org"}, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, None),
        ({"HTTP_PROXY": "http://p:1"}, None),
        ({"ALL_PROXY": "http://p:1"}, "http://p:1"),
    ],
)
def test_the_environments_proxy_is_used_unless_it_is_excepted(
    tmp_path: Path, environ: dict[str, str], proxy: str | None
) -> None:
    config = write_kubeconfig(tmp_path / "config", {"server": "https://api.example.org"}, {})
    assert load_connection(str(config), environ=environ).proxy == proxy


async def test_requests_go_through_the_kubeconfigs_proxy(authority: Authority, tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split(b"\r\n")[0])
        host, _, port = head.split(b" ")[1].partition(b":")
        far_reader, far_writer = await asyncio.open_connection(host.decode(), int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                while data := await source.read(65536):
                    sink.write(data)
                sink.close()

        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    proxy = await asyncio.start_server(tunnel, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    async with secure(authority) as server:
        config = write_kubeconfig(
            tmp_path / "config",
            {"server": server.url, "certificate-authority": authority.file, "proxy-url": f"http://127.0.0.1:{port}"},
            {"token": "t"},
        )
        async with connect(str(config)) as transport:
            assert (await who(transport))["token"] == "t"
        assert asked == [f"CONNECT 127.0.0.1:{server.port} HTTP/1.1".encode()]
    proxy.close()


# ---- requests and streams


async def test_a_refusal_carries_what_the_status_says(server: Any, transport: KubeTransport) -> None:
    server.on("GET /a", server.refuse(409, "AlreadyExists", "there is one", kind="jobs"))
    with pytest.raises(ApiError) as caught:
        await transport.request("GET", "/a")
    error = caught.value
    assert (error.code, error.reason, error.message, error.details) == (
        409,
        "AlreadyExists",
        "there is one",
        {"kind": "jobs"},
    )
    assert error.already_exists and not error.conflict and str(error) == "there is one (409 AlreadyExists)"


async def test_a_refusal_that_is_no_status_is_shown_shortened(server: Any, transport: KubeTransport) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(status=503, text="<html>" + "busy " * 100, headers={"Retry-After": "7"})

    server.on("GET /a", page)
    with pytest.raises(ApiError) as caught:
        await transport.request("GET", "/a")
    assert caught.value.code == 503 and len(caught.value.message) <= 200 and caught.value.retry_after == 7


async def test_a_redirect_is_not_followed(server: Any, transport: KubeTransport) -> None:
    async def away(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    server.on("GET /a", away)
    await transport.request("GET", "/a")
    assert [seen.path for seen in server.requests] == ["/a"]


async def test_parameters_and_bodies_arrive_as_they_were_given(server: Any, transport: KubeTransport) -> None:
    server.on("PATCH /a", server.json({}))
    await transport.request(
        "PATCH", "/a", params={"labelSelector": "a=b,c in (d)"}, body=b'{"x": "\xc3\xa4"}', content_type="application/x"
    )
    (seen,) = server.requests
    assert seen.query == {"labelSelector": "a=b,c in (d)"} and seen.body == {"x": "ä"}
    assert seen.headers["Content-Type"] == "application/x" and seen.headers["Accept"] == "application/json"


async def test_a_stream_yields_whole_lines_of_any_length(server: Any, transport: KubeTransport) -> None:
    lines = [b"short", b"x" * 3_000_000, "ümlaut".encode(), b"last without an end"]

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(lines[0] + b"\n\n" + lines[1][:10])
        await response.write(lines[1][10:] + b"\n" + lines[2][:1])
        await response.write(lines[2][1:] + b"\n" + lines[3])
        return response

    server.on("GET /a", stream)
    assert [line async for line in transport.stream("/a")] == lines


async def test_a_stream_that_breaks_off_is_an_unreachable_server(server: Any, transport: KubeTransport) -> None:
    server.on("WATCH /a", server.events(("ADDED", {}), then="reset"))
    received = []
    with pytest.raises(UnreachableError):
        async for line in transport.stream("/a", params={"watch": "true", "timeoutSeconds": "5"}):
            received.append(line)
    assert len(received) == 1


async def test_a_stream_that_is_refused_says_so(server: Any, transport: KubeTransport) -> None:
    with pytest.raises(ApiError) as caught:
        async for _ in transport.stream("/nothing"):
            pass
    assert caught.value.not_found


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    async with KubeTransport(Connection("http://127.0.0.1:1")) as transport:
        with pytest.raises(UnreachableError, match=r"http://127\.0\.0\.1:1: "):
            await transport.request("GET", "/")


async def test_only_so_many_requests_are_under_way_at_a_time_but_streams_do_not_count(server: Any, wait: Any) -> None:
    gate = asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        await gate.wait()
        return web.json_response({})

    server.on("GET /slow", slow)
    server.on("WATCH /w", server.events(("ADDED", {})))
    async with KubeTransport(Connection(server.url), connections=2) as transport:
        watch = transport.stream("/w", params={"watch": "true"})
        await anext(watch)
        requests = [asyncio.ensure_future(transport.request("GET", "/slow")) for _ in range(5)]
        await wait(lambda: len(server.seen("GET /slow")) == 2)
        await anext(transport.stream("/w", params={"watch": "true"}))
        assert len(server.seen("GET /slow")) == 2
        gate.set()
        await asyncio.gather(*requests)
        await watch.aclose()  # type: ignore[attr-defined]


def test_a_connection_over_plain_http_needs_no_certificates() -> None:
    assert replace(Connection("http://x")).ssl_context() is None
