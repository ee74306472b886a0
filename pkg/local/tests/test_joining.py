"""Who finds that a laptop runs already waits for it."""

from __future__ import annotations

from pathlib import Path

from katib_local.commands import Arguments, join
from katib_local.state import open_state


def test_a_laptop_that_is_on_its_way_out_is_not_joined(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    assert join(state, Arguments("run", state.path)) is False
