"""In which form an object is kept: one for each quantity and time, no zeros that say nothing, each owner once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from contracts.kubernetes.servers import APPLY, JSON_PATCH, MERGE, SPACE, Json, Server, a_config_map

Fresh = Callable[[], str]
PODS, MAPS, SECRETS, SERVICES = (f"{SPACE}/{name}" for name in ("pods", "configmaps", "secrets", "services"))
CLAIMS, EVENTS = f"{SPACE}/persistentvolumeclaims", f"{SPACE}/events"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
DRY = {"dryRun": "All"}
LABELS = {"case": "forms"}
QUANTITIES = {
    0.5: "500m",
    1: "1",
    "1000m": "1",
    "1024Mi": "1Gi",
    "1.5Gi": "1536Mi",
    "0.3Gi": "322122547200m",
    "0.5Ki": "512",
    "1000": "1k",
    "1500": "1500",
    "0.1n": "1n",
    "12e1": "120",
    "1.5e3": "1500",
    "5e4": "50e3",
    "1E3": "1E3",
    "1.500": "1.500",
    "0Mi": "0",
    "+2": "+2",
    " 2 ": "2",
}
ZEROS = {"hostNetwork": False, "hostPID": False, "nodeName": "", "subdomain": "", "restartPolicy": "", "dnsPolicy": ""}
KEPT = {"automountServiceAccountToken": False, "shareProcessNamespace": False, "terminationGracePeriodSeconds": 0}
OF_A_CONTAINER = {"tty": False, "stdin": False, "workingDir": "", "imagePullPolicy": "", "terminationMessagePath": ""}
OWNER = {"apiVersion": "v1", "kind": "Node", "name": "a", "uid": "1"}
TWICE = "API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests"


def a_pod(name: str, container: Mapping[str, Any] | None = None, **spec: Any) -> Json:
    whole = {"name": "a", "image": "example.com/a:1", **(container or {})}
    return {"metadata": {"name": name}, "spec": {"containers": [whole], **spec}}


def a_deployment(name: str, spec: Json | None = None, **pod: Any) -> Json:
    template = {"metadata": {"labels": LABELS}, "spec": {**a_pod(name)["spec"], **pod}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 0, "selector": {"matchLabels": LABELS}, "template": template, **(spec or {})},
    }


def a_job(name: str, memory: str) -> Json:
    pod = {**a_pod(name, {"resources": {"limits": {"memory": memory}}})["spec"], "restartPolicy": "Never"}
    return {"metadata": {"name": name}, "spec": {"parallelism": 0, "template": {"spec": pod}}}


def an_event(name: str, at: str) -> Json:
    about = {"namespace": "default", "name": "x", "kind": "Pod"}
    return {"metadata": {"name": name}, "involvedObject": about, "firstTimestamp": at}


def test_each_quantity_has_one_form(server: Server, fresh: Fresh) -> None:
    source = {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1024Ki"}}
    container = {"resources": {"limits": {"memory": "2048Ki"}}, "env": [{"name": "M", "valueFrom": source}]}
    answer = server.good("POST", PODS, a_pod(fresh(), container), **DRY).body["spec"]["containers"][0]
    assert answer["resources"] == {"limits": {"memory": "2Mi"}, "requests": {"memory": "2Mi"}}
    assert answer["env"][0]["valueFrom"]["resourceFieldRef"]["divisor"] == "1Mi"
    volumes = [{"name": f"v{index}", "emptyDir": {"sizeLimit": text}} for index, text in enumerate(QUANTITIES)]
    kept = server.good("POST", PODS, a_pod(fresh(), volumes=volumes), **DRY).body["spec"]["volumes"]
    found = [volume["emptyDir"]["sizeLimit"] for volume in kept if "emptyDir" in volume]
    assert dict(zip(QUANTITIES, found, strict=True)) == QUANTITIES
    claim = {
        "metadata": {"name": fresh()},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1.5Gi"}}},
    }
    assert server.good("POST", CLAIMS, claim, **DRY).body["spec"]["resources"] == {"requests": {"storage": "1536Mi"}}


def test_zeros_of_a_pod_are_left_out_or_filled_and_those_that_say_something_kept(server: Server, fresh: Fresh) -> None:
    mount = {"name": "v", "mountPath": "/v", "readOnly": False, "subPath": ""}
    rest = {"securityContext": {"privileged": False, "runAsUser": 0}, "volumeMounts": [mount]}
    probe = {"httpGet": {"port": 80, "path": "", "scheme": ""}, "timeoutSeconds": 0, "initialDelaySeconds": 0}
    volume = {"name": "v", "configMap": {"name": "m", "defaultMode": 0, "optional": False}}
    document = a_pod(
        fresh(),
        {**OF_A_CONTAINER, **rest, "livenessProbe": probe},
        **ZEROS,
        **KEPT,
        securityContext={},
        volumes=[volume],
    )
    spec = server.good("POST", PODS, document, **DRY).body["spec"]
    assert not {"hostNetwork", "hostPID", "nodeName", "subdomain"} & spec.keys() and KEPT.items() <= spec.items()
    assert (spec["restartPolicy"], spec["dnsPolicy"]) == ("Always", "ClusterFirst")
    found = spec["containers"][0]
    assert not {"tty", "stdin", "workingDir"} & found.keys() and found["securityContext"] == rest["securityContext"]
    assert (found["imagePullPolicy"], found["terminationMessagePath"]) == ("IfNotPresent", "/dev/termination-log")
    assert found["volumeMounts"][0] == {"name": "v", "mountPath": "/v"}
    assert found["livenessProbe"]["httpGet"] == {"port": 80, "path": "/", "scheme": "HTTP"}
    assert found["livenessProbe"]["timeoutSeconds"] == 1 and "initialDelaySeconds" not in found["livenessProbe"]
    assert spec["volumes"][0] == volume


def test_what_others_say_by_an_empty_text_is_the_default(server: Server, fresh: Fresh) -> None:
    port = {"port": 80, "protocol": "", "targetPort": 0, "name": "", "nodePort": 0}
    service = {
        "metadata": {"name": fresh(), "generateName": ""},
        "spec": {"type": "", "clusterIP": "None", "ports": [port]},
    }
    answer = server.good("POST", SERVICES, service, **DRY).body
    assert answer["spec"]["type"] == "ClusterIP" and "generateName" not in answer["metadata"]
    assert answer["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert server.good("POST", SECRETS, {"metadata": {"name": fresh()}, "type": ""}, **DRY).body["type"] == "Opaque"
    kept = server.good("POST", MAPS, {**a_config_map(fresh()), "data": {"a": ""}, "immutable": False}, **DRY).body
    assert kept["data"] == {"a": ""} and kept["immutable"] is False
    probe = {"httpGet": {"port": 80, "httpHeaders": [{"name": "a", "value": ""}]}}
    hook = {"postStart": {"httpGet": {"port": 80}}}
    found = server.good("POST", PODS, a_pod(fresh(), {"livenessProbe": probe, "lifecycle": hook}), **DRY).body["spec"]
    assert found["containers"][0]["livenessProbe"]["httpGet"]["httpHeaders"] == [{"name": "a", "value": ""}]
    assert found["containers"][0]["lifecycle"]["postStart"]["httpGet"] == {"port": 80, "path": "/", "scheme": "HTTP"}


def test_a_fixed_field_may_be_written_in_another_form(server: Server, fresh: Fresh) -> None:
    name, place = (job := fresh()), f"{JOBS}/{job}"
    created = server.good("POST", JOBS, a_job(name, "1024Mi"))
    same = {"spec": {"template": {"spec": a_job(name, "1Gi")["spec"]["template"]["spec"]}}}
    assert server.good("PATCH", place, same, MERGE).body["metadata"]["generation"] == 1
    assert server.call("PATCH", place, {"spec": a_job(name, "2Gi")["spec"]}, MERGE).code == 422
    assert created.body["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] == {"memory": "1Gi"}
    server.good("DELETE", place, {"propagationPolicy": "Background"})

    pod = fresh()
    server.good("POST", PODS, a_pod(pod, {"resources": {"limits": {"cpu": "1000m"}}}, schedulerName="nobody"))
    held = server.good("GET", f"{PODS}/{pod}")
    held.body["spec"] |= {"hostNetwork": False}
    held.body["spec"]["containers"][0]["resources"]["limits"]["cpu"] = 1
    assert server.good("PUT", f"{PODS}/{pod}", held.body).version == held.version
    test = [{"op": "test", "path": "/spec/containers/0/resources/limits/cpu", "value": "1"}]
    server.good("PATCH", f"{PODS}/{pod}", test, JSON_PATCH)
    server.good("DELETE", f"{PODS}/{pod}", {"gracePeriodSeconds": 0})


def test_a_zero_is_no_change_of_a_deployment(server: Server, fresh: Fresh) -> None:
    name, place = (deployment := fresh()), f"{DEPLOYMENTS}/{deployment}"
    created = server.good("POST", DEPLOYMENTS, a_deployment(name, {"paused": False}, hostPID=False))
    assert "paused" not in created.body["spec"] and "hostPID" not in created.body["spec"]["template"]["spec"]
    for change in ({"minReadySeconds": 0}, {"template": {"spec": {"hostPID": None, "hostIPC": False}}}):
        assert server.good("PATCH", place, {"spec": change}, MERGE).body["metadata"]["generation"] == 1
    assert server.good("PATCH", place, {"spec": {"minReadySeconds": 1}}, MERGE).body["metadata"]["generation"] == 2
    server.good("DELETE", place)


def test_who_applies_owns_the_zeros_and_forms_that_he_wrote(server: Server, fresh: Fresh) -> None:
    name, place = (deployment := fresh()), f"{DEPLOYMENTS}/{deployment}"
    wanted = a_deployment(name, {"paused": False})
    wanted["spec"]["template"]["spec"]["containers"][0] |= {"tty": False, "resources": {"limits": {"cpu": "0.5"}}}
    for manager in ("first", "first"):
        applied = server.good("PATCH", place, json.dumps(wanted), APPLY, fieldManager=manager).body
        owned = next(entry for entry in applied["metadata"]["managedFields"] if entry["manager"] == "first")
        container = owned["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"a"}']
        assert "f:paused" in owned["fieldsV1"]["f:spec"] and {"f:tty", "f:resources"} <= container.keys()
        assert applied["metadata"]["generation"] == 1 and "paused" not in applied["spec"]
    refused = server.call("PATCH", place, json.dumps(wanted), APPLY, fieldManager="second")
    assert refused.code == 409 and {field for field, _, _ in refused.causes} == {
        ".spec.paused",
        '.spec.template.spec.containers[name="a"].tty',
        '.spec.template.spec.containers[name="a"].resources.limits.cpu',
    }
    server.good("PATCH", place, {"spec": {"paused": True}}, MERGE, fieldManager="other")
    forced = server.good("PATCH", place, json.dumps(wanted), APPLY, fieldManager="first", force="true").body
    assert "paused" not in forced["spec"]
    server.good("DELETE", place)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00.987654321Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T1:00:00Z", "2026-01-01T01:00:00Z"),
    ],
)
def test_a_time_is_kept_in_whole_seconds_of_utc(server: Server, fresh: Fresh, written: str, kept: str) -> None:
    assert server.good("POST", EVENTS, an_event(fresh(), written), **DRY).body["firstTimestamp"] == kept


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("2026-01-01 00:00:00", ' as "2006-01-02T15:04:05Z07:00": cannot parse " 00:00:00" as "T"'),
        ("2026-01-01T00:00:00", ' as "2006-01-02T15:04:05Z07:00": cannot parse "" as "Z07:00"'),
        ("", ' as "2006-01-02T15:04:05Z07:00": cannot parse "" as "2006"'),
        ("2026-13-01T00:00:00Z", ": month out of range"),
        ("2026-02-30T00:00:00Z", ": day out of range"),
        ("2026-01-01T00:00:00Zx", ': extra text: "x"'),
    ],
)
def test_what_is_no_time_is_refused(server: Server, fresh: Fresh, written: str, why: str) -> None:
    answer = server.call("POST", EVENTS, an_event(fresh(), written), **DRY)
    said = f'Event in version "v1" cannot be handled as a Event: parsing time "{written}"{why}'
    assert (answer.code, answer.body["message"]) == (400, said)


def test_a_lease_tells_microseconds(server: Server, fresh: Fresh) -> None:
    def renewed(at: str) -> Any:
        return server.call("POST", LEASES, {"metadata": {"name": fresh()}, "spec": {"renewTime": at}}, **DRY)

    kept = renewed("2026-01-01T02:00:00.123456+02:00")
    assert (kept.code, kept.body["spec"]) == (201, {"renewTime": "2026-01-01T00:00:00.123456Z"})
    for wrong, rest, wanted in (("00Z", "Z", ".000000"), ("00.123456789Z", "789Z", "Z07:00")):
        answer = renewed(f"2026-01-01T00:00:{wrong}")
        end = f'as "2006-01-02T15:04:05.000000Z07:00": cannot parse "{rest}" as "{wanted}"'
        assert answer.code == 400 and answer.body["message"].endswith(end)


def test_an_owner_that_stands_there_twice_is_kept_once_with_a_warning(
    server: Server, pizzas: str, fresh: Fresh
) -> None:
    for path, document in ((MAPS, {}), (pizzas, {"apiVersion": "food.example.com/v1", "kind": "Pizza"})):
        owners = [OWNER, OWNER, {**OWNER, "name": "b"}, {**OWNER, "controller": False}]
        metadata = {"name": fresh(), "ownerReferences": owners}
        answer = server.good("POST", path, {**document, "metadata": metadata}, **DRY)
        assert answer.body["metadata"]["ownerReferences"] == owners[1:]
        assert answer.warnings == [
            f".metadata.ownerReferences contains duplicate entries; {TWICE}; duplicate UID(s) observed: 1"
        ]


def test_a_patch_is_looked_at_for_doubled_owners_after_admission(server: Server, fresh: Fresh) -> None:
    name = fresh()
    created = server.good("POST", MAPS, a_config_map(name)).body
    owned = {"metadata": {"ownerReferences": [OWNER, OWNER]}}
    answer = server.good("PATCH", f"{MAPS}/{name}", owned, MERGE, **DRY)
    assert answer.body["metadata"]["ownerReferences"] == [OWNER]
    after = ".metadata.ownerReferences contains duplicate entries after mutating admission happens"
    assert answer.warnings == [f"{after}; {TWICE}; duplicate UID(s) observed: 1"]
    replaced = {**created, "metadata": {**created["metadata"], **owned["metadata"]}}
    answer = server.good("PUT", f"{MAPS}/{name}", replaced, **DRY)
    assert answer.warnings == [
        f".metadata.ownerReferences contains duplicate entries; {TWICE}; duplicate UID(s) observed: 1"
    ]
    server.good("DELETE", f"{MAPS}/{name}")
