"""ConfigMaps and Secrets that stand beside an Experiment in its file: they come with it, or not at all.

Speaks only the Kubernetes API. Must not know what the Experiment is.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from katib_local import bootstrap
from katib_local.documents import Document, InputError, RefusedError
from katib_local.refusals import refused_companion
from katib_machinery.transport import ApiError, Transport

REFUSALS = (400, 403, 404, 422)
Held = dict[str, Any] | None


@contextlib.asynccontextmanager
async def brought(transport: Transport, companions: Sequence[Document]) -> AsyncIterator[None]:
    """Create or replace the objects before the block; when anything is refused, they are again as they were.

    An Experiment's template may lie in one of them, so that it cannot be asked about before they are there.
    """
    before: list[tuple[Document, Held]] = []
    try:
        for companion in companions:
            before.append((companion, await _bring(transport, companion)))
        yield
    except (ApiError, InputError):
        for companion, held in reversed(before):
            with contextlib.suppress(ApiError, OSError):
                await _put_back(transport, companion, held)
        raise


async def _bring(transport: Transport, companion: Document) -> Held:
    """Bring one object; returns what was there before. Raises RefusedError when it is refused."""
    try:
        held = await _find(transport, companion)
        await bootstrap.apply(transport, dict(companion.value))
    except ApiError as error:
        if error.code in REFUSALS:
            raise RefusedError(refused_companion(companion, error.message)) from error
        raise
    return held


async def _find(transport: Transport, companion: Document) -> Held:
    try:
        held: dict[str, Any] = json.loads(await transport.request("GET", bootstrap.object_path(companion.value)))
    except ApiError as error:
        if error.not_found:
            return None
        raise
    return held


async def _put_back(transport: Transport, companion: Document, held: Held) -> None:
    path = bootstrap.object_path(companion.value)
    if held is None:
        await transport.request("DELETE", path)
        return
    current = json.loads(await transport.request("GET", path))
    held["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"]
    await transport.request("PUT", path, body=json.dumps(held).encode())
