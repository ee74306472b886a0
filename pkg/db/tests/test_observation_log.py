"""db-manager.md §9: what every backend of the observation log must do, over real gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc
from katib_db.__main__ import Settings, build_parser, build_server, connect
from katib_db.dialects import Address, open_engine
from katib_db.schema import initialize
from katib_db.service import Gate

NO_TIME = "0001-01-01T00:00:00Z"
UNLIMITED = [("grpc.max_receive_message_length", -1)]
Pairs = list[tuple[str, str, str]]


class Log:
    """A client of one DB manager."""

    def __init__(self, channel: aio.Channel) -> None:
        self.stub: api_pb2_grpc.DBManagerAsyncStub = api_pb2_grpc.DBManagerStub(channel)  # type: ignore[assignment]
        self.health = health_pb2_grpc.HealthStub(channel)

    async def report(self, trial: str, rows: Pairs, namespace: str = "") -> None:
        entries = [
            api_pb2.MetricLog(time_stamp=time, metric=api_pb2.Metric(name=name, value=value))
            for time, name, value in rows
        ]
        log = api_pb2.ObservationLog(metric_logs=entries)
        request = api_pb2.ReportObservationLogRequest(trial_name=trial, namespace=namespace, observation_log=log)
        await self.stub.ReportObservationLog(request)

    async def get(self, trial: str, metric: str = "", start: str = "", end: str = "", namespace: str = "") -> Pairs:
        request = api_pb2.GetObservationLogRequest(
            trial_name=trial, metric_name=metric, start_time=start, end_time=end, namespace=namespace
        )
        reply = await self.stub.GetObservationLog(request)
        return [
            (entry.time_stamp, entry.metric.name, entry.metric.value) for entry in reply.observation_log.metric_logs
        ]

    async def delete(self, trial: str, namespace: str = "") -> None:
        await self.stub.DeleteObservationLog(api_pb2.DeleteObservationLogRequest(trial_name=trial, namespace=namespace))


@contextlib.asynccontextmanager
async def serving(environment: dict[str, str], initialize: bool = True) -> AsyncIterator[Log]:
    gate = Gate()
    server = build_server(gate)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    connecting = asyncio.ensure_future(connect(gate, environment, Settings("", 5.0, initialize)))
    try:
        async with aio.insecure_channel(f"127.0.0.1:{port}", options=UNLIMITED) as channel:
            if initialize:
                await connecting
            yield Log(channel)
    finally:
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        await server.stop(None)
        if gate.store is not None:
            gate.store.close()


BACKENDS = ["sqlite"]


@pytest.fixture(params=BACKENDS)
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An empty database of each backend."""
    return {"DB_NAME": request.param, "KATIB_SQLITE_PATH": str(tmp_path / "log.sqlite")}


@pytest.fixture
async def log(environment: dict[str, str]) -> AsyncIterator[Log]:
    async with serving(environment) as client:
        yield client


async def test_1_bounds_are_inclusive(log: Log) -> None:
    time = "2016-12-31T20:02:05.123456Z"
    await log.report("t", [(time, "f1_score", "88.95"), (time, "loss", "0.5")])
    assert await log.get("t", "loss", time, time) == [(time, "loss", "0.5")]


async def test_2_times_are_compared_and_returned_in_utc(log: Log) -> None:
    await log.report("t", [("2019-02-03T04:05:06+09:00", "loss", "1")])
    assert await log.get("t", "", "2019-02-02T19:05:06Z", "2019-02-02T19:05:06Z") == [
        ("2019-02-02T19:05:06Z", "loss", "1")
    ]


async def test_3_a_large_report_is_stored_whole_and_in_order(log: Log) -> None:
    rows = [("2024-01-01T00:00:00Z", "loss", str(index)) for index in range(40_000)]
    await log.report("t", rows)
    assert await log.get("t") == rows


async def test_4_a_report_that_is_sent_again_is_stored_once_but_equal_rows_of_one_report_stay_two(log: Log) -> None:
    """DB-4, CTL-30."""
    rows = [("2024-01-01T00:00:00Z", "loss", "1"), ("2024-01-01T00:00:00Z", "loss", "1")]
    await log.report("t", rows)
    await log.report("t", rows)
    await log.report("t", [*rows, ("2024-01-01T00:00:01Z", "loss", "2")])
    assert await log.get("t") == [*rows, ("2024-01-01T00:00:01Z", "loss", "2")]


async def test_5_namespaces_keep_equal_trials_apart(log: Log) -> None:
    """DB-2."""
    for namespace in ("a", "b"):
        await log.report("t", [(NO_TIME, "loss", namespace)], namespace)
    assert [value for _, _, value in await log.get("t")] == ["a", "b"]
    await log.delete("t", "a")
    assert [value for _, _, value in await log.get("t")] == ["b"]
    assert await log.get("t", namespace="a") == []


async def test_rows_of_older_peers_are_seen_and_deleted_only_by_the_last_namespace(log: Log) -> None:
    """DB-2 (b), (c)."""
    await log.report("t", [(NO_TIME, "loss", "old")])
    await log.report("t", [(NO_TIME, "loss", "a")], "a")
    await log.report("t", [(NO_TIME, "loss", "b")], "b")
    assert [value for _, _, value in await log.get("t", namespace="a")] == ["old", "a"]
    await log.delete("t", "a")
    assert [value for _, _, value in await log.get("t", namespace="b")] == ["old", "b"]
    await log.delete("t", "b")
    assert await log.get("t") == []


async def test_6_a_row_without_time_comes_first_and_keeps_its_sentinel(log: Log) -> None:
    """DB-11, DB-12."""
    await log.report("t", [("1969-01-01T00:00:00Z", "loss", "1"), (NO_TIME, "loss", "2"), ("", "loss", "3")])
    assert await log.get("t") == [(NO_TIME, "loss", "2"), (NO_TIME, "loss", "3"), ("1969-01-01T00:00:00Z", "loss", "1")]


async def code_of(call: Any) -> grpc.StatusCode:
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    return caught.value.code()


async def test_7_one_bad_time_stores_nothing(log: Log) -> None:
    call = log.report("t", [("2024-01-01T00:00:00Z", "loss", "1"), ("yesterday", "loss", "2")])
    assert await code_of(call) == grpc.StatusCode.INVALID_ARGUMENT
    assert await log.get("t") == []


async def test_wrong_requests_name_the_field(log: Log) -> None:
    """DB-7."""
    wrong = [
        (log.report("", []), "trial_name is empty"),
        (log.report("t" * 256, []), "trial_name has 256 characters; 255 are the most"),
        (log.report("t", [], "n" * 64), "namespace has 64 characters"),
        (
            log.report("t", [(NO_TIME, "m" * 256, "1")]),
            r"observation_log.metric_logs[0].metric.name has 256 characters",
        ),
        (log.get("t", start="x"), "Error parsing start time"),
        (log.get("t", end="x"), "Error parsing completion time"),
        (log.stub.GetObservationLog(api_pb2.GetObservationLogRequest(trial_name="t", page_token="x")), "page_token"),
        (log.stub.GetObservationLog(api_pb2.GetObservationLogRequest(trial_name="t", limit=-1)), "limit is -1"),
        (
            log.stub.ReportObservationLog(
                api_pb2.ReportObservationLogRequest(
                    trial_name="t", observation_log=api_pb2.ObservationLog(metric_logs=[api_pb2.MetricLog()])
                )
            ),
            "observation_log.metric_logs[0].metric is missing",
        ),
    ]
    for call, message in wrong:
        with pytest.raises(aio.AioRpcError) as caught:
            await call
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert message in (caught.value.details() or "")


async def test_a_report_without_rows_stores_nothing_and_is_fine(log: Log) -> None:
    """DB-3, DB-7."""
    await log.report("t", [])
    await log.stub.ReportObservationLog(api_pb2.ReportObservationLogRequest(trial_name="t"))
    assert await log.get("t") == []


LEGACY = """
CREATE TABLE observation_logs (
    trial_name VARCHAR(255) NOT NULL, id INTEGER PRIMARY KEY AUTOINCREMENT, time DATETIME(6),
    metric_name VARCHAR(255) NOT NULL, value TEXT NOT NULL);
INSERT INTO observation_logs (trial_name, time, metric_name, value) VALUES ('t', '2024-01-01 00:00:00.000000', 'loss', 'old');
INSERT INTO observation_logs (trial_name, time, metric_name, value) VALUES ('t', NULL, 'loss', 'timeless');
"""


def legacy_table(environment: dict[str, str]) -> None:
    with contextlib.closing(sqlite3.connect(environment["KATIB_SQLITE_PATH"])) as database:
        database.executescript(LEGACY)


async def test_8_a_table_of_katib_is_migrated_with_its_rows_and_stays_usable_for_it(
    environment: dict[str, str],
) -> None:
    """DB-17."""
    legacy_table(environment)
    for _ in range(2):
        async with serving(environment) as log:
            await log.report("t", [("2024-01-02T00:00:00Z", "loss", "new")], "a")
            assert [value for _, _, value in await log.get("t")] == ["timeless", "old", "new"]
    with contextlib.closing(sqlite3.connect(environment["KATIB_SQLITE_PATH"])) as database:
        database.execute(
            "INSERT INTO observation_logs (trial_name, time, metric_name, value) VALUES ('t', '2025-01-01 00:00:00', 'loss', 'theirs')"
        )
        assert database.execute("SELECT COUNT(*) FROM observation_logs").fetchone() == (4,)


async def test_without_permission_to_change_tables_an_old_one_is_used_as_it_is(environment: dict[str, str]) -> None:
    """DB-17: no DDL, no namespaces, no identities."""
    legacy_table(environment)
    async with serving(environment, initialize=False) as log:
        await eventually_serving(log)
        await log.report("t", [(NO_TIME, "loss", "1")], "a")
        assert len(await log.get("t", namespace="a")) == 3
    with contextlib.closing(sqlite3.connect(environment["KATIB_SQLITE_PATH"])) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(observation_logs)")]
    assert columns == ["trial_name", "id", "time", "metric_name", "value"]


async def eventually_serving(log: Log, service: str = "") -> None:
    async with asyncio.timeout(20):
        watch = log.health.Watch(health_pb2.HealthCheckRequest(service=service))
        async for reply in watch:
            if reply.status == health_pb2.HealthCheckResponse.SERVING:
                watch.cancel()
                return


async def status(log: Log, service: str = "") -> int:
    reply = await log.health.Check(health_pb2.HealthCheckRequest(service=service))
    return int(reply.status)


async def test_9_without_a_database_calls_are_unavailable_until_it_is_there(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """DB-8, DB-9."""
    folder = tmp_path / "later"
    gone = {**environment, "KATIB_SQLITE_PATH": str(folder / "log.sqlite")}
    async with serving(gone, initialize=False) as log:
        assert await status(log) == health_pb2.HealthCheckResponse.NOT_SERVING
        assert await code_of(log.report("t", [(NO_TIME, "loss", "1")])) == grpc.StatusCode.UNAVAILABLE
        folder.mkdir()
        legacy_table(gone)
        await eventually_serving(log)
        await log.report("t", [(NO_TIME, "loss", "1")])


async def test_health_knows_its_services_and_can_be_watched(log: Log) -> None:
    """DB-9."""
    for service in ("", "grpc.health.v1.Health", "api.v1.beta1.DBManager"):
        assert await status(log, service) == health_pb2.HealthCheckResponse.SERVING
    assert await code_of(log.health.Check(health_pb2.HealthCheckRequest(service="odd"))) == grpc.StatusCode.NOT_FOUND
    watch = log.health.Watch(health_pb2.HealthCheckRequest(service=""))
    first = await watch.read()
    watch.cancel()
    assert first.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("value", ["unavailable", "Genotype(normal=[('a', 0)])", "1e-300", "ü🙂" * 30_000])
async def test_10_values_come_back_byte_for_byte(log: Log, value: str) -> None:
    await log.report("t", [(NO_TIME, "loss", value)])
    assert await log.get("t") == [(NO_TIME, "loss", value)]


async def test_pages_follow_each_other_without_gaps(log: Log) -> None:
    """DB-13."""
    rows = [("2024-01-01T00:00:00Z", "loss", str(index)) for index in range(7)] + [
        ("2024-01-02T00:00:00Z", "loss", "7")
    ]
    await log.report("t", [*rows, (NO_TIME, "loss", "first")])
    values: list[str] = []
    token, pages = "", 0
    while pages == 0 or token:
        reply = await log.stub.GetObservationLog(
            api_pb2.GetObservationLogRequest(trial_name="t", limit=3, page_token=token)
        )
        values += [entry.metric.value for entry in reply.observation_log.metric_logs]
        token, pages = reply.next_page_token, pages + 1
    assert values == ["first", *(str(index) for index in range(8))]
    assert pages == 3


@pytest.fixture
def program(environment: dict[str, str], tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The real program on a Unix socket."""
    address = f"unix:{tmp_path / 'db.sock'}"
    command = [sys.executable, "-m", "katib_db", f"--listen-address={address}"]
    with (
        open(tmp_path / "db.log", "wb") as log,
        subprocess.Popen(command, env={**os.environ, **environment}, stderr=log) as process,
    ):
        yield process, address
        process.kill()


async def reported_once_it_serves(client: Log, value: str) -> None:
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(aio.AioRpcError):
                return await client.report("t", [(NO_TIME, "loss", value)])
            await asyncio.sleep(0.02)


async def test_a_report_that_finds_no_room_is_refused_whole_and_stored_once_when_there_is_some(
    program: tuple[subprocess.Popen[bytes], str],
) -> None:
    process, address = program
    rows = [(NO_TIME, "loss", str(value)) for value in range(2, 200)]
    async with aio.insecure_channel(address) as channel:
        client = Log(channel)
        await reported_once_it_serves(client, "1")
        _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        with pytest.raises(aio.AioRpcError) as refusal:
            await client.report("t", rows)
        assert refusal.value.code() == grpc.StatusCode.UNAVAILABLE
        assert (refusal.value.details() or "").startswith("the database does not work: ")
        assert await client.get("t") == [(NO_TIME, "loss", "1")]
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        for _ in range(2):
            await client.report("t", rows)
        assert len(await client.get("t")) == 199


async def test_what_was_acknowledged_survives_a_kill(
    program: tuple[subprocess.Popen[bytes], str], environment: dict[str, str]
) -> None:
    process, address = program
    async with aio.insecure_channel(address) as channel:
        await reported_once_it_serves(Log(channel), "1")
    process.kill()
    process.wait()
    async with serving(environment) as log:
        assert await log.get("t") == [(NO_TIME, "loss", "1")]


def test_sigterm_ends_the_program_cleanly(program: tuple[subprocess.Popen[bytes], str], tmp_path: Path) -> None:
    process, log = program[0], tmp_path / "db.log"
    while b"listening on" not in log.read_bytes():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0


WRONG_STARTS = {
    "no database": ({"DB_NAME": ""}, [], "DB_NAME is not set; it must be mysql, postgres or sqlite"),
    "unknown database": ({"DB_NAME": "oracle"}, [], "DB_NAME is 'oracle'"),
    "no file": ({"DB_NAME": "sqlite"}, [], "KATIB_SQLITE_PATH is not set"),
    "bad duration": ({"DB_NAME": "sqlite"}, ["--connect-timeout=soon"], "'soon' is no duration such as 60s"),
}


@pytest.mark.parametrize(("variables", "flags", "message"), WRONG_STARTS.values(), ids=WRONG_STARTS.keys())
def test_a_wrong_start_ends_with_one_readable_line(variables: dict[str, str], flags: list[str], message: str) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DB_", "KATIB_"))}
    done = subprocess.run(
        [sys.executable, "-m", "katib_db", *flags], env={**environment, **variables}, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert message in done.stderr.splitlines()[-1]


def test_nobody_but_the_owner_reads_the_files_of_a_new_log(tmp_path: Path) -> None:
    engine = open_engine(Address("sqlite", str(tmp_path / "log.sqlite")), 1.0)
    initialize(engine)
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    engine.dispose()
    assert modes == dict.fromkeys(["log.sqlite", "log.sqlite-wal", "log.sqlite-shm"], 0o600)


async def test_the_room_of_deleted_rows_is_given_back_to_the_disk(environment: dict[str, str], tmp_path: Path) -> None:
    rows = [("2024-01-01T00:00:00Z", "loss", str(index)) for index in range(40_000)]
    async with serving(environment) as log:
        await log.report("t", rows)
    full = (tmp_path / "log.sqlite").stat().st_size
    async with serving(environment) as log:
        await log.delete("t")
    assert (tmp_path / "log.sqlite").stat().st_size < full / 10


async def test_a_log_of_an_older_version_is_written_anew_so_that_it_gives_room_back(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """It was made without that, and SQLite can be told later only by writing the whole file."""
    file = tmp_path / "log.sqlite"
    async with serving(environment) as log:
        await log.report("t", [("2024-01-01T00:00:00Z", "loss", "1")])
    with contextlib.closing(sqlite3.connect(file)) as database:
        for statement in ("PRAGMA journal_mode=DELETE", "PRAGMA auto_vacuum=NONE", "VACUUM"):
            database.execute(statement)
    async with serving(environment) as log:
        assert await log.get("t") == [("2024-01-01T00:00:00Z", "loss", "1")]
    with contextlib.closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA auto_vacuum").fetchone() == (1,)


def test_a_port_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        build_parser().parse_args(["--listen-address=localhost:99999"])
    (line,) = capsys.readouterr().err.splitlines()
    assert "--listen-address: 'localhost:99999': ports go up to 65535: choose a lower one" in line
