"""How a metric's text becomes a number.

The syntax is that of controllers.md §2.1. Values that are no finite number cannot be compared and never count as one
(CTL-22).
"""

import math
import re
from typing import Final

_DECIMAL: Final = re.compile(
    r"[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?", re.ASCII
)
_HEXADECIMAL: Final = re.compile(
    r"[+-]?0[xX]_?(?:[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*\.?[0-9a-fA-F_]*|\.[0-9a-fA-F]+)[pP][+-]?\d+", re.ASCII
)
_NOT_FINITE: Final = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE | re.ASCII)


def parse_number(text: str) -> float | None:
    """Return the finite number that ``text`` writes, without blanks around it; None for anything else."""
    try:
        if _DECIMAL.fullmatch(text):
            number = float(text)
        elif _HEXADECIMAL.fullmatch(text):
            number = float.fromhex(text.replace("_", ""))
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def is_not_finite(text: str) -> bool:
    """Whether ``text`` spells infinity or "not a number"."""
    return _NOT_FINITE.fullmatch(text) is not None
