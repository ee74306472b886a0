"""The scalar types that the models need beside those of the machinery. Knows how JSON writes numbers."""

import math
from typing import Annotated, Any

from pydantic import BeforeValidator


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("should be a number")
    if not math.isfinite(value):
        raise ValueError("should be a finite number")
    return value


Number = Annotated[int | float, BeforeValidator(_number)]
"""A number that is written back as it was read: a goal of 1 does not become 1.0. One refusal, at the field's own path."""
