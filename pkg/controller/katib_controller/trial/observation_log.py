"""The observation log as the Trial controller uses it: read, report, delete, over gRPC to the DB manager.

Every call has a deadline and goes over one channel that stays open (GRPC-11); each names the Trial's namespace (CTL-4).
"""

import asyncio
import contextlib
from collections.abc import Callable, Set
from typing import Final, assert_never

import grpc
from grpc import aio

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc, names
from katib_apis.v1beta1.models import Trial
from katib_controller.channels import Channels, words_of
from katib_controller.trial.decide import Reading, Rows, Unreachable
from katib_controller.trial.ledger import Ledger
from katib_controller.trial.question import DeleteRows, Done, Question, ReportUnavailable
from katib_domain.objective import metric_names
from katib_machinery.clock import Clock, sleep
from katib_machinery.objects import ObjectKey
from katib_machinery.transport import ApiError

DEADLINE: Final = 10.0
RETRIES: Final = 1
ORPHAN_PAUSE: Final = 30.0


class UnreachableError(Exception):
    """The DB manager gave no answer."""


class ObservationLog:
    """The rows of all Trials. `undeleted` are those whose rows could not be deleted yet, as far as the ledger has them."""

    def __init__(self, channels: Channels, address: str, clock: Clock, ledger: Ledger) -> None:
        self._channels = channels
        self._clock = clock
        self._address = address
        self._ledger = ledger
        self._writing = asyncio.Lock()
        self._read = False
        self.undeleted: frozenset[ObjectKey] = frozenset()

    @property
    def _stub(self) -> "api_pb2_grpc.DBManagerAsyncStub":
        stub: api_pb2_grpc.DBManagerAsyncStub = api_pb2_grpc.DBManagerStub(self._channels.get(self._address))
        return stub

    async def read(self, trial: Trial) -> Reading:
        """Read the rows of every metric of a Trial, the objective's first."""
        objective = trial.spec.objective if trial.spec is not None else None
        requests = [
            api_pb2.GetObservationLogRequest(trial_name=trial.name, namespace=trial.namespace, metric_name=name)
            for name in (metric_names(objective) if objective is not None else ())
        ]
        try:
            replies = await asyncio.gather(*(self._get(request) for request in requests))
        except aio.AioRpcError as error:
            return Unreachable(f"the DB manager at {self._address} has failed: {words_of(error)}")
        return Rows(tuple(row for reply in replies for row in reply.observation_log.metric_logs))

    async def _get(self, request: api_pb2.GetObservationLogRequest) -> api_pb2.GetObservationLogReply:
        for _ in range(RETRIES):
            try:
                return await self._stub.GetObservationLog(request, timeout=DEADLINE)
            except aio.AioRpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise
        return await self._stub.GetObservationLog(request, timeout=DEADLINE)

    async def answer(self, question: Question) -> Done:
        """Do what a question asks for; raises UnreachableError, upon which it is asked again later."""
        try:
            match question:
                case DeleteRows():
                    await self._delete(ObjectKey(question.namespace, question.name))
                case ReportUnavailable():
                    await self._report(question)
                case _:
                    assert_never(question)
        except aio.AioRpcError as error:
            raise UnreachableError(f"the DB manager at {self._address} has failed: {words_of(error)}") from error
        return Done()

    async def _report(self, question: ReportUnavailable) -> None:
        metric = api_pb2.Metric(name=question.metric, value=names.VALUE_UNAVAILABLE)
        row = api_pb2.MetricLog(time_stamp=names.VALUE_NO_TIME, metric=metric)
        log = api_pb2.ObservationLog(metric_logs=[row])
        request = api_pb2.ReportObservationLogRequest(
            trial_name=question.name, namespace=question.namespace, observation_log=log
        )
        await self._stub.ReportObservationLog(request, timeout=DEADLINE)

    async def _delete(self, key: ObjectKey) -> None:
        request = api_pb2.DeleteObservationLogRequest(trial_name=key.name, namespace=key.namespace)
        try:
            await self._stub.DeleteObservationLog(request, timeout=DEADLINE)
        except aio.AioRpcError:
            await self._note(left={key})
            raise
        await self._note(done={key})

    async def _note(self, left: Set[ObjectKey] = frozenset(), done: Set[ObjectKey] = frozenset()) -> None:
        """Write first, believe then: a Trial that is let go must be known to the next start, too (CTL-9)."""
        if done and self._read and not done & self.undeleted:
            return
        async with self._writing:
            if not self._read:
                self.undeleted |= await self._ledger.read()
                self._read = True
            wanted = (self.undeleted | left) - done
            if wanted != self.undeleted:
                await self._ledger.write(wanted)
                self.undeleted = wanted

    async def run_clean_up(self, is_gone: Callable[[ObjectKey], bool]) -> None:
        """Delete, for as long as it takes, the rows of Trials that were let go without, also by an earlier process (CTL-9)."""
        while True:
            await sleep(self._clock, ORPHAN_PAUSE)
            with contextlib.suppress(aio.AioRpcError, ApiError, OSError):
                await self._note()
                for key in sorted(key for key in self.undeleted if is_gone(key)):
                    await self._delete(key)
