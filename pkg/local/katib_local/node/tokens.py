"""Tokens of a pod's service account: written before its containers start, renewed while they run."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from katib_local.node.containers import ContainerError
from katib_local.node.host_paths import FAILED_MOUNT
from katib_local.node.reporter import Reporter
from katib_local.node.volumes import PLAIN_MODE, place_file

Json = Mapping[str, Any]
Mint = Callable[[str, float], Awaitable[str]]
"""A token for an audience (empty: the API server) and so many seconds; raises ContainerError."""
SECONDS = 3600
RENEW_AT = 0.8
"""The part of its life after which a token is renewed."""
RETRY_AFTER = 0.02
"""The part of its life after which a renewal that failed is tried again: ten times before it ends."""


@dataclass(frozen=True)
class TokenFile:
    """One projected token."""

    path: Path
    mode: int
    audience: str = ""
    seconds: float = SECONDS


def service_account(pod: Json) -> str:
    """The name of a pod's service account."""
    return str(pod["spec"].get("serviceAccountName") or pod["spec"].get("serviceAccount") or "default")


def token_files(pod: Json, folder: Path) -> list[TokenFile]:
    """The tokens in a pod's projected volumes, which are below a folder; raises ContainerError."""
    found = []
    for volume in pod["spec"].get("volumes") or []:
        projected = volume.get("projected") or {}
        mode = int(projected.get("defaultMode") or PLAIN_MODE)
        for source in projected.get("sources") or []:
            token = source.get("serviceAccountToken")
            if token:
                path = place_file(folder / volume["name"], token["path"])
                seconds = float(token.get("expirationSeconds") or SECONDS)
                found.append(TokenFile(path, mode, str(token.get("audience") or ""), seconds))
    return found


async def bring_tokens(pod: Json, folder: Path, reporter: Reporter) -> Coroutine[Any, Any, None]:
    """Write a pod's tokens and return the work of renewing them; raises ContainerError."""

    async def mint(audience: str, seconds: float) -> str:
        return await reporter.mint(pod, audience, seconds)

    files = token_files(pod, folder)
    await write_tokens(files, mint)
    return renew_tokens(files, mint, lambda message: reporter.emit(pod, "Warning", FAILED_MOUNT, message))


async def write_tokens(files: Sequence[TokenFile], mint: Mint) -> None:
    """Mint and write every token; raises ContainerError."""
    for file in files:
        _write(file, await mint(file.audience, file.seconds))


def _write(file: TokenFile, token: str) -> None:
    """Whole or not at all, since programs read it whenever they like."""
    file.path.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.path.with_name(f".{file.path.name}.new")
    temporary.write_text(token)
    temporary.chmod(file.mode)
    os.replace(temporary, file.path)


async def renew_tokens(files: Sequence[TokenFile], mint: Mint, warn: Callable[[str], None]) -> None:
    """Write new tokens before the old ones end, until cancelled; says when one could not be had, and tries again."""
    await asyncio.gather(*(_renew(file, mint, warn) for file in files))


async def _renew(file: TokenFile, mint: Mint, warn: Callable[[str], None]) -> None:
    wait = RENEW_AT
    while True:
        await asyncio.sleep(file.seconds * wait)
        try:
            await write_tokens([file], mint)
            wait = RENEW_AT
        except (ContainerError, OSError) as error:
            warn(f"the token {file.path.name} was not renewed: {error}")
            wait = RETRY_AFTER
