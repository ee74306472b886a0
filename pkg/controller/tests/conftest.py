"""What the tests of the controllers share: builders of objects, an API server in memory, services over real gRPC."""

import asyncio
import copy
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from grpc import aio

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc, names
from katib_apis.v1beta1.models import Experiment, Suggestion, Trial
from katib_machinery.objects import Unstructured
from katib_machinery.transport import ApiError

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
COMPLETE = 'status.conditions.#(type=="Complete")#|#(status=="True")#'
FAILED = 'status.conditions.#(type=="Failed")#|#(status=="True")#'
OBJECTIVE = {
    "type": "maximize",
    "objectiveMetricName": "accuracy",
    "metricStrategies": [{"name": "accuracy", "value": "max"}],
}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "main", "image": "i", "command": ["train", "${trialParameters.rate}"]}],
            }
        }
    },
}


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON merge patch."""
    result = dict(copy.deepcopy(base))
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            result[key] = merged(result.get(key) or {}, value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def condition(type_: str, status: str = "True", reason: str = "", message: str = "", at: datetime = NOW) -> dict:
    text = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": type_,
        "status": status,
        "reason": reason or type_,
        "message": message,
        "lastUpdateTime": text,
        "lastTransitionTime": text,
    }


def owner(kind: str, name: str, uid: str) -> list[dict[str, Any]]:
    api_version = "kubeflow.org/v1beta1"
    return [{"apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": True}]


def experiment_dict(name: str = "exp", namespace: str = "ns", **spec: Any) -> dict[str, Any]:
    parameter = {"name": "rate", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}
    template = {
        "primaryContainerName": "main",
        "successCondition": COMPLETE,
        "failureCondition": FAILED,
        "trialParameters": [{"name": "rate", "reference": "rate"}],
        "trialSpec": JOB,
    }
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "objective": OBJECTIVE,
            "algorithm": {"algorithmName": "random"},
            "parallelTrialCount": 3,
            "maxTrialCount": 12,
            "resumePolicy": "Never",
            "parameters": [parameter],
            "trialTemplate": template,
            "metricsCollectorSpec": {"collector": {"kind": "StdOut"}},
            **spec,
        },
    }


def an_experiment(changes: Mapping[str, Any] | None = None, **spec: Any) -> Experiment:
    """An Experiment that was created and has its finalizer."""
    raw = experiment_dict(**spec)
    raw["metadata"] |= {"uid": "exp-uid", "resourceVersion": "1", "finalizers": [names.FINALIZER_EXPERIMENT]}
    raw["status"] = {"conditions": [condition("Created", reason="ExperimentCreated")]}
    return Experiment.from_dict(merged(raw, changes or {}))


def a_trial(name: str = "exp-a", state: str = "Running", value: str | None = None, **changes: Any) -> Trial:
    """A Trial of that Experiment in one state, perhaps with an observed value."""
    conditions = [condition("Created", reason="TrialCreated")]
    if state != "Pending":
        running = "True" if state == "Running" else "False"
        conditions.append(condition("Running", running, "TrialRunning", "Trial is running"))
    if state not in ("Pending", "Running"):
        conditions.append(condition(state))
    raw = {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Trial",
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": f"{name}-uid",
            "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T11:00:00Z",
            "finalizers": [names.FINALIZER_TRIAL],
            "labels": {names.LABEL_EXPERIMENT: "exp"},
            "ownerReferences": owner("Experiment", "exp", "exp-uid"),
        },
        "spec": {
            "objective": OBJECTIVE,
            "parameterAssignments": [{"name": "rate", "value": "0.5"}],
            "runSpec": merged(JOB, {"metadata": {"name": name, "namespace": "ns"}}),
            "primaryContainerName": "main",
            "successCondition": COMPLETE,
            "failureCondition": FAILED,
            "metricsCollector": {"collector": {"kind": "StdOut"}},
        },
        "status": {"conditions": conditions},
    }
    if value is not None:
        raw["status"]["observation"] = {"metrics": [{"name": "accuracy", "min": value, "max": value, "latest": value}]}
    return Trial.from_dict(merged(raw, changes))


def a_suggestion(assignments: list[str] | None = None, requests: int = 3, **changes: Any) -> Suggestion:
    """A running Suggestion of that Experiment with assignments of these names."""
    given = [{"name": name, "parameterAssignments": [{"name": "rate", "value": "0.5"}]} for name in assignments or []]
    raw = {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Suggestion",
        "metadata": {
            "name": "exp",
            "namespace": "ns",
            "uid": "sug-uid",
            "resourceVersion": "1",
            "ownerReferences": owner("Experiment", "exp", "exp-uid"),
        },
        "spec": {"algorithm": {"algorithmName": "random"}, "requests": requests, "resumePolicy": "Never"},
        "status": {
            "conditions": [
                condition("Created", reason="SuggestionCreated"),
                condition("DeploymentReady", reason="DeploymentReady"),
                condition("Running", reason="SuggestionRunning"),
            ],
            **({"suggestions": given, "suggestionCount": len(given)} if given else {}),
        },
    }
    return Suggestion.from_dict(merged(raw, changes))


def a_job(trial: Trial, *conditions: dict[str, Any], **status: Any) -> Unstructured:
    """The live job of a Trial."""
    metadata = {
        "name": trial.name,
        "namespace": trial.namespace,
        "uid": f"{trial.name}-job",
        "creationTimestamp": "2026-01-01T11:30:00Z",
        "ownerReferences": owner("Trial", trial.name, trial.uid),
    }
    raw = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": JOB["spec"]}
    return Unstructured({**raw, "status": {"conditions": list(conditions), **status}})


def a_pod(trial: Trial, containers: list[str], **status: Any) -> Unstructured:
    """A pod of a Trial."""
    metadata = {"name": f"{trial.name}-pod", "namespace": trial.namespace, "labels": {names.LABEL_TRIAL: trial.name}}
    spec = {"containers": [{"name": name} for name in containers]}
    return Unstructured({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status})


def rows(*values: str, metric: str = "accuracy") -> tuple[api_pb2.MetricLog, ...]:
    """Rows of one metric, a second apart."""
    start = datetime(2026, 1, 1, 11, 31, tzinfo=UTC)
    return tuple(
        api_pb2.MetricLog(
            time_stamp=(start + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            metric=api_pb2.Metric(name=metric, value=value),
        )
        for number, value in enumerate(values)
    )


@pytest.fixture(scope="session")
def build() -> SimpleNamespace:
    """Builders of objects."""
    return SimpleNamespace(
        now=NOW,
        condition=condition,
        merged=merged,
        experiment_dict=experiment_dict,
        an_experiment=an_experiment,
        a_trial=a_trial,
        a_suggestion=a_suggestion,
        a_job=a_job,
        a_pod=a_pod,
        rows=rows,
        complete=COMPLETE,
        failed=FAILED,
        job=JOB,
    )


class MemoryApi:
    """An API server in memory, as far as the controllers use one: versions, conflicts, finalizers, owners, watches."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.conflicts = 0
        self.refuse: Callable[[str, str], ApiError | None] = lambda method, path: None
        self._version = itertools.count(1)
        self._uid = itertools.count(1)
        self._watchers: list[tuple[str, str, asyncio.Queue[dict[str, Any]]]] = []

    # ---- for tests

    def all(self, plural: str, namespace: str = "") -> list[dict[str, Any]]:
        return [raw for (kind, ns, _), raw in self.objects.items() if kind == plural and namespace in ("", ns)]

    def get(self, plural: str, name: str, namespace: str = "ns") -> dict[str, Any] | None:
        return self.objects.get((plural, namespace, name))

    def put(self, plural: str, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Store an object as a user would."""
        return self._create(plural, copy.deepcopy(dict(raw)))

    def change(self, plural: str, name: str, changes: Mapping[str, Any], namespace: str = "ns") -> None:
        """Merge a change into an object, as another controller would."""
        key = (plural, namespace, name)
        self._store(key, merged(self.objects[key], changes))

    def delete(self, plural: str, name: str, namespace: str = "ns") -> None:
        self._delete((plural, namespace, name), {})

    def writes(self, *plurals: str) -> list[tuple[str, str]]:
        return [
            (method, path)
            for method, path in self.requests
            if method != "GET" and any(f"/{plural}" in path for plural in plurals)
        ]

    # ---- the Transport protocol

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        await asyncio.sleep(0)
        self.requests.append((method, path))
        if (error := self.refuse(method, path)) is not None:
            raise error
        plural, namespace, name, subresource = self._parse(path)
        raw = json.loads(body) if body else {}
        if method == "POST":
            raw["metadata"]["namespace"] = namespace
            return self._answer(self._create(plural, raw))
        if not name:
            return self._answer(self._list(plural, namespace, params or {}))
        key = (plural, namespace, name)
        if key not in self.objects:
            raise ApiError(404, "NotFound", f'{plural} "{name}" not found')
        match method:
            case "GET":
                return self._answer(self.objects[key])
            case "PUT":
                return self._answer(self._replace(key, raw, subresource))
            case "PATCH":
                self._check(key, raw)
                return self._answer(self._store(key, merged(self.objects[key], raw)))
            case _:
                return self._answer(self._delete(key, raw))

    async def stream(self, path: str, *, params: Mapping[str, str] | None = None) -> AsyncIterator[bytes]:
        plural, namespace, _, _ = self._parse(path)
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        since = int((params or {}).get("resourceVersion") or 0)
        for raw in self._list(plural, namespace, {})["items"]:
            if int(raw["metadata"]["resourceVersion"]) > since:
                queue.put_nowait({"type": "ADDED", "object": raw})
        watcher = (plural, namespace, queue)
        self._watchers.append(watcher)
        try:
            while True:
                yield json.dumps(await queue.get()).encode()
        finally:
            self._watchers.remove(watcher)

    # ---- inside

    @staticmethod
    def _parse(path: str) -> tuple[str, str, str, str]:
        parts = path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = ""
        if parts and parts[0] == "namespaces" and len(parts) > 2:
            namespace, parts = parts[1], parts[2:]
        parts += [""] * (3 - len(parts))
        return parts[0], namespace, parts[1], parts[2]

    @staticmethod
    def _answer(raw: Mapping[str, Any]) -> bytes:
        return json.dumps(raw).encode()

    def _list(self, plural: str, namespace: str, params: Mapping[str, str]) -> dict[str, Any]:
        wanted = dict(part.split("=") for part in params.get("labelSelector", "").split(",") if part)
        items = [
            copy.deepcopy(raw)
            for raw in self.all(plural, namespace)
            if all((raw["metadata"].get("labels") or {}).get(key) == value for key, value in wanted.items())
        ]
        return {"metadata": {"resourceVersion": str(next(self._version))}, "items": items}

    def _create(self, plural: str, raw: dict[str, Any]) -> dict[str, Any]:
        metadata = raw["metadata"]
        key = (plural, metadata.get("namespace") or "", metadata["name"])
        if key in self.objects:
            raise ApiError(409, "AlreadyExists", f'{plural} "{metadata["name"]}" already exists')
        metadata["uid"] = f"uid-{next(self._uid)}"
        metadata["creationTimestamp"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self._store(key, raw, "ADDED")

    def _check(self, key: tuple[str, str, str], raw: Mapping[str, Any]) -> None:
        version = (raw.get("metadata") or {}).get("resourceVersion")
        if version and version != self.objects[key]["metadata"]["resourceVersion"]:
            self.conflicts += 1
            raise ApiError(409, "Conflict", "the object has been modified")

    def _replace(self, key: tuple[str, str, str], raw: dict[str, Any], subresource: str) -> dict[str, Any]:
        self._check(key, raw)
        current = self.objects[key]
        if subresource == "status":
            return self._store(key, {**current, "status": raw.get("status") or {}})
        kept = {name: current["metadata"].get(name) for name in ("uid", "creationTimestamp", "deletionTimestamp")}
        metadata = {**raw["metadata"], **{name: value for name, value in kept.items() if value}}
        return self._store(key, {**raw, "metadata": metadata, "status": current.get("status") or {}})

    def _store(self, key: tuple[str, str, str], raw: dict[str, Any], event: str = "MODIFIED") -> dict[str, Any]:
        metadata = {**raw["metadata"], "resourceVersion": str(next(self._version))}
        raw = {**raw, "metadata": metadata}
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            return self._remove(key, raw)
        self.objects[key] = raw
        self._tell(key, event, raw)
        return raw

    def _delete(self, key: tuple[str, str, str], options: Mapping[str, Any]) -> dict[str, Any]:
        raw = self.objects[key]
        if raw["metadata"].get("finalizers"):
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            return self._store(key, merged(raw, {"metadata": {"deletionTimestamp": now}}))
        return self._remove(key, raw)

    def _remove(self, key: tuple[str, str, str], raw: dict[str, Any]) -> dict[str, Any]:
        self.objects.pop(key, None)
        raw = merged(raw, {"metadata": {"resourceVersion": str(next(self._version))}})
        self._tell(key, "DELETED", raw)
        for other, owned in list(self.objects.items()):
            references = owned["metadata"].get("ownerReferences") or []
            if any(reference["uid"] == raw["metadata"]["uid"] for reference in references):
                self._delete(other, {})
        return {"kind": "Status", "status": "Success"}

    def _tell(self, key: tuple[str, str, str], event: str, raw: dict[str, Any]) -> None:
        for plural, namespace, queue in self._watchers:
            if plural == key[0] and namespace in ("", key[1]):
                queue.put_nowait({"type": event, "object": copy.deepcopy(raw)})


class Rows(api_pb2_grpc.DBManagerServicer):
    """A DB manager that keeps rows in a dict."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], list[api_pb2.MetricLog]] = {}
        self.deleted: list[tuple[str, str]] = []

    async def ReportObservationLog(self, request: Any, context: Any) -> Any:
        key = (request.namespace, request.trial_name)
        self.rows.setdefault(key, []).extend(request.observation_log.metric_logs)
        return api_pb2.ReportObservationLogReply()

    async def GetObservationLog(self, request: Any, context: Any) -> Any:
        found = self.rows.get((request.namespace, request.trial_name), [])
        logs = [row for row in found if request.metric_name in ("", row.metric.name)]
        return api_pb2.GetObservationLogReply(observation_log=api_pb2.ObservationLog(metric_logs=logs))

    async def DeleteObservationLog(self, request: Any, context: Any) -> Any:
        self.deleted.append((request.namespace, request.trial_name))
        self.rows.pop((request.namespace, request.trial_name), None)
        return api_pb2.DeleteObservationLogReply()


class Algorithm(api_pb2_grpc.SuggestionServicer):
    """An algorithm that returns ever new values, as long as it has some; it is in no hurry for the `slow` Experiment."""

    def __init__(self, points: int = 10**9) -> None:
        self.points = points
        self.slow = ""
        self.hurry = asyncio.Event()
        self.requests: list[Any] = []
        self.refusal: tuple[Any, str] | None = None

    async def ValidateAlgorithmSettings(self, request: Any, context: Any) -> Any:
        if self.refusal is not None:
            await context.abort(*self.refusal)
        return api_pb2.ValidateAlgorithmSettingsReply()

    async def GetSuggestions(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        if request.experiment.name == self.slow:
            await self.hurry.wait()
        first = request.total_request_number - request.current_request_number
        last = min(request.total_request_number, self.points)
        replies = [
            api_pb2.GetSuggestionsReply.ParameterAssignments(
                assignments=[api_pb2.ParameterAssignment(name="rate", value=str((number + 1) / 1000))]
            )
            for number in range(first, last)
        ]
        return api_pb2.GetSuggestionsReply(parameter_assignments=replies)


@pytest.fixture
def memory_api() -> MemoryApi:
    """An empty API server."""
    return MemoryApi()


@pytest.fixture
async def services() -> AsyncIterator[SimpleNamespace]:
    """A DB manager and an algorithm service on real gRPC servers."""
    db, algorithm, server = Rows(), Algorithm(), aio.server()
    api_pb2_grpc.add_DBManagerServicer_to_server(db, server)
    api_pb2_grpc.add_SuggestionServicer_to_server(algorithm, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield SimpleNamespace(rows=db, algorithm=algorithm, address=f"127.0.0.1:{port}")
    await server.stop(None)
