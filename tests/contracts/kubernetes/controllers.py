"""The laptop's controllers of Jobs, ReplicaSets and Deployments without a node, for as long as standard input is open.

A program: `python controllers.py KUBECONFIG`. As beside a real control plane in these tests, no pod ever runs.
"""

from __future__ import annotations

import asyncio
import sys

from katib_local import workloads
from katib_machinery.kube import connect


async def main(kubeconfig: str) -> None:
    async with connect(kubeconfig) as transport:
        working = asyncio.ensure_future(workloads.run(transport, "no-node"))
        ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
        await asyncio.wait([working, ended], return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
