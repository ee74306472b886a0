"""Pods that would run as something else than is written are refused, in the words of a real server."""

from __future__ import annotations

from typing import Any

import pytest
from contracts.kubernetes.servers import SPACE, Json, Server, by_version

PODS = f"{SPACE}/pods"
GPU = "nvidia.com/gpu"
OWN_NAME: Json = {"fieldRef": {"fieldPath": "metadata.name"}}
TRUE: Json = {"exec": {"command": ["true"]}}


def a_pod(*volumes: Json, **container: Any) -> Json:
    containers = [{"name": "a", "image": "i:1", **container}]
    spec = {"containers": containers, "volumes": list(volumes)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}


def mounted(**mount: str) -> Json:
    return a_pod({"name": "v", "emptyDir": {}}, volumeMounts=[{"name": "v", "mountPath": "/v", **mount}])


def told(path: str) -> Json:
    return a_pod(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}])


def sourced(**entry: Any) -> Json:
    return a_pod(env=[{"name": "A", **entry}])


def filed(**item: Any) -> Json:
    return a_pod({"name": "v", "downwardAPI": {"items": [{"path": "p", **item}]}})


MOUNTS, ENV = "spec.containers[0].volumeMounts", "spec.containers[0].env[0].valueFrom"
VOLUME, RESOURCES, PROBE = "spec.volumes[0]", "spec.containers[0].resources", "spec.containers[0].livenessProbe"
CONVERTING = "error converting fieldPath: field label"
TOLD = (
    'supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", '
    '"spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"'
)
FILED = (
    'supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"'
)
REFUSED: dict[str, tuple[Json, str, str]] = {
    "a part outside its volume": (
        mounted(subPath="../../x"),
        f"{MOUNTS}.subPath",
        "Invalid value: \"../../x\": must not contain '..'",
    ),
    "a part that goes up": (
        mounted(subPath="a/../b"),
        f"{MOUNTS}.subPath",
        "Invalid value: \"a/../b\": must not contain '..'",
    ),
    "a part of the machine": (
        mounted(subPath="/a"),
        f"{MOUNTS}.subPath",
        'Invalid value: "/a": must be a relative path',
    ),
    "a written part outside": (
        mounted(subPathExpr="$(A)/../b"),
        f"{MOUNTS}.subPathExpr",
        "Invalid value: \"$(A)/../b\": must not contain '..'",
    ),
    "a written part of the machine": (
        mounted(subPathExpr="/x"),
        f"{MOUNTS}.subPathExpr",
        'Invalid value: "/x": must be a relative path',
    ),
    "two parts": (
        mounted(subPath="a", subPathExpr="b"),
        f"{MOUNTS}[0].subPathExpr",
        'Invalid value: "b": subPathExpr and subPath are mutually exclusive',
    ),
    "a volume named as a path": (
        a_pod({"name": "../x", "emptyDir": {}}),
        f"{VOLUME}.name",
        "Invalid value: \"../x\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
        "and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
        "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ),
    "a field that is none": (
        told("status.foo"),
        f"{ENV}.fieldRef.fieldPath",
        f'Invalid value: "status.foo": {CONVERTING} not supported: status.foo',
    ),
    "a key of what has none": (
        told("metadata.name['x']"),
        f"{ENV}.fieldRef.fieldPath",
        f"Invalid value: \"metadata.name['x']\": {CONVERTING} does not support subscript: metadata.name['x']",
    ),
    "a field for others": (
        told("status.phase"),
        f"{ENV}.fieldRef.fieldPath",
        f'Unsupported value: "status.phase": {TOLD}',
    ),
    "a file of an address": (
        filed(fieldRef={"fieldPath": "status.podIP"}),
        f"{VOLUME}.downwardAPI.fieldRef.fieldPath",
        f'Unsupported value: "status.podIP": {FILED}',
    ),
    "a file of nothing": (
        filed(),
        f"{VOLUME}.downwardAPI",
        "Required value: one of fieldRef and resourceFieldRef is required",
    ),
    "a file of two things": (
        filed(**OWN_NAME, resourceFieldRef={"containerName": "a", "resource": "limits.cpu"}),
        f"{VOLUME}.downwardAPI",
        'Invalid value: "resource": fieldRef and resourceFieldRef can not be specified simultaneously',
    ),
    "two volumes in one": (
        a_pod({"name": "v", "configMap": {"name": "a"}, "emptyDir": {}}),
        f"{VOLUME}.configMap",
        "Forbidden: may not specify more than 1 volume type",
    ),
    "two sources in one": (
        a_pod({"name": "v", "projected": {"sources": [{"configMap": {"name": "a"}, "secret": {"name": "b"}}]}}),
        f"{VOLUME}.projected.sources[0]",
        "Forbidden: may not specify more than 1 volume type per source",
    ),
    "a value and its source": (
        sourced(value="a", valueFrom=OWN_NAME),
        ENV,
        'Invalid value: "": may not be specified when `value` is not empty',
    ),
    "no source": (
        sourced(valueFrom={}),
        ENV,
        'Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` '
        "or `fileKeyRef`",
    ),
    "two sources of a value": (
        sourced(valueFrom={**OWN_NAME, "configMapKeyRef": {"name": "a", "key": "b"}}),
        ENV,
        'Invalid value: "": may not have more than one field specified at a time',
    ),
    "GPUs without a limit": (
        a_pod(resources={"requests": {GPU: "1"}}),
        f"{RESOURCES}.limits",
        "Required value: Limit must be set for non overcommitable resources",
    ),
    "fewer GPUs than the limit": (
        a_pod(resources={"requests": {GPU: "1"}, "limits": {GPU: "2"}}),
        f"{RESOURCES}.requests",
        f'Invalid value: "1": must be equal to {GPU} limit of 2',
    ),
    "half a GPU": (
        a_pod(resources={"limits": {GPU: "500m"}}),
        f"{RESOURCES}.limits[{GPU}]",
        'Invalid value: "500m": must be an integer',
    ),
    "a probe of nothing": (
        a_pod(livenessProbe={"periodSeconds": 3}),
        PROBE,
        "Required value: must specify a handler type",
    ),
    "a probe of two things": (
        a_pod(livenessProbe={**TRUE, "httpGet": {"port": 80}}),
        f"{PROBE}.httpGet",
        "Forbidden: may not specify more than 1 handler type",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_pod_that_would_run_as_something_else_is_invalid(server: Server, case: str) -> None:
    document, field, text = REFUSED[case]
    if case == "no source":
        text = by_version(
            server, newest=text, oldest=text.replace(", `secretKeyRef` or `fileKeyRef`", " or `secretKeyRef`")
        )
    answer = server.call("POST", PODS, document, dryRun="All")
    assert (answer.code, answer.body["reason"]) == (422, "Invalid"), answer.body
    causes = answer.body["details"]["causes"]
    assert (causes[0]["field"], causes[0]["message"]) == (field, text), answer.body


TAKEN: dict[str, Json] = {
    "a part of a volume": mounted(subPath="..data/x"),
    "a part by a variable": mounted(subPathExpr="$(A)"),
    "a label": told("metadata.labels['a']"),
    "an annotation": told("metadata.annotations['A']"),
    "addresses": told("status.hostIPs"),
    "labels in a file": filed(fieldRef={"fieldPath": "metadata.labels"}),
    "whole GPUs": a_pod(resources={"limits": {GPU: "1"}, "requests": {GPU: "1"}}),
    "a part of a CPU": a_pod(resources={"limits": {"cpu": "0.5"}}),
    "an empty value and its source": sourced(value="", valueFrom=OWN_NAME),
}


@pytest.mark.parametrize("case", TAKEN)
def test_what_is_near_to_that_is_taken(server: Server, case: str) -> None:
    server.good("POST", PODS, TAKEN[case], dryRun="All")


PORT = "spec.containers[0].ports[0].hostPort"


def shared(*ports: Json, **spec: Any) -> Json:
    document = a_pod(ports=list(ports))
    return {**document, "spec": {**document["spec"], **spec}}


OF_HOSTS: dict[str, tuple[Json, str, str]] = {
    "no names": (
        shared(dnsPolicy="None"),
        "spec.dnsConfig",
        "Required value: must provide `dnsConfig` when `dnsPolicy` is None",
    ),
    "nobody who knows names": (
        shared(dnsPolicy="None", dnsConfig={"searches": ["a"]}),
        "spec.dnsConfig.nameservers",
        "Required value: must provide at least one DNS nameserver when `dnsPolicy` is None",
    ),
    "somebody of no address": (
        shared(dnsConfig={"nameservers": ["x"]}),
        "spec.dnsConfig.nameservers[0]",
        'Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ),
    "processes of two": (
        shared(hostPID=True, shareProcessNamespace=True),
        "spec.shareProcessNamespace",
        "Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled",
    ),
    "another port of the host": (
        shared({"containerPort": 80, "hostPort": 81}, hostNetwork=True),
        PORT,
        "Invalid value: 81: must match `containerPort` when `hostNetwork` is true",
    ),
    "a port of the host twice": (
        shared({"containerPort": 80, "hostPort": 81}, {"containerPort": 82, "hostPort": 81}),
        PORT.replace("ports[0]", "ports[1]"),
        'Duplicate value: "TCP//81"',
    ),
}


@pytest.mark.parametrize("case", OF_HOSTS)
def test_what_a_pod_cannot_share_with_its_host_is_invalid(server: Server, case: str) -> None:
    document, field, text = OF_HOSTS[case]
    answer = server.call("POST", PODS, document, dryRun="All")
    assert (answer.code, answer.causes) == (422, {(field, f"FieldValue{text.partition(' value')[0]}", text)})


def test_a_pod_has_names_ports_and_processes_of_its_host(server: Server) -> None:
    named = shared(dnsPolicy="None", dnsConfig={"nameservers": ["1.2.3.4"]})
    whole = shared({"containerPort": 80, "hostPort": 80}, hostNetwork=True, hostPID=True)
    for document in (named, whole):
        server.good("POST", PODS, document, dryRun="All")


BY_CLASS = (
    "must not be provided in pod spec; priority admission controller computed {} from the given PriorityClass name"
)
NOT_LET_IN = {
    "a priority of its own": ({"priority": 7}, f"the integer value of priority (7) {BY_CLASS.format(0)}"),
    "a policy of its own": (
        {"preemptionPolicy": "Never"},
        f"the string value of PreemptionPolicy (Never) {BY_CLASS.format('PreemptLowerPriority')}",
    ),
    "a runtime that there is not": ({"runtimeClassName": "nosuch"}, 'pod rejected: RuntimeClass "nosuch" not found'),
    "more than its containers need": (
        {"overhead": {"cpu": "1"}},
        "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
    ),
}


@pytest.mark.parametrize("case", NOT_LET_IN)
def test_a_pod_that_ranks_or_runs_as_nobody_said_is_not_let_in(server: Server, case: str) -> None:
    spec, why = NOT_LET_IN[case]
    document = shared(**spec)
    answer = server.call("POST", PODS, document, dryRun="All")
    named = document["metadata"].get("name") or document["metadata"].get("generateName")
    assert (answer.code, answer.body["message"]) == (403, f'pods "{named}" is forbidden: {why}')
    template = {"spec": {**document["spec"], "restartPolicy": "Never"}}
    job = {"metadata": {"name": "let-in"}, "spec": {"template": template}}
    server.good("POST", "/apis/batch/v1/namespaces/default/jobs", job, dryRun="All")
