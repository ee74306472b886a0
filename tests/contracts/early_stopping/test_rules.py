"""GetEarlyStoppingRules over a real DB manager, and the validation of settings (early-stopping.md §2, §3, §7 to §10)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from contracts.early_stopping.conftest import Rows, Service, running_db_manager, serving
from grpc import aio
from grpc_health.v1 import health_pb2

from katib_apis.v1beta1 import api_pb2
from katib_client.v1beta1.trial import TrialClient
from katib_suggestion.early_stopping.answers import Log
from katib_suggestion.early_stopping.logs import TRIAL_WEIGHT, ObservationLogs

Status = api_pb2.TrialStatus
ENDED = "2026-01-31T13:00:00Z"


def a_spec(algorithm: str = "medianstop", **settings: int) -> api_pb2.EarlyStoppingSpec:
    spec = api_pb2.EarlyStoppingSpec(algorithm_name=algorithm)
    for name, value in settings.items():
        spec.algorithm_settings.add(name=name, value=str(value))
    return spec


WORKED = a_spec(start_step=2, min_trials_required=3)


def a_request(
    rows: Rows, conditions: Mapping[str, int], spec: api_pb2.EarlyStoppingSpec = WORKED, *, namespace: str = ""
) -> api_pb2.GetEarlyStoppingRulesRequest:
    request = api_pb2.GetEarlyStoppingRulesRequest(db_manager_address=rows.address)
    request.experiment.namespace = namespace
    request.experiment.spec.objective.type = api_pb2.MAXIMIZE
    request.experiment.spec.objective.objective_metric_name = "accuracy"
    request.experiment.spec.early_stopping.CopyFrom(spec)
    for name, condition in conditions.items():
        trial = request.trials.add(name=name)
        trial.status.condition = condition
        trial.status.start_time = "2026-01-31T12:00:00Z"
        trial.status.completion_time = "" if condition == Status.RUNNING else ENDED
    return request


async def worked_example(rows: Rows) -> dict[str, int]:
    await rows.report("a", [0.50, 0.60, 0.90])
    await rows.report("b", [0.40, 0.40])
    await rows.report("c", [0.80, 0.90, 0.95])
    await rows.report("d", [0.1])
    return {**dict.fromkeys("abc", Status.SUCCEEDED), "d": Status.FAILED}


def plain(reply: Any) -> list[tuple[str, str, int, int]]:
    return [(rule.name, rule.value, rule.comparison, rule.start_step) for rule in reply.early_stopping_rules]


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(aio.AioRpcError) as error:
        await call
    return error.value.code(), str(error.value.details())


async def test_the_worked_example_of_the_contract_comes_out(service: Service, rows: Rows) -> None:
    """§8, ES-02."""
    request = a_request(rows, await worked_example(rows))
    assert plain(await service.rules(request)) == [("accuracy", "0.55", api_pb2.LESS, 2)]


async def test_a_restart_between_calls_changes_nothing(service: Service, rows: Rows, trials: TrialClient) -> None:
    """ES-04, GRPC-4."""
    request = a_request(rows, {**await worked_example(rows), "e": Status.RUNNING})
    first = await service.rules(request)
    async with serving(trials) as other:
        assert await service.rules(request) == first == await other.rules(request)


@pytest.mark.parametrize("junk", [[], ["unavailable"], ["nan", "inf", "-inf"], ["much", ""]])
async def test_what_is_no_finite_number_is_neither_an_error_nor_a_value(
    service: Service, rows: Rows, junk: list[str]
) -> None:
    """ES-03, GRPC-12: also in between, where numbers behind it are read instead, as a collector counts them."""
    conditions = {**await worked_example(rows), "j": Status.SUCCEEDED, "k": Status.SUCCEEDED, "l": Status.SUCCEEDED}
    await rows.report("j", junk)
    await rows.report("k", [*junk, "0.2", *junk, "0.4", "0.9"])
    await rows.report("l", ["0.9", "0.8"])
    # 0.55 0.4 0.85 0.3 0.85
    assert plain(await service.rules(a_request(rows, conditions)))[0][1] == "0.55"


async def test_rules_reach_a_trial_that_began_before_there_were_any(service: Service, rows: Rows) -> None:
    """ES-05, §10.8."""
    conditions = await worked_example(rows)
    early = {**conditions, "c": Status.RUNNING, "e": Status.RUNNING}
    before = await service.rules(a_request(rows, early))
    assert {entry.trial_name: plain(entry) for entry in before.running_trials} == {"c": [], "e": []}
    after = await service.rules(a_request(rows, {**conditions, "e": Status.RUNNING}))
    assert {entry.trial_name: plain(entry) for entry in after.running_trials} == {"e": plain(after)} and plain(after)


async def test_rungs_of_asha_are_built_from_trials_that_still_run(service: Service, rows: Rows) -> None:
    """§9: each running trial has the rule of its own next rung."""
    for number, name in enumerate("abcdef"):
        await rows.report(name, [number / 10] * (1 + 2 * (number % 2)))
    conditions = {**dict.fromkeys("abcde", Status.RUNNING), "f": Status.EARLYSTOPPED, "g": Status.CREATED}
    reply = await service.rules(a_request(rows, conditions, a_spec("asha", eta=2, max_resource=8)))
    # 0.0 to 0.5 at the first rung, 0.1 and 0.3 and 0.5 at 2
    assert plain(reply) == [("accuracy", "0.3", api_pb2.LESS, 1)]
    rules = {entry.trial_name: [rule[1:] for rule in plain(entry)] for entry in reply.running_trials}
    assert rules["g"] == [("0.3", api_pb2.LESS, 1)] and rules["a"] == [("0.5", api_pb2.LESS, 2)]
    assert rules["b"] == []


async def test_patience_follows_the_trials_own_log(service: Service, rows: Rows) -> None:
    """§9: the best is 0.5 at the second report, so the fifth is the last that may be better."""
    await rows.report("a", [0.4, 0.5, 0.3])
    reply = await service.rules(a_request(rows, {"a": Status.RUNNING}, a_spec("patience", n=3)))
    assert plain(reply) == []
    assert plain(reply.running_trials[0]) == [("accuracy", "0.5000000000000001", api_pb2.LESS, 5)]


async def test_trials_of_a_namesake_in_another_namespace_do_not_count(service: Service, rows: Rows) -> None:
    """GRPC-7."""
    conditions = dict.fromkeys("ab", Status.SUCCEEDED)
    for name in conditions:
        await rows.report(name, [0.2], namespace="mine")
        await rows.report(name, [0.9], namespace="theirs")
    spec = a_spec(start_step=1, min_trials_required=2)
    for namespace, value in (("mine", "0.2"), ("theirs", "0.9")):
        assert plain(await service.rules(a_request(rows, conditions, spec, namespace=namespace)))[0][1] == value


async def test_what_an_ended_trial_has_reported_is_read_once(service: Service, rows: Rows) -> None:
    """ES-14: the log may be gone by then. A trial that is made anew under the name is another one."""
    request = a_request(rows, await worked_example(rows))
    first = await service.rules(request)
    await rows.forget("a")
    assert await service.rules(request) == first
    request.trials[0].status.start_time = "2026-02-01T12:00:00Z"
    assert plain(await service.rules(request)) == []


async def test_what_is_remembered_has_an_end(rows: Rows) -> None:
    logs = ObservationLogs(most_remembered=2 * (1 + TRIAL_WEIGHT))
    wanted = [Log("", name, "accuracy", None, "", ENDED) for name in "abc"]
    for log in wanted:
        await rows.report(log.trial, [1])
        await logs.read(rows.address, [log])
        await rows.forget(log.trial)
    assert await logs.read(rows.address, wanted) == {"a": (), "b": (1.0,), "c": (1.0,)}
    await logs.close()


@pytest.mark.parametrize(
    ("host", "scheme"), [("127.0.0.1", ""), ("127.0.0.1", "dns:///"), ("[::1]", ""), ("[::1]", "ipv6:")]
)
async def test_the_db_managers_address_is_any_that_grpc_knows(
    service: Service, tmp_path: Path, host: str, scheme: str
) -> None:
    """ES-11."""
    async with running_db_manager(tmp_path / "log.sqlite", host) as rows:
        request = a_request(rows, await worked_example(rows))
        request.db_manager_address = f"{scheme}{rows.address}"
        assert plain(await service.rules(request))


async def test_a_db_manager_that_does_not_answer_is_unavailable_and_named(service: Service, rows: Rows) -> None:
    request = a_request(rows, await worked_example(rows))
    request.db_manager_address = "unix:/nowhere/db.sock"
    code, words = await refused(service.rules(request))
    assert code is grpc.StatusCode.UNAVAILABLE
    assert words.startswith("the log of trial ") and "unix:/nowhere/db.sock" in words


async def test_settings_are_validated_without_an_experiment(service: Service) -> None:
    """§2: INVALID_ARGUMENT, for every wrong row of the table."""
    good = (WORKED, a_spec(), a_spec("asha", max_resource=9), a_spec("patience"))
    bad = (
        a_spec(min_trials_required=0),
        a_spec(start_step=0),
        a_spec(other=1),
        a_spec("asha"),
        a_spec("never"),
        api_pb2.EarlyStoppingSpec(),
    )
    for spec in good:
        await service.stub.ValidateEarlyStoppingSettings(
            api_pb2.ValidateEarlyStoppingSettingsRequest(early_stopping=spec)
        )
    for spec in bad:
        request = api_pb2.ValidateEarlyStoppingSettingsRequest(early_stopping=spec)
        code, words = await refused(service.stub.ValidateEarlyStoppingSettings(request))
        assert code is grpc.StatusCode.INVALID_ARGUMENT and words.startswith("spec.earlyStopping.algorithm")


async def test_wrong_settings_are_refused_in_a_question_too(service: Service, rows: Rows) -> None:
    code, words = await refused(service.rules(a_request(rows, {}, a_spec(start_step=0))))
    assert code is grpc.StatusCode.INVALID_ARGUMENT and "start_step" in words


@pytest.mark.parametrize("name", ["", "api.v1.beta1.EarlyStopping"])
async def test_health_is_served_under_the_empty_name_and_its_own(service: Service, name: str) -> None:
    reply = await service.health.Check(health_pb2.HealthCheckRequest(service=name))
    assert reply.status == health_pb2.HealthCheckResponse.SERVING


async def test_health_of_something_else_is_not_found(service: Service) -> None:
    code, words = await refused(service.health.Check(health_pb2.HealthCheckRequest(service="other")))
    assert code is grpc.StatusCode.NOT_FOUND and "api.v1.beta1.EarlyStopping" in words
