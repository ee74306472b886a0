"""Which names the new objects of an owner cannot have. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """What is remembered of one owner, and who has a name.

    `gone` counts what it had and has no more, `passed` how often the server said that a new name is another's. Both begin
    at zero when the controller starts.
    """

    gone: int = 0
    passed: int = 0
    is_taken: Callable[[str], bool] = lambda name: False


NONE_USED = Names()
