"""Certificates that strict verifiers accept."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from katib_certgenerator.authority import Authority, Issued

NOW = datetime.now(UTC)


def write(folder: Path, name: str, issued: Issued) -> tuple[Path, Path]:
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    certificate.write_bytes(issued.certificate_pem)
    key.write_bytes(issued.key_pem)
    return certificate, key


def client_context(authority: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.certificate_pem.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


async def greet(server: ssl.SSLContext, client: ssl.SSLContext) -> bytes:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        try:
            return await reader.read()
        finally:
            writer.close()


async def test_a_strict_client_trusts_a_server_of_its_authority(tmp_path: Path) -> None:
    authority = Authority.create("katib-ca", now=NOW)
    issued = authority.issue_server("localhost", now=NOW, dns_names=["localhost"], ip_addresses=["127.0.0.1"])
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(*write(tmp_path, "server", issued))
    assert await greet(server, client_context(authority)) == b"hello"


async def test_a_client_refuses_a_server_of_another_authority(tmp_path: Path) -> None:
    issued = Authority.create("other", now=NOW).issue_server("localhost", now=NOW, ip_addresses=["127.0.0.1"])
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(*write(tmp_path, "server", issued))
    with pytest.raises(ssl.SSLCertVerificationError):
        await greet(server, client_context(Authority.create("katib-ca", now=NOW)))


async def test_a_server_learns_the_name_and_groups_of_its_client(tmp_path: Path) -> None:
    authority = Authority.create("katib-ca", now=NOW)
    loaded = Authority.load(authority.certificate_pem, authority.key_pem)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.certificate_pem.decode())
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_cert_chain(*write(tmp_path, "server", loaded.issue_server("s", now=NOW, ip_addresses=["127.0.0.1"])))
    client = client_context(authority)
    client.load_cert_chain(
        *write(tmp_path, "client", loaded.issue_client("admin", now=NOW, organizations=["system:masters"]))
    )
    assert await greet(server, client) == b"hello"


def test_an_authority_is_valid_for_ten_years_and_two_never_share_a_serial() -> None:
    first, second = Authority.create("a", now=NOW), Authority.create("a", now=NOW)
    assert first.certificate.not_valid_after_utc - NOW > timedelta(days=3649)
    assert first.certificate.serial_number != second.certificate.serial_number


def test_a_key_of_another_kind_is_refused() -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with pytest.raises(ValueError, match="elliptic-curve"):
        Authority.load(Authority.create("a", now=NOW).certificate_pem, pem)
