"""API requests per trial by verb and resource, as the API server counts those of katib-controller; and own conflicts.

Trials do no work: this program stands in for the Job controller (`managedBy`), reports one value for each new Job and
completes it at once, so that nothing but the control plane sets the pace. With --pods they run as pods instead.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from grpc import aio
from laptop import KATIB, katib, render_experiment, temporary_state

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc
from katib_local.kubectl import find_kubectl
from katib_machinery.informer import Handler, SharedInformer
from katib_machinery.kube import connect
from katib_machinery.objects import JOBS, Unstructured
from katib_machinery.scalars import format_time
from katib_machinery.transport import Transport

LINE = re.compile(
    r'apiserver_request_total\{user="(.*)",verb="(.*)",resource="(.*)",subresource="(.*)",code="(.*)"\} (\d+)'
)
CONFLICT = "409"


def counts(state: Path, user: str) -> Counter[tuple[str, str, str]]:
    """Requests of a user so far, by verb, resource and code."""
    command = [find_kubectl() or "kubectl", f"--kubeconfig={state / 'kubeconfig'}", "get", "--raw", "/metrics"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: Counter[tuple[str, str, str]] = Counter()
    for line in text.splitlines():
        if (match := LINE.fullmatch(line)) and user in match[1]:
            resource = f"{match[3]}/{match[4]}".rstrip("/")
            found[match[2], resource, match[5]] += int(match[6])
    return found


class Completer:
    """Completes every Job that names it as its manager."""

    name = "bench.katib.kubeflow.org/completer"

    def __init__(self, transport: Transport, log: api_pb2_grpc.DBManagerStub) -> None:
        self._transport = transport
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        jobs = SharedInformer(self._transport, JOBS, Unstructured.from_dict, on_bad=lambda error, raw: None)
        jobs.add_handler(Handler(on_add=self._take))
        await jobs.run()

    def _take(self, job: Unstructured) -> None:
        if job.raw["spec"].get("managedBy") == self.name:
            task = asyncio.ensure_future(self._complete(job))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _complete(self, job: Unstructured) -> None:
        at = format_time(datetime.now(UTC))
        log = api_pb2.ObservationLog()
        log.metric_logs.add(time_stamp=at, metric=api_pb2.Metric(name="score", value="1"))
        await self._log.ReportObservationLog(
            api_pb2.ReportObservationLogRequest(trial_name=job.name, observation_log=log, namespace=job.namespace)
        )
        ended = [
            {"type": kind, "status": "True", "lastTransitionTime": at} for kind in ("SuccessCriteriaMet", "Complete")
        ]
        status = {"startTime": at, "completionTime": at, "succeeded": 1, "conditions": ended}
        await self._transport.request(
            "PATCH",
            JOBS.path(job.namespace, job.name, "status"),
            body=json.dumps({"status": status}).encode(),
            content_type="application/merge-patch+json",
        )


async def run_completed(state: Path, file: Path) -> None:
    """Run an experiment whose Jobs the completer completes."""
    address = f"unix:{state / 'run' / 'katib-db-manager.sock'}"
    async with connect(str(state / "kubeconfig")) as transport, aio.insecure_channel(address) as channel:
        completing = asyncio.ensure_future(Completer(transport, api_pb2_grpc.DBManagerStub(channel)).run())
        process = await asyncio.create_subprocess_exec(
            *KATIB, "run", f"--state-dir={state}", str(file), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if await process.wait():
            raise SystemExit(f"the experiment has failed: see {state}")
        completing.cancel()


def spent(trials: int, parallel: int, pods: bool, user: str) -> tuple[Counter[tuple[str, str, str]], float]:
    """What an experiment costs on a laptop that has already run another one, and how many seconds it takes."""
    command = "echo score=${trialParameters.x}"
    with temporary_state() as state:
        katib(state, "up")
        warm, file = state.parent / "warm.yaml", state.parent / "noop.yaml"
        warm.write_text(render_experiment("warm", command, trials=1, parallel=1))
        katib(state, "run", str(warm))
        before, started = counts(state, user), time.perf_counter()
        text = render_experiment("noop", command, trials=trials, parallel=parallel)
        if pods:
            file.write_text(text)
            katib(state, "run", str(file))
        else:
            manager = f"      spec:\n        managedBy: {Completer.name}\n        template:"
            file.write_text(text.replace("      spec:\n        template:", manager))
            asyncio.run(run_completed(state, file))
        return counts(state, user) - before, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--parallel", type=int, default=10)
    parser.add_argument("--user", default="controller", help="part of the user's name whose requests are counted")
    parser.add_argument("--pods", action="store_true", help="run the trials as pods")
    options = parser.parse_args()
    found, seconds = spent(options.trials, options.parallel, options.pods, options.user)
    for (verb, resource, code), count in sorted(found.items(), key=lambda row: -row[1]):
        print(f"{count / options.trials:7.2f}  {verb} {resource} {code}")
    conflicts = sum(count for (_, _, code), count in found.items() if code == CONFLICT)
    print(
        f"{sum(found.values()) / options.trials:7.2f}  requests per trial; {conflicts} conflicts in all; {seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
