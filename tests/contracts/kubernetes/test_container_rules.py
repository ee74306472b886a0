"""What containers and volumes of a pod may not say: every cause in the words of a real server."""

from __future__ import annotations

from typing import Any

import pytest
from contracts.kubernetes.servers import SPACE, Json, Server, by_version

PODS = f"{SPACE}/pods"
FIRST, INIT, VOLUME = "spec.containers[0]", "spec.initContainers[0]", "spec.volumes[0]"
RESOURCES = ", ".join(
    f'"{side}.{name}"' for side in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
HEADER = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is "
    "'[-A-Za-z0-9]+')"
)
VARIABLE = "a valid environment variable name must consist only of printable ASCII characters other than '='"
LETTERS, SIGNS = (
    "must contain at least one letter (a-z)",
    "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
)
MODE = "must be a number between 0 and 0777 (octal), both inclusive"
NATURAL, PORT = "must be greater than or equal to 0", "must be between 1 and 65535, inclusive"
ONLY_ALWAYS = "Forbidden: may not be set for init containers without restartPolicy=Always"
TCP: Json = {"tcpSocket": {"port": 1}}
RUN: Json = {"exec": {"command": ["a"]}}


def a_pod(container: Json | None = None, **spec: Any) -> Json:
    return {
        "metadata": {"name": "x"},
        "spec": {"containers": [{"name": "a", "image": "i", **(container or {})}], **spec},
    }


def with_volume(**volume: Any) -> Json:
    return a_pod(volumes=[{"name": "v", **volume}])


def with_init(**container: Any) -> Json:
    return a_pod(initContainers=[{"name": "b", "image": "i", **container}])


def from_resource(**resource: Any) -> Json:
    return a_pod({"env": [{"name": "A", "valueFrom": {"resourceFieldRef": resource}}]})


REFUSED: dict[str, tuple[Json, list[str]]] = {
    "successes of a probe": (
        a_pod({"livenessProbe": {**TCP, "successThreshold": 2}}),
        [f"{FIRST}.livenessProbe.successThreshold: Invalid value: 2: must be 1"],
    ),
    "less than nothing in a probe": (
        a_pod({"readinessProbe": {**TCP, "periodSeconds": -1, "terminationGracePeriodSeconds": 5}}),
        [
            f"{FIRST}.readinessProbe.periodSeconds: Invalid value: -1: {NATURAL}",
            f"{FIRST}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes",
        ],
    ),
    "a probe over HTTP": (
        a_pod(
            {"startupProbe": {"httpGet": {"port": 0, "scheme": "FTP", "httpHeaders": [{"name": "a b", "value": "x"}]}}}
        ),
        [
            f'{FIRST}.startupProbe.httpGet.httpHeaders: Invalid value: "a b": {HEADER}',
            f"{FIRST}.startupProbe.httpGet.port: Invalid value: 0: {PORT}",
            f'{FIRST}.startupProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
        ],
    ),
    "a probe of a port without a name": (
        a_pod({"livenessProbe": {"tcpSocket": {"port": "5_"}}}),
        [f'{FIRST}.livenessProbe.tcpSocket.port: Invalid value: "5_": {words}' for words in (LETTERS, SIGNS)],
    ),
    "a probe that runs nothing": (
        a_pod({"livenessProbe": {"exec": {}}}),
        [f"{FIRST}.livenessProbe.exec.command: Required value"],
    ),
    "hooks": (
        a_pod({"lifecycle": {"postStart": {}, "preStop": {"httpGet": {"port": 1}, **RUN}}}),
        [
            f"{FIRST}.lifecycle.postStart: Required value: must specify a handler type",
            f"{FIRST}.lifecycle.preStop.httpGet: Forbidden: may not specify more than 1 handler type",
        ],
    ),
    "an amount that there is not": (
        from_resource(resource="nope"),
        [
            f'{FIRST}.env[0].valueFrom.resourceFieldRef.resource: Unsupported value: "nope": supported values: {RESOURCES}'
        ],
    ),
    "a third of a CPU": (
        from_resource(resource="limits.cpu", divisor="3"),
        [
            f'{FIRST}.env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor\'s values 1m and '
            "1 are supported with the cpu resource"
        ],
    ),
    "an amount of no container": (
        with_volume(downwardAPI={"items": [{"path": "a", "resourceFieldRef": {"resource": "limits.cpu"}}]}),
        [f"{VOLUME}.downwardAPI.resourceFieldRef.containerName: Required value"],
    ),
    "rights of files from a ConfigMap": (
        with_volume(configMap={"name": "c", "defaultMode": 5000, "items": [{"key": "a", "path": "b", "mode": -1}]}),
        [
            f"{VOLUME}.configMap.defaultMode: Invalid value: 5000: {MODE}",
            f"{VOLUME}.configMap.items[0].mode: Invalid value: -1: {MODE}",
        ],
    ),
    "files outside of a volume": (
        with_volume(secret={"items": [{"key": "a", "path": "a/../b"}, {"key": "a", "path": "/b"}]}),
        [
            f"{VOLUME}.secret.items[0].path: Invalid value: \"a/../b\": must not contain '..'",
            f'{VOLUME}.secret.items[1].path: Invalid value: "/b": must be a relative path',
            f"{VOLUME}.secret.secretName: Required value",
        ],
    ),
    "a token that lasts seconds": (
        with_volume(
            projected={
                "defaultMode": 5000,
                "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 5}}, {"configMap": {}}],
            }
        ),
        [
            f"{VOLUME}.projected.defaultMode: Invalid value: 5000: {MODE}",
            f"{VOLUME}.projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 5: may not specify a "
            "duration less than 10 minutes",
            f"{VOLUME}.projected.sources[1].configMap.name: Required value",
        ],
    ),
    "a directory of less than nothing": (
        with_volume(emptyDir={"sizeLimit": "-1"}),
        [f"{VOLUME}.emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"],
    ),
    "variables from nowhere": (
        a_pod({"envFrom": [{}, {"prefix": "a=b", "configMapRef": {"name": "A_"}}, {"secretRef": {}}]}),
        [
            f'{FIRST}.envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
            f'{FIRST}.envFrom[1].configMapRef.name: Invalid value: "A_": {SUBDOMAIN}',
            f'{FIRST}.envFrom[1].prefix: Invalid value: "a=b": {VARIABLE}',
            f"{FIRST}.envFrom[2].secretRef.name: Required value",
        ],
    ),
    "a key that cannot be": (
        a_pod({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b c"}}}]}),
        [f'{FIRST}.env[0].valueFrom.secretKeyRef.key: Invalid value: "b c": {KEY}'],
    ),
    "ports of one name": (
        a_pod({"ports": [{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a", "hostPort": -1}]}),
        [
            f'{FIRST}.ports[1].name: Duplicate value: "a"',
            f"{FIRST}.ports[1].hostPort: Invalid value: -1: {PORT}",
        ],
    ),
    "a port's name": (
        a_pod({"ports": [{"containerPort": 80, "name": "A_B"}]}),
        [f'{FIRST}.ports[0].name: Invalid value: "A_B": {words}' for words in (LETTERS, SIGNS)],
    ),
    "users without a number": (
        a_pod({"securityContext": {"runAsUser": -1}}, securityContext={"fsGroup": -1, "supplementalGroups": [-1]}),
        [
            f"{place}: Invalid value: -1: must be between 0 and 2147483647, inclusive"
            for place in (
                f"{FIRST}.securityContext.runAsUser",
                "spec.securityContext.fsGroup",
                "spec.securityContext.supplementalGroups[0]",
            )
        ],
    ),
    "last words": (
        a_pod({"terminationMessagePolicy": "Foo"}),
        [
            f'{FIRST}.terminationMessagePolicy: Unsupported value: "Foo": supported values: "File", "FallbackToLogsOnError"'
        ],
    ),
    "an init container of another's name": (
        a_pod(initContainers=[{"name": "a", "image": "i"}]),
        [f'{INIT}.name: Duplicate value: "a"'],
    ),
    "an init container that is asked for its health": (
        with_init(livenessProbe=RUN, readinessProbe=RUN, startupProbe=RUN, lifecycle={"preStop": RUN}),
        [f"{INIT}.{name}: {ONLY_ALWAYS}" for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")],
    ),
    "everything in an init container": (
        with_init(
            env=[{"name": "a=b"}],
            ports=[{"containerPort": 0}],
            volumeMounts=[{"name": "nope", "mountPath": "/a"}],
            restartPolicy="Always",
            livenessProbe={"exec": {}},
        ),
        [
            f'{INIT}.env[0].name: Invalid value: "a=b": {VARIABLE}',
            f"{INIT}.livenessProbe.exec.command: Required value",
            f"{INIT}.ports[0].containerPort: Required value",
            f'{INIT}.volumeMounts[0].name: Not found: "nope"',
        ],
    ),
    "a container for debugging": (
        a_pod(ephemeralContainers=[{"name": "x", "image": "y"}]),
        ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
    ),
}


def causes(server: Server, document: Json) -> list[str]:
    answer = server.call("POST", PODS, document, dryRun="All")
    assert (answer.code, answer.body["reason"]) == (422, "Invalid"), answer.body
    return sorted(f"{cause['field']}: {cause['message']}" for cause in answer.body["details"]["causes"])


@pytest.mark.parametrize("case", REFUSED)
def test_a_pod_with_what_cannot_be_is_refused_by_each_field(server: Server, case: str) -> None:
    document, told = REFUSED[case]
    assert causes(server, document) == sorted(told)


def test_an_init_container_begins_again_always_never_or_after_a_failure(server: Server) -> None:
    """1.34 knows no other word than Always, and takes any."""
    answer = server.call("POST", PODS, with_init(restartPolicy="Foo"), dryRun="All")
    assert answer.code == by_version(server, newest=422, oldest=201)
    if answer.code == 422:
        told = f'{INIT}.restartPolicy: Unsupported value: "Foo": supported values: "Always", "Never", "OnFailure"'
        assert causes(server, with_init(restartPolicy="Foo")) == [told]
