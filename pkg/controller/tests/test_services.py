"""Questions to services over real gRPC: codes (grpc.md §5, GRPC-5), history (C-03), deadlines, the DB manager."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from grpc import aio

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc, names
from katib_controller.channels import Channels
from katib_controller.suggestion.answer import Answers
from katib_controller.suggestion.question import Invalid, NoAnswer, Service, Suggest, Suggested, Valid, Validate
from katib_controller.trial.decide import Rows, Unreachable
from katib_controller.trial.ledger import Ledger
from katib_controller.trial.observation_log import ObservationLog, UnreachableError
from katib_controller.trial.question import DeleteRows, Done, ReportUnavailable
from katib_controller.trial_book import TrialBook
from katib_machinery.clock import ManualClock
from katib_machinery.cluster import Cluster
from katib_machinery.informer import SharedInformer
from katib_machinery.objects import ObjectKey
from katib_machinery.transport import ApiError


@pytest.fixture
async def channels() -> Any:
    opened = Channels()
    yield opened
    await opened.close()


@pytest.fixture
def asking(memory_api: Any, channels: Channels, services: SimpleNamespace, build: Any) -> SimpleNamespace:
    """Somebody who asks, with a book of Trials."""
    from katib_apis.v1beta1.models import Trial
    from katib_apis.v1beta1.resources import TRIALS

    informer = SharedInformer(memory_api, TRIALS, Trial.from_dict, lambda error, raw: None)
    book, clock = TrialBook(informer), ManualClock(build.now)
    answers = Answers(channels, book, clock, connect_seconds=1)
    return SimpleNamespace(informer=informer, book=book, clock=clock, answers=answers, address=services.address)


def a_validation(build: Any, address: str, **fields: Any) -> Validate:
    return Validate(build.an_experiment(), build.a_suggestion(), Service(address, **fields))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (None, Valid),
        (grpc.StatusCode.INVALID_ARGUMENT, Invalid),
        (grpc.StatusCode.UNKNOWN, Invalid),
        (grpc.StatusCode.UNIMPLEMENTED, Valid),
        (grpc.StatusCode.UNAVAILABLE, NoAnswer),
        (grpc.StatusCode.INTERNAL, NoAnswer),
        (grpc.StatusCode.DEADLINE_EXCEEDED, NoAnswer),
    ],
)
async def test_what_a_code_means_for_validation(
    asking: SimpleNamespace, services: SimpleNamespace, build: Any, code: Any, kind: type
) -> None:
    """GRPC-5, CTL-18: only InvalidArgument and Unknown are terminal."""
    services.algorithm.refusal = None if code is None else (code, "the words")
    answer = await asking.answers.answer(a_validation(build, asking.address))
    assert type(answer) is kind
    if isinstance(answer, Invalid):
        assert answer.message == "ValidateAlgorithmSettings Error: the words"


async def test_a_service_that_fails_is_asked_ever_more_slowly(
    asking: SimpleNamespace, services: SimpleNamespace, build: Any
) -> None:
    services.algorithm.refusal = (grpc.StatusCode.UNAVAILABLE, "busy")
    pauses = []
    for _ in range(3):
        await asking.answers.answer(a_validation(build, asking.address))
        pauses.append((asking.answers.asked("sug-uid", asking=False).not_before - build.now).total_seconds())
    assert pauses == [0.5, 1, 2]
    services.algorithm.refusal = None
    await asking.answers.answer(a_validation(build, asking.address))
    assert asking.answers.asked("sug-uid", asking=False).not_before is None


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_is_set_by_an_hour_makes_no_service_wait_longer(
    asking: SimpleNamespace, services: SimpleNamespace, build: Any, hours: int
) -> None:
    services.algorithm.refusal = (grpc.StatusCode.UNAVAILABLE, "busy")
    await asking.answers.answer(a_validation(build, asking.address))
    asking.clock.jump(timedelta(hours=hours))
    not_before = asking.answers.asked("sug-uid", asking=False).not_before
    assert not_before - asking.clock.now() == timedelta(seconds=0.5)
    asking.clock.advance(0.5)
    assert asking.answers.asked("sug-uid", asking=False).not_before == asking.clock.now()


def a_question(build: Any, address: str, current: int = 2, total: int = 4, **fields: Any) -> Suggest:
    suggestion = build.a_suggestion(["exp-a", "exp-b"])
    service = Service(address, **fields)
    return Suggest(build.an_experiment(), suggestion, service, current=current, total=total, window=1000)


async def test_the_request_has_the_history_that_the_service_wants(
    asking: SimpleNamespace, services: SimpleNamespace, build: Any
) -> None:
    """§8 and C-03: the full history has lost Trials and waiting assignments, the reduced one has not."""
    asking.informer.put_own(build.a_trial("exp-a", "MetricsUnavailable"))
    for full, expected in ((False, []), (True, [("exp-a", "METRICSUNAVAILABLE"), ("exp-b", "CREATED")])):
        await asking.answers.answer(a_question(build, asking.address, full_history=full))
        request = services.algorithm.requests[-1]
        kinds = api_pb2.TrialStatus.TrialConditionType
        assert [(trial.name, kinds.Name(trial.status.condition)) for trial in request.trials] == expected
        assert (request.current_request_number, request.total_request_number) == (2, 4)
        assert request.experiment.namespace == "ns"


async def test_the_request_has_the_trials_that_the_experiment_controls_and_no_others(
    asking: SimpleNamespace, services: SimpleNamespace, build: Any
) -> None:
    """S9, CTL-2, D-03: neither labels nor names decide."""
    owner = [{**build.a_trial().to_dict()["metadata"]["ownerReferences"][0], "uid": "another"}]
    asking.informer.put_own(build.a_trial("exp-a", metadata={"labels": None}))
    asking.informer.put_own(build.a_trial("exp-b", metadata={"namespace": "other", "ownerReferences": owner}))
    asking.informer.put_own(build.a_trial("exp-c", metadata={"ownerReferences": owner}))
    await asking.answers.answer(a_question(build, asking.address))
    assert [trial.name for trial in services.algorithm.requests[-1].trials] == ["exp-a"]


async def test_a_reply_is_named_and_remembered_as_short(
    asking: SimpleNamespace, services: SimpleNamespace, build: Any
) -> None:
    """GRPC-2."""
    services.algorithm.points = 3
    reply = await asking.answers.answer(a_question(build, asking.address))
    assert isinstance(reply, Suggested) and len(reply.assignments) == 1
    name = reply.assignments[0].name or ""
    assert name.startswith("exp-") and set(name[4:]) <= set(names.TRIAL_NAME_ALPHABET) and len(name) == 12
    assert asking.answers.asked("sug-uid", asking=False).short == (0, 4)
    services.algorithm.points = 9
    await asking.answers.answer(a_question(build, asking.address))
    assert asking.answers.asked("sug-uid", asking=False).short is None


async def test_rules_of_early_stopping_go_with_every_assignment(
    asking: SimpleNamespace, services: SimpleNamespace, build: Any
) -> None:
    """§6, step 4."""
    seen: list[Any] = []

    class Stopping(api_pb2_grpc.EarlyStoppingServicer):
        async def GetEarlyStoppingRules(self, request: Any, context: Any) -> Any:
            seen.append(request)
            rule = api_pb2.EarlyStoppingRule(name="accuracy", value="0.5", comparison=api_pb2.LESS, start_step=4)
            return api_pb2.GetEarlyStoppingRulesReply(early_stopping_rules=[rule])

    asking.informer.put_own(build.a_trial("exp-a", "Succeeded", "0.5"))
    server = aio.server()
    api_pb2_grpc.add_EarlyStoppingServicer_to_server(Stopping(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    service = {"early_stopping_endpoint": f"127.0.0.1:{port}", "db_manager": "db:6789"}
    reply = await asking.answers.answer(a_question(build, asking.address, **service))
    await server.stop(None)
    assert isinstance(reply, Suggested)
    assert [rule.to_dict() for rule in reply.assignments[1].early_stopping_rules or []] == [
        {"name": "accuracy", "value": "0.5", "comparison": "less", "startStep": 4}
    ]
    assert (seen[0].db_manager_address, seen[0].experiment.name) == ("db:6789", "exp")
    assert [trial.name for trial in seen[0].trials] == ["exp-a"]


async def test_a_service_that_is_not_there_is_no_answer(asking: SimpleNamespace, build: Any) -> None:
    async with asyncio.timeout(20):
        reply = await asking.answers.answer(a_validation(build, "127.0.0.1:1"))
    assert isinstance(reply, NoAnswer) and "127.0.0.1:1" in reply.message


@pytest.fixture
def ledger(memory_api: Any) -> Ledger:
    return Ledger(Cluster(memory_api), "kubeflow")


@pytest.fixture
def log(channels: Channels, services: SimpleNamespace, build: Any, ledger: Ledger) -> ObservationLog:
    return ObservationLog(channels, services.address, ManualClock(build.now), ledger)


async def test_rows_are_read_by_metric_within_the_namespace(
    log: ObservationLog, services: SimpleNamespace, build: Any
) -> None:
    """CTL-4, §6: the objective first."""
    services.rows.rows["ns", "exp-a"] = [
        *build.rows("1", metric="loss"),
        *build.rows("0.5"),
        *build.rows("9", metric="x"),
    ]
    services.rows.rows["other", "exp-a"] = list(build.rows("0.9"))
    objective = {"additionalMetricNames": ["loss"]}
    reading = await log.read(build.a_trial(spec={"objective": objective}))
    assert isinstance(reading, Rows)
    assert [(row.metric.name, row.metric.value) for row in reading.logs] == [("accuracy", "0.5"), ("loss", "1")]


async def test_the_log_is_told_what_is_unavailable_and_what_to_delete(
    log: ObservationLog, services: SimpleNamespace
) -> None:
    assert await log.answer(ReportUnavailable("ns", "exp-a", "accuracy")) == Done()
    row = services.rows.rows["ns", "exp-a"][0]
    assert (row.metric.value, row.time_stamp) == ("unavailable", "0001-01-01T00:00:00Z")
    assert await log.answer(DeleteRows("ns", "exp-a")) == Done()
    assert services.rows.deleted == [("ns", "exp-a")] and not log.undeleted


async def test_an_unreachable_log_is_told_and_undeleted_rows_are_remembered(
    channels: Channels, build: Any, ledger: Ledger
) -> None:
    """CTL-3, CTL-9."""
    log = ObservationLog(channels, "127.0.0.1:1", ManualClock(build.now), ledger)
    reading = await log.read(build.a_trial())
    assert isinstance(reading, Unreachable) and "127.0.0.1:1" in reading.message
    for name in ("exp-a", "exp-b"):
        with pytest.raises(UnreachableError):
            await log.answer(DeleteRows("ns", name))
    left = {ObjectKey("ns", "exp-a"), ObjectKey("ns", "exp-b")}
    assert log.undeleted == left and await ledger.read() == left


async def test_what_cannot_be_remembered_over_a_restart_is_not_let_go(
    channels: Channels, build: Any, memory_api: Any, ledger: Ledger
) -> None:
    """CTL-9: a Trial is let go once its rows are `undeleted`."""
    log = ObservationLog(channels, "127.0.0.1:1", ManualClock(build.now), ledger)
    memory_api.refuse = lambda method, path: ApiError(403, "Forbidden", "may not") if method != "GET" else None
    with pytest.raises(ApiError, match="may not"):
        await log.answer(DeleteRows("ns", "exp-a"))
    assert not log.undeleted


async def test_rows_that_an_earlier_process_left_behind_are_deleted_in_the_background(
    channels: Channels, services: SimpleNamespace, build: Any, ledger: Ledger
) -> None:
    """CTL-9: only those of Trials that are gone."""
    clock, gone, there = ManualClock(build.now), ObjectKey("ns", "gone"), ObjectKey("ns", "there")
    await ledger.write({gone, there})
    log = ObservationLog(channels, services.address, clock, ledger)
    task = asyncio.create_task(log.run_clean_up(lambda key: key == gone))
    async with asyncio.timeout(10):
        while log.undeleted != {there}:
            clock.advance(31)
            await asyncio.sleep(0.01)
    task.cancel()
    assert services.rows.deleted == [("ns", "gone")] and await ledger.read() == {there}


async def test_nothing_is_written_about_rows_that_are_deleted_at_once(
    log: ObservationLog, memory_api: Any, ledger: Ledger
) -> None:
    await log.answer(DeleteRows("ns", "exp-a"))
    assert await ledger.read() == frozenset() and not memory_api.objects
