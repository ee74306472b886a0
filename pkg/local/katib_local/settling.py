"""What goes with a removed Experiment: its Trials are removed in the background, after the command has its answer.

Speaks only the Kubernetes API. Must not know how the laptop is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from katib_apis.v1beta1.resources import EXPERIMENTS, TRIALS
from katib_machinery.objects import Resource
from katib_machinery.transport import Transport

GONE_WITHIN, LOOK_EVERY = 20.0, 0.1
Json = Mapping[str, Any]


async def settle(transport: Transport) -> bool:
    """Wait until no Trial is about to go; False when that takes too long: the next start goes on with it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GONE_WITHIN):
            while True:
                if not going(await _list(transport, TRIALS), await _list(transport, EXPERIMENTS)):
                    return True
                await asyncio.sleep(LOOK_EVERY)
    return False


def going(trials: Sequence[Json], experiments: Sequence[Json]) -> list[str]:
    """Names of the Trials that are being removed, or will be because their Experiment is gone."""
    there = {experiment["metadata"]["uid"] for experiment in experiments}
    return [
        trial["metadata"]["name"]
        for trial in trials
        if trial["metadata"].get("deletionTimestamp")
        or any(
            owner["kind"] == EXPERIMENTS.kind and owner["uid"] not in there
            for owner in trial["metadata"].get("ownerReferences") or ()
        )
    ]


async def _list(transport: Transport, resource: Resource) -> list[Json]:
    return list(json.loads(await transport.request("GET", resource.path()))["items"])
