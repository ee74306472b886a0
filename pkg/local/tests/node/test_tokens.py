"""Tokens in a pod's volumes: as many as it names, for whom it names, and new ones before the old ones end."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from katib_local.node.containers import ContainerError
from katib_local.node.tokens import TokenFile, renew_tokens, service_account, token_files, write_tokens

Json = dict[str, Any]


def a_pod(*tokens: Json, **spec: Any) -> Json:
    sources = [{"serviceAccountToken": token} for token in tokens]
    volume = {"name": "v", "projected": {"defaultMode": 0o600, "sources": [{"configMap": {"name": "m"}}, *sources]}}
    return {"metadata": {"name": "p"}, "spec": {"volumes": [{"name": "w", "emptyDir": {}}, volume], **spec}}


class Mint:
    """Gives out numbered tokens, until it has given so many; `fails` are the numbers of those it refuses."""

    def __init__(self, enough: int = 0, fails: tuple[int, ...] = ()) -> None:
        self.asked: list[tuple[str, float]] = []
        self.fails = fails
        self.enough = enough
        self.done = asyncio.Event()

    async def __call__(self, audience: str, seconds: float) -> str:
        self.asked.append((audience, seconds))
        number = len(self.asked)
        if number == self.enough:
            self.done.set()
        if number in self.fails:
            raise ContainerError("FailedMount", "the server is away")
        return f"token {number}"


async def test_each_token_is_written_where_its_pod_wants_it(tmp_path: Path) -> None:
    files = token_files(
        a_pod({"path": "a"}, {"path": "deep/b", "audience": "vault", "expirationSeconds": 600}), tmp_path
    )
    mint = Mint()
    await write_tokens(files, mint)
    assert mint.asked == [("", 3600), ("vault", 600)]
    found = {str(file.path.relative_to(tmp_path)): file.path for file in files}
    assert {name: path.read_text() for name, path in found.items()} == {"v/a": "token 1", "v/deep/b": "token 2"}
    assert [path.stat().st_mode & 0o777 for path in found.values()] == [0o600, 0o600]


def test_a_token_cannot_leave_its_volume(tmp_path: Path) -> None:
    with pytest.raises(ContainerError, match="leaves its volume"):
        token_files(a_pod({"path": "../token"}), tmp_path)


@pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
def test_a_pod_that_names_no_service_account_has_the_default_one(field: str) -> None:
    assert service_account(a_pod()) == "default"
    assert service_account(a_pod(**{field: "tuner"})) == "tuner"


async def test_tokens_are_renewed_and_a_renewal_that_failed_is_told_and_tried_again(tmp_path: Path) -> None:
    file, mint, told = TokenFile(tmp_path / "token", 0o600, seconds=0.01), Mint(enough=4, fails=(2,)), list[str]()
    renewing = asyncio.ensure_future(renew_tokens([file], mint, told.append))
    await asyncio.wait_for(mint.done.wait(), 30)
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)
    assert file.path.read_text() in ("token 3", "token 4")
    assert told == ["the token token was not renewed: the server is away"]
    assert os.listdir(tmp_path) == ["token"]
