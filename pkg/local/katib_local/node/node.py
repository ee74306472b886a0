"""The node: registers itself, runs the pods that are bound to it, and says how they are."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
from collections.abc import Mapping
from typing import Any

from katib_local.node.containers import ContainerError, gpu_count
from katib_local.node.host_paths import FAILED_MOUNT
from katib_local.node.kept_logs import keep_logs
from katib_local.node.lease import renew_lease
from katib_local.node.log_lines import attempt_of, last_attempts, log_files
from katib_local.node.machine import conditions, desired_node
from katib_local.node.options import NodeOptions
from katib_local.node.pod import PodRunner, now
from katib_local.node.probes import real_address
from katib_local.node.services import find_backend
from katib_local.node.status import status_patch
from katib_local.node.takeover import INTERRUPTED, has_begun, is_finished, render_interrupted, taken_up
from katib_local.node.tokens import service_account
from katib_machinery.cluster import Cluster
from katib_machinery.events import EventRecorder
from katib_machinery.informer import Handler, SharedInformer
from katib_machinery.objects import (
    CONFIG_MAPS,
    NODES,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    ObjectKey,
    Unstructured,
)
from katib_machinery.transport import ApiError, Transport

log = logging.getLogger(__name__)
Json = Mapping[str, Any]
HEARTBEAT = 10.0
ALLOWED_WITHIN, LOOK_AGAIN = 10.0, 0.1
"""For so long a cluster's authorizer may not know yet which pods it has given to the node, in seconds."""
ENDED = ("Succeeded", "Failed")
LOOPBACK = "127.0.0.1"


class Node:
    """All pods of this node over one set of caches."""

    def __init__(self, transport: Transport, options: NodeOptions) -> None:
        self.options = options
        self.cluster = Cluster(transport)
        # Without the selector a cluster does not let a node look at pods at all.
        self.pods = self._informer(PODS, f"spec.nodeName={options.name}")
        self.services = self._informer(SERVICES)
        self.recorder = EventRecorder(self.cluster.transport, "kubelet")
        self.runners: dict[str, PodRunner] = {}
        self.free_gpus = list(range(options.gpus))
        self._tasks: set[asyncio.Task[None]] = set()
        self.pods.add_handler(
            Handler(on_add=self._changed, on_update=lambda old, new: self._changed(new), on_delete=self._gone)
        )

    def _informer(self, resource: Any, fields: str | None = None) -> SharedInformer[Unstructured]:
        informer = SharedInformer(
            self.cluster.transport,
            resource,
            Unstructured.from_dict,
            field_selector=fields,
            on_bad=lambda error, raw: log.warning("an object of %s is skipped: %s", resource.plural, error),
        )
        return self.cluster.register(informer)

    async def run(self) -> None:
        """Register, then work until cancelled; no process of a pod is left then."""
        try:
            async with asyncio.TaskGroup() as tasks:
                node = await self._register()
                tasks.create_task(self.recorder.run())
                tasks.create_task(self.cluster.run())
                tasks.create_task(self._beat(node))
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a pod's task has failed", exc_info=task.exception())

    def _changed(self, pod: Unstructured) -> None:
        raw = pod.raw
        runner = self.runners.get(pod.uid)
        phase = (raw.get("status") or {}).get("phase")
        if pod.deletion_timestamp is not None:
            if runner is not None and not runner.over:
                runner.stop(float(raw["metadata"].get("deletionGracePeriodSeconds") or 0))
            else:
                self._spawn(self._delete(pod))
        elif runner is not None:
            runner.learn(raw)
        elif phase not in ENDED:
            self._adopt(pod)

    def _adopt(self, pod: Unstructured) -> None:
        """Run a pod; one that an earlier node had begun is run again or has failed, as its policy says."""
        raw = pod.to_dict()
        attempts = last_attempts(self.options.state_dir / "pods" / pod.uid / "logs")
        if raw["spec"].get("restartPolicy") == "Never" and has_begun(raw, attempts) and not is_finished(raw):
            self._spawn(self._interrupted(raw, attempts))
            return
        wanted = gpu_count(raw)
        gpus, self.free_gpus = self.free_gpus[:wanted], self.free_gpus[wanted:]
        runner = PodRunner(raw, self.options, self, gpus, taken_up(raw, attempts, now()))
        self.runners[pod.uid] = runner
        self._spawn(self._run(pod, runner))

    async def _run(self, pod: Unstructured, runner: PodRunner) -> None:
        try:
            await runner.run()
        finally:
            self.free_gpus = sorted([*self.free_gpus, *runner.gpus])
        held = self.pods.indexer.get(pod.key)
        if held is not None and held.uid == pod.uid and held.deletion_timestamp is not None:
            await self._delete(pod)

    async def _interrupted(self, raw: dict[str, Any], attempts: Mapping[str, int]) -> None:
        """The pod's processes have ended with the node that ran them; that is not the pod's fault (DisruptionTarget)."""
        message = "The node has restarted; the pod's processes had ended with it."
        status = render_interrupted(raw, attempts, message, now())
        await self.write_status(raw, status)
        self.emit(raw, "Warning", INTERRUPTED, message)

    def _gone(self, pod: Unstructured) -> None:
        runner = self.runners.pop(pod.uid, None)
        if runner is not None:
            runner.stop(0)
        folder = self.options.state_dir / "pods" / pod.uid
        try:
            keep_logs(self.options.state_dir / "ended", folder, (pod.namespace, pod.name), pod.labels)
        except OSError as error:
            log.warning("the logs of pod %s are not kept: %s", pod.key, error)
        shutil.rmtree(folder, ignore_errors=True)

    async def _delete(self, pod: Unstructured) -> None:
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod.uid}}
        with contextlib.suppress(ApiError):
            await self.cluster.transport.request(
                "DELETE", PODS.path(pod.namespace, pod.name), body=json.dumps(body).encode()
            )

    async def write_status(self, pod: Json, status: dict[str, Any]) -> None:
        """Write a pod's status beside the conditions that others write."""
        metadata = pod["metadata"]
        path = PODS.path(metadata["namespace"], metadata["name"], "status")
        patch = {"metadata": {"uid": metadata["uid"]}, "status": status_patch(status)}
        try:
            await self.cluster.transport.request(
                "PATCH", path, body=json.dumps(patch).encode(), content_type="application/strategic-merge-patch+json"
            )
        except ApiError as error:
            if error.code not in (404, 409, 422):
                log.warning("the status of pod %s was not written: %s", metadata["name"], error)

    def emit(self, pod: Json, type: str, reason: str, message: str) -> None:
        self.recorder.emit(Unstructured(pod), type, reason, message)

    async def fetch(self, kind: str, namespace: str, name: str) -> Json | None:
        resource = {"ConfigMap": CONFIG_MAPS, "Secret": SECRETS}[kind]
        try:
            found: Json = json.loads(await self._once_allowed("GET", resource.path(namespace, name)))
        except ApiError as error:
            if error.not_found:
                return None
            raise
        return found

    async def mint(self, pod: Json, audience: str, seconds: float) -> str:
        """A token that ends with the pod."""
        metadata, account = pod["metadata"], service_account(pod)
        bound = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
        spec = {"audiences": [audience] if audience else [], "expirationSeconds": int(seconds), "boundObjectRef": bound}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = SERVICE_ACCOUNTS.path(metadata["namespace"], account, "token")
        try:
            found = json.loads(await self._once_allowed("POST", path, json.dumps(body).encode()))
        except ApiError as error:
            cure = f": make it with kubectl create serviceaccount {account}" if error.not_found else ""
            message = f"no token of service account {account} (serviceAccountName): {error.message}{cure}"
            raise ContainerError(FAILED_MOUNT, message) from error
        return str(found["status"]["token"])

    async def _once_allowed(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """A request for what only the node of a pod may have; who has just got a pod is refused for a moment."""
        for _ in range(int(ALLOWED_WITHIN / LOOK_AGAIN)):
            try:
                return await self.cluster.transport.request(method, path, body=body)
            except ApiError as error:
                if error.code != 403:
                    raise
            await asyncio.sleep(LOOK_AGAIN)
        return await self.cluster.transport.request(method, path, body=body)

    async def resolve(self, name: str, port: int) -> str | None:
        """Where `NAME.NAMESPACE:PORT` is served: the real address of a ready pod that the Service selects."""
        service_name, _, namespace = name.partition(".")
        service = self.services.indexer.get(ObjectKey(namespace, service_name))
        if service is None:
            return None
        found = find_backend(service.raw, port, (runner.backend for runner in self.runners.values()))
        return real_address(found[1], found[0].addresses) if found else None

    def find_log(self, namespace: str, pod: str, container: str, previous: bool) -> Any:
        """The log file of a container, and whether it may still grow."""
        held = self.pods.indexer.get(ObjectKey(namespace, pod))
        if held is None:
            return None
        runner = self.runners.get(held.uid)
        files = log_files(self.options.state_dir / "pods" / held.uid / "logs", container)
        if len(files) <= int(previous):
            return None
        file = files[-2 if previous else -1]

        def may_grow() -> bool:
            return runner is not None and runner.writes(container, attempt_of(file))

        return file, may_grow

    async def _register(self) -> Json:
        """Make the Node, or bring the one that is there up to date; returns it."""
        document = desired_node(self.options, now())
        while True:
            try:
                answer = await self.cluster.transport.request("POST", NODES.path(), body=json.dumps(document).encode())
                created: Json = json.loads(answer)
                return created
            except ApiError as error:
                if error.already_exists:
                    labels = {"labels": document["metadata"]["labels"]}
                    return await self._patch_node({"status": document["status"], "metadata": labels})
                log.warning("the node is not registered yet: %s", error)
            except OSError as error:
                log.info("the API server does not answer yet: %s", error)
            await asyncio.sleep(0.05)

    async def _patch_node(self, patch: Json) -> Json:
        answer = await self.cluster.transport.request(
            "PATCH",
            NODES.path(None, self.options.name, "status"),
            body=json.dumps(patch).encode(),
            content_type="application/merge-patch+json",
        )
        patched: Json = json.loads(answer)
        return patched

    async def _beat(self, node: Json) -> None:
        """Say from time to time that the node is alive."""
        while True:
            try:
                await renew_lease(self.cluster.transport, node, now())
                await self._patch_node({"status": {"conditions": conditions(now(), node)}})
            except (ApiError, OSError) as error:
                log.info("the node could not say that it lives, and tries again: %s", error)
            await asyncio.sleep(HEARTBEAT)
