"""Amounts of resources, such as 500m or 1Gi, as numbers. Pure; its like in machinery needs pydantic, this does not."""

from __future__ import annotations

from decimal import Decimal

BINARY = {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)}
DECIMAL = {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1)}
DECIMAL |= {letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)}


def parse_quantity(text: str) -> Decimal:
    """The number of a text that is known to be a quantity."""
    for suffix in sorted((*BINARY, *DECIMAL), key=len, reverse=True):
        if suffix and text.endswith(suffix):
            return Decimal(text.removesuffix(suffix)) * (BINARY | DECIMAL)[suffix]
    return Decimal(text)
