"""Kubernetes protobuf of the few kinds that kubectl generates: read whole or refused, whatever the bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_local.apiserver.wire import PREFIX, WireError, parse_protobuf


def field(number: int, value: bytes | int) -> bytes:
    """A field of fewer than 128 bytes."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def an_object(kind: str, message: bytes) -> bytes:
    return PREFIX + field(1, field(1, b"v1") + field(2, kind.encode())) + field(2, message)


def test_a_config_map_is_read() -> None:
    metadata = field(1, b"m") + field(2, b"") + field(8, b"") + field(11, field(1, b"a") + field(2, b"b"))
    body = an_object("ConfigMap", field(1, metadata) + field(2, field(1, b"k") + field(2, b"v")) + field(4, 0))
    assert parse_protobuf(body) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "m", "labels": {"a": "b"}},
        "data": {"k": "v"},
        "immutable": False,
    }


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{}", "does not begin"),
        (an_object("Pizza", b""), "Pizza as protobuf is not known here"),
        (an_object("ConfigMap", field(9, b"new")), "field 9 of ConfigMap is not known here"),
        (an_object("ConfigMap", field(1, b"x")[:-1]), "in the middle"),
        (an_object("ConfigMap", field(1, 3)), "a number stands"),
    ],
)
def test_what_cannot_be_read_whole_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        parse_protobuf(body)


@given(st.sampled_from(["ConfigMap", "Deployment", "Job"]), st.binary(max_size=100))
def test_no_bytes_are_too_odd(kind: str, message: bytes) -> None:
    try:
        assert parse_protobuf(an_object(kind, message))["kind"] == kind
    except ValueError:
        return
