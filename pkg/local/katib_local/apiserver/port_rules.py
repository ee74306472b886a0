"""Numbers and names of ports, and the addresses before them. Pure. Yields pairs of field and text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

from katib_local.apiserver.errors import shown

Problems = Iterator[tuple[str, str]]
LONGEST_NAME = 15
ADDRESS_WORDS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
RANGE_WORDS = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
LOCAL_MULTICAST = (ip_network("224.0.0.0/24"), ip_network("ff02::/16"))


def port_problems(path: str, port: Any) -> Problems:
    """What is wrong with a port's number."""
    if not isinstance(port, int) or not 1 <= port <= 65535:
        yield path, f"Invalid value: {port or 0}: must be between 1 and 65535, inclusive"


def port_or_name_problems(path: str, target: int | str | None) -> Problems:
    """What is wrong with a port that is said by its number or its name; a missing one is somebody else's."""
    if isinstance(target, str):
        yield from port_name_problems(path, target)
    elif target is not None:
        yield from port_problems(path, target)


def port_name_problems(path: str, name: str) -> Problems:
    """What is wrong with the name of a pod's port."""
    yield from ((path, f"Invalid value: {shown(name)}: {problem}") for problem in _name_problems(name))


def _name_problems(name: str) -> Iterator[str]:
    if len(name) > LONGEST_NAME:
        yield f"must be no more than {LONGEST_NAME} characters"
    if not re.fullmatch(r"[-a-z0-9]+", name):
        yield "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if not re.search(r"[a-z]", name):
        yield "must contain at least one letter (a-z)"
    if "--" in name:
        yield "must not contain consecutive hyphens"
    if name.startswith("-") or name.endswith("-"):
        yield "must not begin or end with a hyphen"


def is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def range_problems(path: str, text: str) -> Problems:
    """What is wrong with a range of addresses."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        yield path, f"Invalid value: {shown(text)}: {RANGE_WORDS}"


def outside_address_problems(path: str, text: str) -> Problems:
    """What is wrong with an address at which somebody from outside is to reach a service."""
    if re.search(r"(^|\.)0\d", text):
        yield path, f"Invalid value: {shown(text)}: must not have leading 0s"
        return
    if not is_address(text):
        yield path, f"Invalid value: {shown(text)}: {ADDRESS_WORDS}"
        return
    address = ip_address(text)
    zero = "0.0.0.0" if isinstance(address, IPv4Address) else "::"  # noqa: S104
    for wrong, words in (
        (address.is_unspecified, f"unspecified ({zero})"),
        (address.is_loopback, "in the loopback range (127.0.0.0/8, ::1/128)"),
        (address.is_link_local, "in the link-local range (169.254.0.0/16, fe80::/10)"),
        (
            any(address in found for found in LOCAL_MULTICAST),
            "in the link-local multicast range (224.0.0.0/24, ff02::/10)",
        ),
    ):
        if wrong:
            yield path, f"Invalid value: {shown(text)}: may not be {words}"
