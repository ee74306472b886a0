"""The formats that schemas of custom kinds can ask texts for, as far as kube-apiserver checks them. Pure."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime

BOUNDS = {"int32": 2**31, "int64": 2**63}
_UUID = re.compile(r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}")
_DURATION = re.compile(r"[+-]?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h|d|w))+")
_LABEL = r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_EMAIL = re.compile(rf"[^\s@<>]+@{_LABEL}(\.{_LABEL})*")
_MAC = re.compile(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5,7}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+|/\S*")


def _date_time(text: str) -> None:
    if not re.match(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d", text) or datetime.fromisoformat(text).tzinfo is None:
        raise ValueError


def _like(pattern: re.Pattern[str]) -> Callable[[str], None]:
    def check(text: str) -> None:
        if not pattern.fullmatch(text):
            raise ValueError

    return check


def _bytes(text: str) -> None:
    base64.b64decode(text, validate=True)


CHECKS: dict[str, Callable[[str], object]] = {
    "byte": _bytes,
    "cidr": lambda text: ipaddress.ip_network(text, strict=False) if "/" in text else ipaddress.ip_network(""),
    "date": date.fromisoformat,
    "date-time": _date_time,
    "datetime": _date_time,
    "duration": _like(_DURATION),
    "email": _like(_EMAIL),
    "hostname": _like(_HOST),
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "mac": _like(_MAC),
    "uri": _like(_URI),
    "uuid": _like(_UUID),
}


UNCHECKED = "bsonobjectid creditcard hexcolor isbn isbn10 isbn13 k8slongname k8sshortname password rgbcolor ssn"
RECOGNIZED: dict[str, frozenset[str]] = {
    "string": frozenset(
        [*(name.replace("-", "") for name in CHECKS), *UNCHECKED.split(), "uuid3", "uuid4", "uuid5"],
    ),
    "integer": frozenset(BOUNDS),
    "number": frozenset(("double", "float")),
}
"""What a schema may name without a warning; hyphens do not count."""


def has_format(text: str, name: str) -> bool:
    """Whether a text is of a format; of one that is not checked, every text is."""
    try:
        CHECKS.get(name, len)(text)
    except ValueError:
        return False
    return True
