"""A printed cure works when it is pasted."""

from __future__ import annotations

from pathlib import Path

import pytest

from katib_local.__main__ import parse
from katib_local.caller import Caller


def test_a_command_repeats_the_state_directory_that_was_named_in_quotes_that_a_shell_takes_away() -> None:
    assert Caller().command("up") == "`katib up`"
    assert Caller(Path("my dir")).command("run", "a.yaml") == "`katib run a.yaml '--state-dir=my dir'`"


@pytest.mark.parametrize("words", [[], ["--state-dir=/var/lib/katib"]])
def test_a_state_directory_that_is_the_default_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("KATIB_STATE_DIR", "/var/lib/katib")
    assert parse(["status", *words]).caller == Caller()
    assert parse(["status", "--state-dir=/tmp/one"]).caller == Caller(Path("/tmp/one"))
