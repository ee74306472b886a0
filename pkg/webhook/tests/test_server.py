"""The webhook server over HTTPS, asked as an API server asks, with a cluster behind it that is real HTTP too."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from katib_apis.v1beta1.models import Trial
from katib_apis.v1beta1.resources import TRIALS
from katib_certgenerator.authority import Authority
from katib_machinery.cluster import Cluster
from katib_machinery.informer import SharedInformer
from katib_machinery.kube import connect
from katib_webhook.reader import ApiReader, CachedReader
from katib_webhook.server import WebhookServer, WebhookSettings

Json = dict[str, Any]
ENABLED = {"katib.kubeflow.org/metrics-collector-injection": "enabled"}
CONFIG = """
apiVersion: config.kubeflow.org/v1beta1
kind: KatibConfig
runtime:
  suggestions: [{algorithmName: random, image: "s:1"}]
  metricsCollectors: [{kind: StdOut, image: "c:1"}]
"""
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "main", "image": "i", "command": ["t", "${trialParameters.x}"]}],
            }
        }
    },
}
EXPERIMENT: Json = {
    "apiVersion": "kubeflow.org/v1beta1",
    "kind": "Experiment",
    "metadata": {"name": "exp", "namespace": "ns"},
    "spec": {
        "objective": {"type": "maximize", "objectiveMetricName": "accuracy"},
        "algorithm": {"algorithmName": "random"},
        "parallelTrialCount": 1,
        "maxTrialCount": 3,
        "parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}],
        "trialTemplate": {
            "primaryContainerName": "main",
            "successCondition": "a",
            "failureCondition": "b",
            "trialParameters": [{"name": "x", "reference": "x"}],
            "trialSpec": JOB,
        },
        "metricsCollectorSpec": {"collector": {"kind": "StdOut"}},
    },
}
TRIAL: Json = {
    "apiVersion": "kubeflow.org/v1beta1",
    "kind": "Trial",
    "metadata": {"name": "exp-1", "namespace": "ns", "labels": {"katib.kubeflow.org/experiment": "exp"}},
    "spec": {
        "objective": {"type": "maximize", "objectiveMetricName": "accuracy"},
        "primaryContainerName": "main",
        "metricsCollector": {"collector": {"kind": "StdOut"}},
    },
}


def reference(api_version: str, kind: str, name: str) -> Json:
    return {"ownerReferences": [{"apiVersion": api_version, "kind": kind, "name": name, "controller": True}]}


OBJECTS: Json = {
    "/api/v1/namespaces/ns": {"metadata": {"name": "ns", "labels": ENABLED}},
    "/api/v1/namespaces/plain": {"metadata": {"name": "plain"}},
    "/api/v1/namespaces/kubeflow/configmaps/katib-config": {"data": {"katib-config.yaml": CONFIG}},
    "/apis/kubeflow.org/v1beta1/namespaces/ns/trials/exp-1": TRIAL,
    "/apis/batch/v1": {"resources": [{"name": "jobs", "kind": "Job"}, {"name": "jobs/status", "kind": "Job"}]},
    "/apis/batch/v1/namespaces/ns/jobs/exp-1": {
        "metadata": {"name": "exp-1", **reference("kubeflow.org/v1beta1", "Trial", "exp-1")}
    },
    "/apis/batch/v1/namespaces/ns/jobs/other": {"metadata": {"name": "other"}},
}


class Objects:
    """The objects that the webhook may read, over HTTP; `broken` makes every read fail."""

    def __init__(self) -> None:
        self.broken = False

    async def answer(self, request: web.Request) -> web.Response:
        if self.broken:
            return web.json_response({"kind": "Status", "code": 500, "message": "etcd is away"}, status=500)
        if (found := OBJECTS.get(request.path)) is not None:
            return web.json_response(found)
        missing = {"kind": "Status", "code": 404, "reason": "NotFound", "message": f"{request.path} not found"}
        return web.json_response(missing, status=404)


class Webhook:
    """Asks the running server."""

    def __init__(self, port: int, authority: Path, cluster: Objects, certificates: Path) -> None:
        self.cluster = cluster
        self.certificates = certificates
        self._url = f"https://127.0.0.1:{port}"
        self.tls = ssl.create_default_context(cafile=authority)

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self.tls, force_close=True)) as session,
            session.post(f"{self._url}{path}", data=body) as response,
        ):
            return response.status, await response.read()

    async def review(self, path: str, document: Json, namespace: str = "ns", **request: Any) -> Json:
        """The response to an AdmissionReview."""
        metadata = document.get("metadata") or {}
        asked = {"uid": "u1", "operation": "CREATE", "namespace": namespace, "name": metadata.get("name", "")}
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        code, body = await self.post(
            path, json.dumps({**review, "request": {**asked, "object": document, **request}}).encode()
        )
        assert code == 200
        answer = json.loads(body)
        assert answer["kind"] == "AdmissionReview" and answer["apiVersion"] == "admission.k8s.io/v1"
        response: Json = answer["response"]
        assert response["uid"] == "u1"
        return response


def write_certificates(folder: Path, authority: Authority) -> None:
    issued = authority.issue_server(
        "webhook", now=datetime.now(UTC), dns_names=["localhost"], ip_addresses=["127.0.0.1"]
    )
    (folder / "tls.crt").write_bytes(issued.certificate_pem)
    (folder / "tls.key").write_bytes(issued.key_pem)


@pytest.fixture
async def webhook(tmp_path: Path) -> AsyncIterator[Webhook]:
    authority = Authority.create("test", now=datetime.now(UTC))
    (tmp_path / "ca.crt").write_bytes(authority.certificate_pem)
    write_certificates(tmp_path, authority)
    cluster = Objects()
    application = web.Application()
    application.router.add_get("/{path:.*}", cluster.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{runner.addresses[0][1]}"}}],
                "users": [{"name": "c", "user": {}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
            }
        )
    )
    settings = WebhookSettings("127.0.0.1", 0, tmp_path, "katib-db-manager.kubeflow:6789")
    async with (
        connect(str(kubeconfig)) as transport,
        WebhookServer(ApiReader(transport, "kubeflow"), settings).serving() as server,
    ):
        yield Webhook(server.port, tmp_path / "ca.crt", cluster, tmp_path)
    await runner.cleanup()


def patch_of(response: Json) -> list[Json]:
    assert response["allowed"] and response["patchType"] == "JSONPatch"
    operations: list[Json] = json.loads(base64.b64decode(response["patch"]))
    return operations


async def test_defaults_are_a_patch_that_only_adds(webhook: Webhook) -> None:
    """webhooks.md §3, WH-11."""
    operations = patch_of(await webhook.review("/mutate-experiment", EXPERIMENT))
    assert {operation["op"] for operation in operations} == {"add"}
    added = {operation["path"]: operation["value"] for operation in operations}
    assert added["/spec/resumePolicy"] == "Never"
    assert added["/spec/parameters/0/feasibleSpace/distribution"] == "uniform"


async def test_a_good_experiment_is_admitted(webhook: Webhook) -> None:
    assert await webhook.review("/validate-experiment", EXPERIMENT) == {"uid": "u1", "allowed": True}


async def test_a_wrong_one_is_denied_with_every_reason(webhook: Webhook) -> None:
    """webhooks.md §4."""
    wrong = {**EXPERIMENT, "spec": {**EXPERIMENT["spec"], "parallelTrialCount": 0, "algorithm": {"algorithmName": "x"}}}
    response = await webhook.review("/validate-experiment", wrong)
    assert not response["allowed"] and response["status"]["code"] == 400
    message = response["status"]["message"]
    assert (
        message.startswith("[spec.parallelTrialCount: Invalid value: 0: ") and "spec.algorithm.algorithmName" in message
    )


async def test_wrong_types_are_named_by_their_path(webhook: Webhook) -> None:
    wrong = {**EXPERIMENT, "spec": {**EXPERIMENT["spec"], "maxTrialCount": "three"}}
    response = await webhook.review("/validate-experiment", wrong)
    assert response["status"]["code"] == 400 and "spec.maxTrialCount" in response["status"]["message"]


async def test_a_namespace_without_the_label_is_named_with_the_cure(webhook: Webhook) -> None:
    """WH-17; of one that loses it later the Trial tells."""
    response = await webhook.review("/validate-experiment", EXPERIMENT, namespace="plain")
    message = response["status"]["message"]
    assert response["status"]["code"] == 400
    assert "exp" in message and "plain" in message
    assert "kubectl label namespace plain katib.kubeflow.org/metrics-collector-injection=enabled" in message


async def test_an_unchanged_spec_or_a_deletion_is_never_refused(webhook: Webhook) -> None:
    """WH-6: also when nothing can be read any more."""
    webhook.cluster.broken = True
    old = {**EXPERIMENT, "spec": {**EXPERIMENT["spec"], "parallelTrialCount": 0}}
    unchanged = {**old, "metadata": {**old["metadata"], "finalizers": []}}
    answer = await webhook.review("/validate-experiment", unchanged, operation="UPDATE", oldObject=old)
    assert answer["allowed"]
    deleted = {**EXPERIMENT, "metadata": {**EXPERIMENT["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    answer = await webhook.review("/validate-experiment", deleted, operation="UPDATE", oldObject=old)
    assert answer["allowed"]


async def test_a_cluster_that_cannot_be_read_is_an_error_of_the_server(webhook: Webhook) -> None:
    webhook.cluster.broken = True
    response = await webhook.review("/validate-experiment", EXPERIMENT)
    assert response["status"]["code"] == 500 and "etcd is away" in response["status"]["message"]


async def test_a_kind_that_is_not_watched_is_a_warning(webhook: Webhook) -> None:
    """WH-18."""
    template = {
        **EXPERIMENT["spec"]["trialTemplate"],
        "trialSpec": {**JOB, "apiVersion": "pizza.io/v1", "kind": "Pizza"},
    }
    response = await webhook.review(
        "/validate-experiment", {**EXPERIMENT, "spec": {**EXPERIMENT["spec"], "trialTemplate": template}}
    )
    assert response["allowed"] and "Pizza of pizza.io/v1" in response["warnings"][0]


def a_pod(owner: Json, **labels: str) -> Json:
    spec = {"containers": [{"name": "main", "image": "i", "command": ["train"]}]}
    return {"metadata": {"generateName": "exp-1-", "labels": labels, **owner}, "spec": spec}


async def test_a_trials_pod_gets_its_collector(webhook: Webhook) -> None:
    """webhooks.md §5: Pod, Job, Trial."""
    operations = patch_of(await webhook.review("/mutate-pod", a_pod(reference("batch/v1", "Job", "exp-1"))))
    text = json.dumps(operations)
    assert "metrics-logger-and-collector" in text and "katib-db-manager.kubeflow:6789" in text
    assert "echo completed > /var/log/katib/" in text


@pytest.mark.parametrize(
    ("config", "address"),
    [
        (CONFIG, "exp-random.ns:6788"),
        (
            f"{CONFIG}  earlyStoppings: [{{algorithmName: medianstop, endpoint: 'stop.kubeflow:6788'}}]",
            "stop.kubeflow:6788",
        ),
    ],
)
async def test_a_sidecar_tells_of_an_early_stop_where_the_rules_come_from(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch, config: str, address: str
) -> None:
    """ES-01: the Experiment's own service, or one for all."""
    rule = {"name": "accuracy", "value": "0.5", "comparison": "less", "startStep": 4}
    spec = {"algorithm": {"algorithmName": "random"}, "earlyStopping": {"algorithmName": "medianstop"}}
    home = "/apis/kubeflow.org/v1beta1/namespaces/ns"
    for path, document in {
        f"{home}/trials/exp-1": {**TRIAL, "spec": {**TRIAL["spec"], "earlyStoppingRules": [rule]}},
        f"{home}/suggestions/exp": {"metadata": {"name": "exp", "namespace": "ns"}, "spec": spec},
        "/api/v1/namespaces/kubeflow/configmaps/katib-config": {"data": {"katib-config.yaml": config}},
    }.items():
        monkeypatch.setitem(OBJECTS, path, document)
    operations = patch_of(await webhook.review("/mutate-pod", a_pod(reference("batch/v1", "Job", "exp-1"))))
    assert f'"-stop-rule", "accuracy;0.5;less;4", "-s-earlystop", "{address}"' in json.dumps(operations)


async def test_a_pod_behind_the_replica_set_of_a_deployment_that_is_a_trials_has_its_collector(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its template has no mark: the controller knows that of Jobs alone."""
    apps = "/apis/apps/v1"
    for path, document in {
        apps: {"resources": [{"name": f"{kind.lower()}s", "kind": kind} for kind in ("Deployment", "ReplicaSet")]},
        f"{apps}/namespaces/ns/replicasets/r": {"metadata": {"name": "r", **reference("apps/v1", "Deployment", "d")}},
        f"{apps}/namespaces/ns/deployments/d": {
            "metadata": {"name": "d", **reference("kubeflow.org/v1beta1", "Trial", "exp-1")}
        },
    }.items():
        monkeypatch.setitem(OBJECTS, path, document)
    assert patch_of(await webhook.review("/mutate-pod", a_pod(reference("apps/v1", "ReplicaSet", "r"))))


@pytest.mark.parametrize(
    "owner",
    [
        {},
        reference("batch/v1", "Job", "other"),
        reference("batch/v1", "Job", "gone"),
        reference("odd.io/v1", "Odd", "x"),
    ],
    ids=["nobody", "another Job", "a Job that is gone", "an unknown kind"],
)
async def test_other_pods_are_admitted_as_they_are(webhook: Webhook, owner: Json) -> None:
    assert await webhook.review("/mutate-pod", a_pod(owner)) == {"uid": "u1", "allowed": True}


async def test_when_the_look_up_fails_only_marked_pods_are_held_back(
    webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    """WH-1: of the others the operator is told."""
    webhook.cluster.broken = True
    owner = reference("batch/v1", "Job", "exp-1")
    assert (await webhook.review("/mutate-pod", a_pod(owner)))["allowed"]
    (told,) = caplog.messages
    assert told.startswith("pod ns/exp-1- is admitted without a look at its owners: ") and "etcd is away" in told
    marked = await webhook.review("/mutate-pod", a_pod(owner, **{"katib.kubeflow.org/trial": "exp-1"}))
    assert not marked["allowed"] and marked["status"]["code"] == 500


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"request": 3}', b'{"request": {}}'])
@pytest.mark.parametrize("path", ["/mutate-experiment", "/validate-experiment", "/mutate-pod"])
async def test_what_is_no_review_is_a_bad_request(webhook: Webhook, path: str, body: bytes) -> None:
    code, text = await webhook.post(path, body)
    assert code == 400 and b"AdmissionReview" in text


async def test_a_renewed_certificate_is_served_without_a_restart(webhook: Webhook) -> None:
    """webhooks.md §10: the next look finds the new files."""
    renewed = Authority.create("renewed", now=datetime.now(UTC))
    write_certificates(webhook.certificates, renewed)
    for name in ("tls.crt", "tls.key"):
        os.utime(webhook.certificates / name, (1, 1))
    (webhook.certificates / "ca.crt").write_bytes(renewed.certificate_pem)
    webhook.tls = ssl.create_default_context(cafile=webhook.certificates / "ca.crt")
    async with asyncio.timeout(30):
        while True:
            try:
                await webhook.review("/mutate-experiment", EXPERIMENT)
                return
            except aiohttp.ClientConnectorCertificateError:
                await asyncio.sleep(0.2)


async def test_what_the_program_has_in_its_caches_is_not_asked_for_again(webhook: Webhook) -> None:
    """The Trial of a pod is known already; an object that is not cached is read."""
    async with connect(str(webhook.certificates / "kubeconfig")) as transport:
        cluster = Cluster(transport)
        trials = SharedInformer(cluster.transport, TRIALS, Trial.from_dict, on_bad=lambda error, raw: None)
        cluster.register(trials).put_own(Trial.from_dict({**TRIAL, "metadata": {**TRIAL["metadata"], "uid": "u"}}))
        reader = CachedReader(cluster, "kubeflow")
        found = await reader.find_trial("ns", "exp-1")
        assert found is not None and found.name == "exp-1" and cluster.counters.total == 0
        assert await reader.find_namespace_labels("ns") == ENABLED and cluster.counters.total == 1
