"""`katib run`: takes one Experiment file to its result, shows how it goes, and says how it ended.

Speaks only the Kubernetes API. Must not know how the laptop is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.enums import ExperimentConditionType
from katib_apis.v1beta1.resources import EXPERIMENTS, TRIALS
from katib_local import progress
from katib_local.attempts import Waits, active_trials, find_waits, has_failed
from katib_local.caller import Caller
from katib_local.companions import brought
from katib_local.documents import InputError, RefusedError
from katib_local.experiment_file import ExperimentFile
from katib_local.objections import may_be_objected
from katib_local.refusals import located_errors
from katib_local.screen import Screen
from katib_local.submission import Attach, ChangeBudget, Create, Refuse, decide_submission
from katib_machinery.objects import EVENTS, JOBS, PODS, Resource
from katib_machinery.transport import MERGE_PATCH, ApiError, Transport

SUCCEEDED, FAILED = 0, 1
STRICT = {"fieldValidation": "Strict"}
"""A misspelt field is refused, as kubectl has it."""
LOOK_EVERY = 2.0
CLIENT_ERRORS = (400, 403, 422)
Json = Mapping[str, Any]


@dataclass
class Runner:
    """One run of one file against one cluster."""

    transport: Transport
    file: ExperimentFile
    caller: Caller = field(default_factory=Caller)
    screen: Screen = field(default_factory=Screen)
    words: Callable[[str, Sequence[Json]], Sequence[str]] = lambda trial, pods: ()
    """The last lines that a trial has printed, given those of its pods that are not gone."""
    objection: Callable[[Json], Awaitable[str]] | None = None
    """What the algorithm has against an Experiment that admission takes; empty when nothing."""
    live: dict[str, Any] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    waits: Waits = field(default_factory=Waits)

    @property
    def collection(self) -> str:
        return EXPERIMENTS.path(self.file.namespace)

    @property
    def path(self) -> str:
        return f"{self.collection}/{quote(self.file.name, safe='')}"

    async def run(self, submitted: Callable[[], None] = lambda: None) -> int:
        """Submit, follow, report; the exit code is 0 for a result and 1 for none. Raises InputError.

        `submitted` is called when the Experiment is there.
        """
        await self.submit()
        submitted()
        await self.follow()
        return await self.report()

    async def submit(self) -> None:
        """Create, attach to or change the Experiment, whatever the file asks for."""
        held = await self._get()
        submission = decide_submission(self.file.experiment, held)
        try:
            await self._submit(submission, held)
        except ApiError as error:
            if error.already_exists:  # another `katib run` of the same file was quicker
                return await self.submit()
            if error.code in CLIENT_ERRORS:
                raise RefusedError(located_errors(self.file, error.message, self.caller)) from error
            raise

    async def _submit(self, submission: Create | Attach | ChangeBudget | Refuse, held: Json | None) -> None:
        match submission:
            case Refuse(fields):
                raise InputError(self._differing(fields))
            case Create(experiment):
                await self._create(experiment)
            case ChangeBudget(patch):
                body = json.dumps(patch).encode()
                self.live = json.loads(
                    await self.transport.request("PATCH", self.path, params=STRICT, body=body, content_type=MERGE_PATCH)
                )
            case Attach():
                self.live = dict(held or {})

    def _differing(self, fields: Sequence[str]) -> str:
        words = ("delete", "experiment", self.file.name, "-n", self.file.namespace)
        return (
            f"{self.file.path}:{self.file.line(fields[0])}: Experiment {self.file.name} exists and differs in "
            f"{', '.join(fields)}; only its budget can be changed. Remove it with {self.caller.command(*words)}, "
            "or give this one another name"
        )

    async def _create(self, experiment: Json) -> None:
        body = json.dumps(experiment).encode()
        async with brought(self.transport, self.file.companions):
            if self.objection is not None and may_be_objected(experiment):
                await self._check(self.objection, body)
            self.live = json.loads(await self.transport.request("POST", self.collection, params=STRICT, body=body))

    async def _check(self, objection: Callable[[Json], Awaitable[str]], body: bytes) -> None:
        """Admission has the first word, and fills in what the algorithm is to see."""
        params = {**STRICT, "dryRun": "All"}
        admitted = json.loads(await self.transport.request("POST", self.collection, params=params, body=body))
        if text := await objection(admitted):
            raise RefusedError(located_errors(self.file, text, self.caller))

    async def _get(self) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = json.loads(await self.transport.request("GET", self.path))
        except ApiError as error:
            if error.not_found:
                return None
            raise
        return answer

    async def follow(self) -> None:
        """Show progress until the Experiment has ended."""
        started = time.monotonic()
        watching = asyncio.ensure_future(self._watch())
        looking = asyncio.ensure_future(self._look_around())
        try:
            while not watching.done():
                self._show(timedelta(seconds=time.monotonic() - started))
                await asyncio.wait({watching}, timeout=0.5)
            watching.result()
            self._show(timedelta(seconds=time.monotonic() - started))
        finally:
            for task in (watching, looking):
                task.cancel()
            await asyncio.gather(watching, looking, return_exceptions=True)
            self.screen.end()

    def _show(self, elapsed: timedelta) -> None:
        line = progress.render_progress(self.live, elapsed, self.waits, datetime.now(UTC))
        key = progress.render_progress(self.live, timedelta(), self.waits)
        self.screen.update(f"{self.file.name}: {line}", key)

    async def _look_around(self) -> None:
        """See what the trials wait for, and tell why they fail: that is known long before they are given up."""
        while True:
            with contextlib.suppress(ApiError, OSError):
                pods = await self._list(PODS, labelSelector=names.LABEL_TRIAL)
                jobs = await self._list(JOBS) if any(map(has_failed, pods)) else []
                self.waits = find_waits(active_trials(self.live), pods, jobs)
                if self.waits.retries:
                    await self._tell_retries()
            await asyncio.sleep(LOOK_EVERY)

    async def _tell_retries(self) -> None:
        """Say each reason once, and once how long this may go on."""
        selector = f"reason={names.EVENT_JOB_RETRIED},involvedObject.kind={TRIALS.kind}"
        found = await self._list(EVENTS, fieldSelector=selector)
        retries = {retry.trial: retry for retry in self.waits.retries}
        for reason, trial in progress.retry_reasons(found, retries).items():
            if reason not in self.told:
                logs = self.caller.command("logs", trial)
                self.screen.note(f"{trial} fails and is tried again: {reason}; {logs} shows what it printed")
                if not self.told:
                    self.screen.note(f"{trial}: {progress.render_attempts(retries[trial])}")
                self.told.add(reason)

    async def _list(self, resource: Resource, **params: str) -> list[Json]:
        """The objects of a kind in the Experiment's namespace."""
        answer = json.loads(await self.transport.request("GET", resource.path(self.file.namespace), params=params))
        return list(answer["items"])

    async def _watch(self) -> None:
        """Keep `live` up to date; a broken stream is taken up again from a fresh read."""
        while not self._is_over():
            version = self.live["metadata"]["resourceVersion"]
            params = {"watch": "true", "fieldSelector": f"metadata.name={self.file.name}", "resourceVersion": version}
            with contextlib.suppress(ApiError, OSError, asyncio.TimeoutError):
                async for line in self.transport.stream(self.collection, params=params):
                    event = json.loads(line)
                    if event["type"] == "DELETED":
                        raise InputError(f"Experiment {self.file.name} was deleted while it ran")
                    if event["type"] == "ERROR":
                        break
                    if event["type"] in ("ADDED", "MODIFIED"):
                        self.live = event["object"]
                    if self._is_over():
                        return
            self.live = await self._get() or self.live

    def _is_over(self) -> bool:
        """Whether it has ended and stays so: a raised budget may be about to restart it."""
        if not progress.finished(self.live):
            return False
        # The models take longer to import than the first trial takes to start.
        from katib_apis.v1beta1.models import Experiment
        from katib_domain.budget import restart_wanted

        return not restart_wanted(Experiment.from_dict(self.live))

    async def report(self) -> int:
        """Print the best trials and, where there is no result, why; returns the exit code."""
        trials = await self._trials()
        if table := progress.render_result(self.live, trials):
            print(table)
        failed = progress.condition(self.live, ExperimentConditionType.FAILED)
        if failed is None and table:
            return SUCCEEDED
        metric = self.live["spec"]["objective"]["objectiveMetricName"]
        reason = failed.get("message", "") if failed else f"no trial has reported the metric {metric!r}"
        print(f"katib: Experiment {self.file.name}: {progress.render_end(reason, trials)}", file=sys.stderr)
        failures = progress.render_failures(trials)
        for trial, line in failures:
            print(f"  {line}", file=sys.stderr)
            await self._quote(trial)
        if failures:
            print(f"  {self.file.program()}", file=sys.stderr)
        removal = self.caller.command("delete", "experiment", self.file.name, "-n", self.file.namespace)
        print(f"  once it is corrected: {removal}, and run the file again", file=sys.stderr)
        return FAILED

    async def _quote(self, trial: str) -> None:
        """The last words of a trial, and where the others are."""
        pods = await self._list(PODS, labelSelector=f"{names.LABEL_TRIAL}={trial}")
        for line in self.words(trial, pods):
            print(f"    | {line}", file=sys.stderr)
        print(f"    {self.caller.command('logs', trial)} shows what it printed", file=sys.stderr)

    async def _trials(self) -> list[Json]:
        return await self._list(TRIALS, labelSelector=f"{names.LABEL_EXPERIMENT}={self.file.name}")
