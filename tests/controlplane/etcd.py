"""Requests to etcd's key-value service in protobuf, as far as tests need them: three messages by hand. Pure."""

from __future__ import annotations

from collections.abc import Iterable

MOST_PUTS = 128
"""etcd takes no more in one transaction."""


def compaction(version: int) -> bytes:
    """A CompactionRequest: `revision` is field 1; `physical`, field 2, has it done on return."""
    return b"\x08" + _number(version) + b"\x10\x01"


def puts(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """A TxnRequest without conditions: `success` is field 2, each a RequestOp whose field 2 is a PutRequest."""
    requests = (_field(1, key.encode()) + _field(2, value) for key, value in entries)
    return b"".join(_field(2, _field(2, request)) for request in requests)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _number(len(content)) + content


def _number(value: int) -> bytes:
    low = b""
    while value > 0x7F:
        low, value = low + bytes([value & 0x7F | 0x80]), value >> 7
    return low + bytes([value])
