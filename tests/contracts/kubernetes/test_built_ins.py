"""Kubernetes' own kinds: what they may hold, what is filled in, and what cannot be changed any more."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.servers import MERGE, SPACE, STRATEGIC, Json, Server, a_config_map, a_pizza

MAPS, PODS, SERVICES = f"{SPACE}/configmaps", f"{SPACE}/pods", f"{SPACE}/services"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
Fresh = Callable[[], str]
FIELD: Json = {"path": "f", "fieldRef": {"fieldPath": "metadata.name"}}


def a_pod(name: str, **container: Any) -> Json:
    containers = [{"name": "a", "image": "i:1", **container}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers}}


def a_job(name: str, **spec: Any) -> Json:
    pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i:1", "command": ["true"]}]}
    whole = {"suspend": True, "template": {"spec": pod}, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": whole}


def a_deployment(name: str, **spec: Any) -> Json:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "a", "image": "i:1"}]}}
    whole = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": whole}


def a_service(name: str, *ports: Json) -> Json:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": list(ports)}}


WRONG_FORMS: dict[str, tuple[str, Json]] = {
    "a number as data": (MAPS, {**a_config_map("x"), "data": {"a": 1}}),
    "a list as data": (MAPS, {**a_config_map("x"), "data": [1]}),
    "a number in the environment": (PODS, a_pod("x", env=[{"name": "a", "value": 1}])),
    "a text as command": (PODS, a_pod("x", command="sleep 1")),
    "a text as resources": (PODS, a_pod("x", resources="x")),
    "a text as mounts": (PODS, a_pod("x", volumeMounts="x")),
    "a text as a pod's spec": (PODS, {**a_pod("x"), "spec": "x"}),
    "no quantity": (PODS, a_pod("x", resources={"limits": {"cpu": "abc"}})),
    "a text as a job's spec": (JOBS, {**a_job("x"), "spec": "x"}),
    "a text as a count": (JOBS, a_job("x", backoffLimit="x")),
    "labels that are a list": (MAPS, {**a_config_map("x"), "metadata": {"name": "x", "labels": ["x"]}}),
    "metadata that is a text": (MAPS, {**a_config_map("x"), "metadata": "x"}),
}


@pytest.mark.parametrize("case", WRONG_FORMS)
def test_a_wrong_form_is_a_bad_request(server: Server, case: str) -> None:
    path, document = WRONG_FORMS[case]
    answer = server.call("POST", path, document, dryRun="All")
    assert (answer.code, answer.body["reason"]) == (400, "BadRequest"), answer.body


def labelled(**metadata: Any) -> Json:
    return {**a_config_map("x"), "metadata": {"name": "x", **metadata}}


OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "controller": True}
WRONG_VALUES: dict[str, tuple[str, Json, str]] = {
    "a restart policy": (PODS, {**a_pod("x"), "spec": {**a_pod("x")["spec"], "restartPolicy": "Foo"}}, "restartPolicy"),
    "an amount below zero": (PODS, a_pod("x", resources={"limits": {"cpu": "-1"}}), "resources.limits"),
    "more than the limit": (PODS, a_pod("x", resources={"limits": {"cpu": 1}, "requests": {"cpu": 2}}), "requests"),
    "a container's name": (
        PODS,
        {**a_pod("x"), "spec": {"containers": [{"name": "A_", "image": "i:1"}]}},
        "spec.containers[0].name",
    ),
    "no image": (PODS, a_pod("x", image=""), "spec.containers[0].image"),
    "no container": (PODS, {**a_pod("x"), "spec": {"containers": []}}, "spec.containers"),
    "a mount of nothing": (PODS, a_pod("x", volumeMounts=[{"name": "v", "mountPath": "/v"}]), "volumeMounts[0].name"),
    "a variable without name": (PODS, a_pod("x", env=[{"value": "1"}]), "spec.containers[0].env[0].name"),
    "a count below zero": (JOBS, a_job("x", parallelism=-1), "spec.parallelism"),
    "no template": (JOBS, {**a_job("x"), "spec": {}}, "spec.template"),
    "a selector of others": (
        DEPLOYMENTS,
        a_deployment("x", selector={"matchLabels": {"a": "b"}}),
        "template.metadata.labels",
    ),
    "ports without names": (SERVICES, a_service("x", {"port": 1}, {"port": 2}), "spec.ports[0].name"),
    "no port": (SERVICES, a_service("x", {"port": 0}), "spec.ports[0].port"),
    "a label": (MAPS, labelled(labels={"a b": "x y!"}), "metadata.labels"),
    "a finalizer": (MAPS, labelled(finalizers=["bad finalizer"]), "metadata.finalizers"),
    "large annotations": (MAPS, labelled(annotations={"a": "x" * 300_000}), "metadata.annotations"),
    "two controllers": (
        MAPS,
        labelled(ownerReferences=[{**OWNER, "uid": "1"}, {**OWNER, "uid": "2"}]),
        "metadata.ownerReferences",
    ),
    "an owner without uid": (MAPS, labelled(ownerReferences=[OWNER]), "metadata.ownerReferences"),
}


@pytest.mark.parametrize("case", WRONG_VALUES)
def test_a_wrong_value_is_invalid_at_its_path(server: Server, case: str) -> None:
    path, document, field = WRONG_VALUES[case]
    answer = server.call("POST", path, document, dryRun="All")
    assert (answer.code, answer.body["reason"]) == (422, "Invalid"), answer.body
    assert any(field in cause["field"] for cause in answer.body["details"]["causes"]), answer.body


def test_metadata_of_custom_kinds_are_checked_too(server: Server, pizzas: str, fresh: Fresh) -> None:
    wrong = {**a_pizza(fresh()), "metadata": {"name": fresh(), "labels": {"a b": "c"}}}
    assert server.call("POST", pizzas, wrong).code == 422


def test_fields_that_a_kind_does_not_have_are_left_out_with_a_warning(server: Server, fresh: Fresh) -> None:
    answer = server.good("POST", JOBS, a_job(fresh(), backofLimit=3))
    assert "backofLimit" not in answer.body["spec"]
    assert 'unknown field \\"spec.backofLimit\\"' in answer.headers["warning"]


def test_under_strict_validation_unknown_fields_are_refused(server: Server, fresh: Fresh) -> None:
    name = fresh()
    for path, document in ((JOBS, a_job(name, backofLimit=3)), (PODS, a_pod(name, comand=["x"]))):
        answer = server.call("POST", path, document, fieldValidation="Strict")
        assert answer.code == 400 and "strict decoding error: unknown field" in answer.body["message"], answer.body
        assert server.call("GET", f"{path}/{name}").code == 404


def test_amounts_may_be_written_as_numbers_and_nulls_are_nothing(server: Server, fresh: Fresh) -> None:
    pod = a_pod(fresh(), resources={"limits": {"cpu": 1}}, args=None)
    container = server.good("POST", PODS, pod, dryRun="All").body["spec"]["containers"][0]
    assert container["resources"]["limits"] == {"cpu": "1"} and "args" not in container


FIXED: dict[str, tuple[str, Callable[[str], Json], Json]] = {
    "a pod's command": (PODS, a_pod, {"spec": {"containers": [{"name": "a", "image": "i:1", "command": ["x"]}]}}),
    "a pod's host name": (PODS, a_pod, {"spec": {"hostname": "other"}}),
    "a job's containers": (
        JOBS,
        a_job,
        {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "i:2"}]}}}},
    ),
    "a job's completions": (JOBS, a_job, {"spec": {"completions": 5}}),
    "a deployment's selector": (
        DEPLOYMENTS,
        a_deployment,
        {"spec": {"selector": {"matchLabels": {"b": "c"}}, "template": {"metadata": {"labels": {"b": "c"}}}}},
    ),
    "data that are locked": (MAPS, lambda name: {**a_config_map(name, a="1"), "immutable": True}, {"data": {"a": "2"}}),
}


@pytest.mark.parametrize("case", FIXED)
def test_what_is_fixed_cannot_be_changed(server: Server, fresh: Fresh, case: str) -> None:
    path, build, change = FIXED[case]
    name = fresh()
    created = server.good("POST", path, build(name))
    answer = server.call("PATCH", f"{path}/{name}", change, MERGE)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid"), answer.body
    held = server.good("GET", f"{path}/{name}").body
    assert {**held, "status": 0, "metadata": 0} == {**created.body, "status": 0, "metadata": 0}


def test_an_image_of_a_pod_and_the_pace_of_a_job_can_be_changed(server: Server, fresh: Fresh) -> None:
    pod, job = fresh(), fresh()
    server.good("POST", PODS, a_pod(pod))
    server.good("PATCH", f"{PODS}/{pod}", {"spec": {"containers": [{"name": "a", "image": "i:2"}]}}, STRATEGIC)
    server.good("POST", JOBS, a_job(job))
    changed = server.good("PATCH", f"{JOBS}/{job}", {"spec": {"parallelism": 2}}, MERGE).body
    assert changed["spec"]["parallelism"] == 2


def test_no_finalizer_comes_when_an_object_is_being_deleted(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, {**a_config_map(name), "metadata": {"name": name, "finalizers": ["example.com/a"]}})
    server.good("DELETE", f"{MAPS}/{name}")
    more = {"metadata": {"finalizers": ["example.com/a", "example.com/b"]}}
    assert server.call("PATCH", f"{MAPS}/{name}", more, MERGE).code == 422
    server.good("PATCH", f"{MAPS}/{name}", {"metadata": {"finalizers": None}}, MERGE)


def test_the_first_namespaces_last(server: Server) -> None:
    answer = server.call("DELETE", "/api/v1/namespaces/default")
    assert (answer.code, answer.body["reason"]) == (403, "Forbidden")
    assert "deletionTimestamp" not in server.good("GET", "/api/v1/namespaces/default").body["metadata"]


def test_a_namespace_is_labelled_with_its_name(server: Server, fresh: Fresh) -> None:
    name = fresh()
    created = server.good("POST", "/api/v1/namespaces", {"metadata": {"name": name}}, dryRun="All").body
    assert created["metadata"]["labels"] == {"kubernetes.io/metadata.name": name}


def test_a_deployment_says_how_it_is_rolled_out(server: Server, fresh: Fresh) -> None:
    spec = server.good("POST", DEPLOYMENTS, a_deployment(fresh())).body["spec"]
    rolling = {"maxUnavailable": "25%", "maxSurge": "25%"}
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": rolling}
    assert spec["revisionHistoryLimit"] == 10


def test_an_outdated_scale_is_a_conflict(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", DEPLOYMENTS, a_deployment(name))
    path = f"{DEPLOYMENTS}/{name}/scale"
    seen = server.good("GET", path).body
    server.good("PATCH", f"{DEPLOYMENTS}/{name}", {"metadata": {"labels": {"a": "b"}}}, MERGE)
    late = server.call("PUT", path, {**seen, "spec": {"replicas": 0}})
    assert (late.code, late.body["reason"]) == (409, "Conflict")


def test_a_replaced_object_gets_its_defaults_again(server: Server, fresh: Fresh) -> None:
    name = fresh()
    created = server.good("POST", DEPLOYMENTS, a_deployment(name)).body
    wanted = copy.deepcopy(a_deployment(name))
    wanted["metadata"]["labels"] = {"a": "b"}
    replaced = server.good("PUT", f"{DEPLOYMENTS}/{name}", wanted).body
    assert replaced["spec"] == created["spec"] and replaced["spec"]["template"]["spec"]["dnsPolicy"]


def test_volumes_of_pods_have_their_defaults(server: Server, fresh: Fresh) -> None:
    sources = [{"serviceAccountToken": {"path": "t"}}, {"downwardAPI": {"items": [FIELD]}}, {"secret": {"name": "s"}}]
    volumes = [
        {"name": "nothing"},
        {"name": "map", "configMap": {"name": "m"}},
        {"name": "secret", "secret": {"secretName": "s"}},
        {"name": "host", "hostPath": {"path": "/h"}},
        {"name": "downward", "downwardAPI": {"items": [FIELD]}},
        {"name": "projected", "projected": {"sources": sources}},
    ]
    pod = a_pod(fresh())
    pod["spec"] |= {"volumes": volumes, "automountServiceAccountToken": False}
    field = {**FIELD, "fieldRef": {"apiVersion": "v1", **FIELD["fieldRef"]}}
    token = {"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}
    assert server.call("POST", PODS, pod, dryRun="All").body["spec"]["volumes"] == [
        {"name": "nothing", "emptyDir": {}},
        {"name": "map", "configMap": {"name": "m", "defaultMode": 420}},
        {"name": "secret", "secret": {"secretName": "s", "defaultMode": 420}},
        {"name": "host", "hostPath": {"path": "/h", "type": ""}},
        {"name": "downward", "downwardAPI": {"items": [field], "defaultMode": 420}},
        {
            "name": "projected",
            "projected": {"sources": [token, {"downwardAPI": {"items": [field]}}, sources[2]], "defaultMode": 420},
        },
    ]


def test_probes_and_ports_of_templates_have_their_defaults(server: Server, fresh: Fresh) -> None:
    probes = {"livenessProbe": {"grpc": {"port": 1}}, "readinessProbe": {"httpGet": {"port": 1}, "periodSeconds": 3}}
    deployment = a_deployment(fresh())
    deployment["spec"]["template"]["spec"]["containers"][0] |= {**probes, "ports": [{"containerPort": 1}]}
    (container,) = server.call("POST", DEPLOYMENTS, deployment, dryRun="All").body["spec"]["template"]["spec"][
        "containers"
    ]
    paces = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    assert container["livenessProbe"] == {**paces, "grpc": {"port": 1, "service": ""}}
    assert container["readinessProbe"] == {
        **paces,
        "periodSeconds": 3,
        "httpGet": {"path": "/", "port": 1, "scheme": "HTTP"},
    }
    assert container["ports"] == [{"containerPort": 1, "protocol": "TCP"}]


def test_volumes_and_claims_have_their_defaults(server: Server, fresh: Fresh) -> None:
    space = {"accessModes": ["ReadWriteOnce"], "storageClassName": "own"}
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": fresh()}}
    volume["spec"] = {**space, "capacity": {"storage": "1Mi"}, "hostPath": {"path": "/h"}}
    made = server.call("POST", "/api/v1/persistentvolumes", volume, dryRun="All").body
    more = {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"}
    assert made["spec"] == {**volume["spec"], **more, "hostPath": {"path": "/h", "type": ""}}
    assert made["status"]["phase"] == "Pending"
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": fresh()}}
    claim["spec"] = {**space, "resources": {"requests": {"storage": "1Mi"}}}
    made = server.call("POST", f"{SPACE}/persistentvolumeclaims", claim, dryRun="All").body
    assert (made["spec"], made["status"]) == ({**claim["spec"], "volumeMode": "Filesystem"}, {"phase": "Pending"})


def test_a_service_without_an_address_says_of_which_family_it_is(server: Server, fresh: Fresh) -> None:
    service = a_service(fresh(), {"port": 80})
    service["spec"] |= {"clusterIP": "None", "selector": {"app": "a"}}
    assert server.call("POST", SERVICES, service, dryRun="All").body["spec"] == {
        "type": "ClusterIP",
        "clusterIP": "None",
        "clusterIPs": ["None"],
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
        "sessionAffinity": "None",
        "selector": {"app": "a"},
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
    }
