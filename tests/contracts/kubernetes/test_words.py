"""What people are told who make the common mistakes: code and text of the refusal, to the letter.

kubectl prints these texts as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.servers import (
    JSON_PATCH,
    MERGE,
    SPACE,
    STRATEGIC,
    Json,
    Server,
    a_config_map,
    by_version,
)

MAPS, PODS, SECRETS = f"{SPACE}/configmaps", f"{SPACE}/pods", f"{SPACE}/secrets"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
FORM = (
    "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
    "'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
NAME_PART = f"name part must consist of {FORM}"
LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
OWNER: Json = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}
Fresh = Callable[[], str]


def a_map(**metadata: Any) -> Json:
    return {"metadata": {"name": "x", **metadata}}


def a_pod(container: Json | None = None, **spec: Any) -> Json:
    return {
        "metadata": {"name": "x"},
        "spec": {"containers": [{"name": "a", "image": "i", **(container or {})}], **spec},
    }


def a_job(**spec: Any) -> Json:
    return {
        "metadata": {"name": "x"},
        "spec": {"template": {"spec": {**a_pod()["spec"], "restartPolicy": "Never"}}, **spec},
    }


UNREAD: dict[str, tuple[str, Json, str]] = {
    "a number for a text": (
        MAPS,
        {**a_map(), "data": {"a": 1}},
        "json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
    ),
    "an answer of yes for a text": (
        MAPS,
        {**a_map(), "data": {"a": True}},
        "json: cannot unmarshal bool into Go struct field ConfigMap.data of type string",
    ),
    "an object for a text": (
        MAPS,
        {**a_map(), "data": {"a": {"b": "c"}}},
        "json: cannot unmarshal object into Go struct field ConfigMap.data of type string",
    ),
    "a text for a map": (
        MAPS,
        {**a_map(), "data": "a"},
        "json: cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string",
    ),
    "a number as a label": (
        MAPS,
        a_map(labels={"a": 1}),
        "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
    ),
    "labels in a list": (
        MAPS,
        a_map(labels=["a"]),
        "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
    ),
    "a number in the environment": (
        PODS,
        a_pod({"env": [{"name": "a", "value": 5}]}),
        "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string",
    ),
    "a command that is no list": (
        PODS,
        a_pod({"command": "ls"}),
        "json: cannot unmarshal string into Go struct field Container.spec.containers.command of type []string",
    ),
    "containers that are no list": (
        PODS,
        {"metadata": {"name": "x"}, "spec": {"containers": "a"}},
        "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container",
    ),
    "a text for a number": (
        DEPLOYMENTS,
        {"metadata": {"name": "x"}, "spec": {"replicas": "two"}},
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    "half a pod": (
        JOBS,
        a_job(parallelism=2.5),
        "json: cannot unmarshal number 2.5 into Go struct field JobSpec.spec.parallelism of type int32",
    ),
    "a large number": (
        JOBS,
        a_job(parallelism=2**40),
        "json: cannot unmarshal number 1099511627776 into Go struct field JobSpec.spec.parallelism of type int32",
    ),
    "a text for an answer of yes": (
        JOBS,
        a_job(suspend="yes"),
        "json: cannot unmarshal string into Go struct field JobSpec.spec.suspend of type bool",
    ),
    "an amount that is none": (PODS, a_pod({"resources": {"limits": {"cpu": "1x"}}}), QUANTITY),
    "bytes that are none": (SECRETS, {**a_map(), "data": {"a": "!"}}, "illegal base64 data at input byte 0"),
    "bytes cut short": (SECRETS, {**a_map(), "data": {"a": "YWJjYWJ"}}, "illegal base64 data at input byte 4"),
}
KINDS = {MAPS: "ConfigMap", PODS: "Pod", SECRETS: "Secret", JOBS: "Job", DEPLOYMENTS: "Deployment"}


@pytest.mark.parametrize("case", UNREAD)
def test_who_writes_a_wrong_form_is_told_what_was_expected_where(server: Server, case: str) -> None:
    path, document, why = UNREAD[case]
    answer = server.call("POST", path, document, dryRun="All")
    said = f'{KINDS[path]} in version "v1" cannot be handled as a {KINDS[path]}: {why}'
    assert (answer.code, answer.body["reason"], answer.body["message"]) == (400, "BadRequest", said)


INVALID: dict[str, tuple[str, Json, list[str]]] = {
    "a label's key": (MAPS, a_map(labels={"a b": "c"}), [f'metadata.labels: Invalid value: "a b": {NAME_PART}']),
    "no key of a label": (
        MAPS,
        a_map(labels={"": "c"}),
        [
            'metadata.labels: Invalid value: "": name part must be non-empty',
            f'metadata.labels: Invalid value: "": {NAME_PART}',
        ],
    ),
    "a label's key of three parts": (
        MAPS,
        a_map(labels={"a/b/c": "d"}),
        [
            f'metadata.labels: Invalid value: "a/b/c": a valid label key must consist of {FORM} with an optional DNS '
            "subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ],
    ),
    "no domain of a label": (
        MAPS,
        a_map(labels={"/a": "b"}),
        ['metadata.labels: Invalid value: "/a": prefix part must be non-empty'],
    ),
    "a label's domain": (
        MAPS,
        a_map(labels={"A.b/c": "d"}),
        [f'metadata.labels: Invalid value: "A.b/c": prefix part {SUBDOMAIN}'],
    ),
    "a label's value": (MAPS, a_map(labels={"a": "b c"}), [f'metadata.labels: Invalid value: "b c": {LABEL_VALUE}']),
    "a long label": (
        MAPS,
        a_map(labels={"a" * 64: "b" * 64}),
        [
            f'metadata.labels: Invalid value: "{"a" * 64}": name part must be no more than 63 bytes',
            f'metadata.labels: Invalid value: "{"b" * 64}": must be no more than 63 bytes',
        ],
    ),
    "an annotation's key": (
        MAPS,
        a_map(annotations={"a b": "c"}),
        [f'metadata.annotations: Invalid value: "a b": {NAME_PART}'],
    ),
    "a name and a label": (
        MAPS,
        a_map(name="A b", labels={"a": "b c"}),
        [
            f'metadata.labels: Invalid value: "b c": {LABEL_VALUE}',
            f'metadata.name: Invalid value: "A b": {SUBDOMAIN}',
        ],
    ),
    "an owner of whom nothing is known": (
        MAPS,
        a_map(ownerReferences=[{}]),
        [
            f"metadata.ownerReferences[0].{field}: Required value: must not be empty"
            for field in ("apiVersion", "kind", "name", "uid")
        ],
    ),
    "two owners in control": (
        MAPS,
        a_map(ownerReferences=[{**OWNER, "controller": True}, {**OWNER, "name": "q", "uid": "v", "controller": True}]),
        [
            'metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u",'
            '"controller":true},{"apiVersion":"v1","kind":"Pod","name":"q","uid":"v","controller":true}]: Only one '
            'reference can have Controller set to true. Found "true" in references for Pod/p and Pod/q'
        ],
    ),
    "an event as an owner": (
        MAPS,
        a_map(ownerReferences=[{**OWNER, "kind": "Event"}]),
        [
            'metadata.ownerReferences[0]: Invalid value: {"apiVersion":"v1","kind":"Event","name":"p","uid":"u"}: '
            "/v1, Kind=Event is disallowed from being an owner"
        ],
    ),
    "a container's name": (
        PODS,
        a_pod({"name": "A"}),
        [
            'spec.containers[0].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case '
            "alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or "
            "'123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
        ],
    ),
    "spaces around an image": (
        PODS,
        a_pod({"image": " i"}),
        ['spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace'],
    ),
    "a variable's name": (
        PODS,
        a_pod({"env": [{"name": "a=b", "value": "c"}]}),
        [
            'spec.containers[0].env[0].name: Invalid value: "a=b": a valid environment variable name must consist only '
            "of printable ASCII characters other than '='"
        ],
    ),
    "no port": (
        PODS,
        a_pod({"ports": [{"containerPort": 0}]}),
        ["spec.containers[0].ports[0].containerPort: Required value"],
    ),
    "two mounts at one path": (
        PODS,
        a_pod(
            {"volumeMounts": [{"name": name, "mountPath": "/a"} for name in ("v", "w")]},
            volumes=[{"name": name, "emptyDir": {}} for name in ("v", "w")],
        ),
        ['spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique'],
    ),
    "a resource without a domain": (
        PODS,
        a_pod({"resources": {"limits": {"foo": "1"}}}),
        [
            f'spec.containers[0].resources.{field}[foo]: Invalid value: "foo": must be a standard resource {words}'
            for field in ("limits", "requests")
            for words in ("for containers", "type or fully qualified")
        ],
    ),
    "less than nothing": (
        PODS,
        a_pod({"resources": {"limits": {"cpu": "-1"}}}),
        [
            f'spec.containers[0].resources.{field}[cpu]: Invalid value: "-1": must be greater than or equal to 0'
            for field in ("limits", "requests")
        ],
    ),
    "no time": (
        PODS,
        a_pod(activeDeadlineSeconds=0),
        ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
    ),
}

ONCE: dict[str, list[str]] = {
    "a label's key of three parts": [
        f'metadata.labels: Invalid value: "a/b/c": a qualified name must consist of {FORM} with an optional DNS '
        "subdomain prefix and '/' (e.g. 'example.com/MyName')"
    ],
    "a long label": [
        f'metadata.labels: Invalid value: "{"a" * 64}": name part must be no more than 63 characters',
        f'metadata.labels: Invalid value: "{"b" * 64}": must be no more than 63 characters',
    ],
    "an owner of whom nothing is known": [
        'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
        *(
            f'metadata.ownerReferences.{field}: Invalid value: "": must not be empty'
            for field in ("kind", "name", "uid")
        ),
    ],
    "an event as an owner": [
        'metadata.ownerReferences: Invalid value: {"apiVersion":"v1","kind":"Event","name":"p","uid":"u"}: '
        "/v1, Kind=Event is disallowed from being an owner"
    ],
}
"""What 1.34 says of these."""


@pytest.mark.parametrize("case", INVALID)
def test_who_writes_what_cannot_be_is_told_each_field_and_why(server: Server, case: str) -> None:
    path, document, expected = INVALID[case]
    expected = by_version(server, newest=expected, oldest=ONCE.get(case, expected))
    answer = server.call("POST", path, document, dryRun="All")
    assert (answer.code, answer.body["reason"]) == (422, "Invalid"), answer.body
    causes = sorted(f"{cause['field']}: {cause['message']}" for cause in answer.body["details"]["causes"])
    assert causes == sorted(expected)


def test_a_pod_asks_for_what_it_is_limited_to(server: Server) -> None:
    document = a_pod({"resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}}})
    (container,) = server.good("POST", PODS, document, dryRun="All").body["spec"]["containers"]
    assert container["resources"]["requests"] == {"cpu": "1", "memory": "1Gi"}
    job = a_job(template={"spec": {**document["spec"], "restartPolicy": "Never"}})
    (template,) = server.good("POST", JOBS, job, dryRun="All").body["spec"]["template"]["spec"]["containers"]
    assert template["resources"]["requests"] == {"cpu": "1"}


UNPATCHED: dict[str, tuple[str, str, int, str]] = {
    "half a patch": ('{"data":', MERGE, 400, "invalid JSON patch"),
    "operations that are none": (
        '{"op":"test"}',
        JSON_PATCH,
        400,
        "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
    ),
}


@pytest.mark.parametrize("case", UNPATCHED)
def test_who_sends_no_patch_is_told_so(server: Server, fresh: Fresh, case: str) -> None:
    body, content, code, message = UNPATCHED[case]
    if case == "half a patch":
        message = by_version(server, newest=message, oldest="error decoding patch: unexpected end of JSON input")
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))
    answer = server.call("PATCH", f"{MAPS}/{name}", body, content)
    assert (answer.code, answer.body["message"]) == (code, message)


def test_a_form_that_is_not_read_is_told_those_that_are(server: Server) -> None:
    answer = server.call("POST", MAPS, "{}", "text/plain")
    forms = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    said = f"the body of the request was in an unknown format - accepted media types include: {forms}"
    assert (answer.code, answer.body["message"]) == (415, said)


UNKNOWN: dict[str, tuple[str, str]] = {
    "kind": ("v1", "Nope"),
    "version": ("batch/v2", "Job"),
    "group": ("example.com/v1", "Nope"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_kubectl_says_that_there_is_no_such_kind(server: Server, case: str) -> None:
    version, kind = UNKNOWN[case]
    done = server.kubectl("create", "-f", "-", stdin=f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n")
    said = (
        f'resource mapping not found for name: "x" namespace: "" from "STDIN": no matches for kind "{kind}" in version'
    )
    assert done.stderr == f'error: {said} "{version}"\nensure CRDs are installed first\n'


def test_a_strategic_patch_is_told_what_it_lacks_or_nobody_knows(server: Server, fresh: Fresh) -> None:
    name = fresh()
    place = f"{DEPLOYMENTS}/{name}"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": a_pod()["spec"]}
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    server.good("POST", DEPLOYMENTS, {"metadata": {"name": name}, "spec": spec})
    nameless = {"spec": {"template": {"spec": {"containers": [{"image": "j"}]}}}}
    answer = server.call("PATCH", place, nameless, STRATEGIC)
    assert (answer.code, answer.body["message"]) == (500, "map: map[image:j] does not contain declared merge key: name")
    unknown = {"spec": {"replica": 2, "paused": None, "strategy": {"type": "Recreate", "rollingUpdate": None}}}
    answer = server.call("PATCH", place, unknown, STRATEGIC, fieldValidation="Strict")
    shown = '"map[spec:map[paused:<nil> replica:2 strategy:map[rollingUpdate:<nil> type:Recreate]]]"'
    why = f'patch: Invalid value: {shown}: strict decoding error: unknown field "spec.replica"'
    assert (answer.code, answer.body["message"]) == (422, f' "" is invalid: {why}')
