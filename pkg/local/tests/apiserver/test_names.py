"""Generated names: the dice are thrown again for a name that somebody has, and not for ever."""

from __future__ import annotations

import pytest

from katib_local.apiserver.metadata import generated_name


@pytest.mark.parametrize(("taken", "thrown"), [(0, 1), (3, 4), (7, 8), (100, 8)])
def test_a_name_is_generated_until_nobody_has_it_and_at_most_eight_times(taken: int, thrown: int) -> None:
    seen: list[str] = []

    def is_taken(name: str) -> bool:
        seen.append(name)
        return len(seen) <= taken

    assert generated_name("a-", is_taken) == seen[-1]
    assert len(seen) == thrown and all(name.startswith("a-") and len(name) == 7 for name in seen)
