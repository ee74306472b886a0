"""Quantities of resources in the one form in which Kubernetes keeps and shows each: `0.5` is `500m`, `1024Mi` is `1Gi`. Pure.

Source: `k8s.io/apimachinery/pkg/api/resource`, what its package comment promises and how the server answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

FORM = re.compile(r"(?=[+-]?\.?[0-9])([+-]?)0*([0-9]*)(?:\.([0-9]*))?(?:([numkMGTPE])|([KMGTPE])i|([eE][+-]?[0-9]+))?")
DECIMAL: Mapping[str, int] = {text: 3 * (index - 3) for index, text in enumerate(("n", "u", "m", "", *"kMGTPE"))}
BINARY = {text: index + 1 for index, text in enumerate("KMGTPE")}
SUFFIXES: Mapping[int, str] = {power: text for text, power in DECIMAL.items()}
BINARY_SUFFIXES = {power: f"{text}i" for text, power in BINARY.items()}
MOST = 2**63 - 1
SMALLEST = -9
"""The power of ten below which all is rounded up: what is asked for, however small, is not nothing."""
MOST_DIGITS = 18
"""More of them are no number of 64 bits; fewer are kept as they were written, where that is one of the right forms."""


@lru_cache(maxsize=4096)
def canonical_quantity(text: str) -> str:
    """The form of a quantity, as a number or with its suffix; ValueError for a text that is none."""
    match = FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} should be a quantity such as 500m, 2 or 1Gi")
    sign, whole, part, decimal, binary, exponent = match.groups("")
    whole = whole or "0"
    if binary:
        shown = _binary(text, whole, part, BINARY[binary])
    else:
        power = int(exponent[1:]) if exponent else DECIMAL[decimal]
        shown = _decimal(text, whole + part, power - len(part), exponent=bool(exponent))
    return f"-{shown}" if sign == "-" and shown not in ("0", text) else shown


def _decimal(text: str, digits: str, power: int, *, exponent: bool) -> str:
    short = len(digits) <= MOST_DIGITS and power >= SMALLEST
    if short and power % 3 == 0 and digits[0] != "0" and not digits.endswith("000"):
        return text
    return _in_thousands(*_rounded(int(digits), power), exponent=exponent)


def _rounded(number: int, power: int) -> tuple[int, int]:
    if power >= SMALLEST:
        return number, power
    less = SMALLEST - power
    tens: int = 10 ** min(less, len(str(number)))
    return -(-number // tens), SMALLEST


def _in_thousands(number: int, power: int, *, exponent: bool) -> str:
    """A number times a power of ten with the largest suffix that leaves it whole."""
    if not number:
        return "0"
    digits = str(number)
    short = digits.rstrip("0")
    power += len(digits) - len(short)
    short += "0" * (power % 3)
    power -= power % 3
    if exponent:
        return f"{short}e{power}" if power else short
    return short + SUFFIXES.get(power, "")


def _binary(text: str, whole: str, part: str, power: int) -> str:
    size = 1024**power
    if not part and len(whole) + 3 * power < 15 and int(whole) % 8:
        return text
    number, power_of_ten = _rounded(int(whole + part) * size, -len(part))
    nanos: int = min(number * 10 ** (power_of_ten - SMALLEST), MOST * 10**-SMALLEST)
    amount, rest = divmod(nanos, 10**-SMALLEST)
    if rest or amount < 1024:
        return _in_thousands(nanos, SMALLEST, exponent=False)
    times = 0
    while amount % 1024 == 0:
        amount, times = amount // 1024, times + 1
    return f"{amount}{BINARY_SUFFIXES.get(times, '')}"
