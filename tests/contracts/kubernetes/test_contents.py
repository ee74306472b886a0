"""What ConfigMaps, Secrets, Services, Leases, Events and names may be, and how a Status says that they may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from contracts.kubernetes.servers import MERGE, SPACE, Json, Server, a_config_map, by_version, laptop_differs

MAPS, SECRETS, SERVICES = f"{SPACE}/configmaps", f"{SPACE}/secrets", f"{SPACE}/services"
EVENTS, NEW_EVENTS = f"{SPACE}/events", "/apis/events.k8s.io/v1/namespaces/default/events"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
NODES = "/api/v1/nodes"
ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles"
BYTES = "eg=="
MUCH = "x" * 1_100_000
TOO_LONG = "Too long: may not be more than 1048576 bytes"
Fresh = Callable[[], str]


def ports(*found: Json, **spec: Any) -> Json:
    return {"spec": {"ports": list(found), **spec}}


def tainted(*taints: Json) -> Json:
    return {"spec": {"taints": list(taints)}}


WRONG: dict[str, tuple[str, Json, list[tuple[str, str, str]]]] = {
    "a key of a config map": (MAPS, {"data": {"a/b": "x"}}, [("Invalid", "data[a/b]", "a valid config key must")]),
    "a key that climbs": (MAPS, {"data": {"..a": "x"}}, [("Invalid", "data[..a]", "must not start with '..'")]),
    "a key of two kinds": (
        MAPS,
        {"data": {"a": "x"}, "binaryData": {"a": BYTES}},
        [("Invalid", "data[a]", "duplicate of key present in binaryData")],
    ),
    "a large config map": (MAPS, {"data": {"a": MUCH}}, [("TooLong", "[]", TOO_LONG)]),
    "a key of a secret": (SECRETS, {"data": {"a b": BYTES}}, [("Invalid", "data[a b]", "a valid config key must")]),
    "half a key pair": (
        SECRETS,
        {"type": "kubernetes.io/tls", "data": {"tls.crt": BYTES}},
        [("Required", "data[tls.key]", "Required value")],
    ),
    "no login": (
        SECRETS,
        {"type": "kubernetes.io/basic-auth"},
        [("Required", "data[username]", "Required value"), ("Required", "data[password]", "Required value")],
    ),
    "a registry's login that is no JSON": (
        SECRETS,
        {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "x"}},
        [("Invalid", "data[.dockerconfigjson]", '"<secret contents redacted>"')],
    ),
    "a large secret": (SECRETS, {"stringData": {"a": MUCH}}, [("TooLong", "data", TOO_LONG)]),
    "a port's name": (SERVICES, ports({"port": 80, "name": "A"}), [("Invalid", "spec.ports[0].name", '"A"')]),
    "a long port's name": (
        SERVICES,
        ports({"port": 80, "name": "x" * 64}),
        [("Invalid", "spec.ports[0].name", "must be no more than 63 characters")],
    ),
    "ports of one name": (
        SERVICES,
        ports({"port": 80, "name": "a"}, {"port": 81, "name": "a"}),
        [("Duplicate", "spec.ports[1].name", 'Duplicate value: "a"')],
    ),
    "a service's selector": (
        SERVICES,
        ports({"port": 1}, selector={"a b": "c"}),
        [("Invalid", "spec.selector", "a b")],
    ),
    "a service's affinity": (
        SERVICES,
        ports({"port": 1}, sessionAffinity="Foo"),
        [("NotSupported", "spec.sessionAffinity", 'supported values: "ClientIP", "None"')],
    ),
    "another name of nothing": (
        SERVICES,
        {"spec": {"type": "ExternalName"}},
        [("Required", "spec.externalName", "Required value")],
    ),
    "a service that leads nowhere": (SERVICES, {"spec": {}}, [("Required", "spec.ports", "Required value")]),
    "an address that is none": (
        SERVICES,
        ports({"port": 80}, clusterIP="foo"),
        [("Invalid", "spec.clusterIPs[0]", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")],
    ),
    "another name that is none": (
        SERVICES,
        {"spec": {"type": "ExternalName", "externalName": "A_b"}},
        [("Invalid", "spec.externalName", "a lowercase RFC 1123 subdomain must consist of lower case")],
    ),
    "a port behind it that is none": (
        SERVICES,
        ports({"port": 80, "targetPort": 70000}),
        [("Invalid", "spec.ports[0].targetPort", "Invalid value: 70000: must be between 1 and 65535, inclusive")],
    ),
    "a port's name behind it that is none": (
        SERVICES,
        ports({"port": 80, "targetPort": "FOO!"}),
        [
            (
                "Invalid",
                "spec.ports[0].targetPort",
                '"FOO!": must contain only alpha-numeric characters (a-z, 0-9), and',
            ),
            ("Invalid", "spec.ports[0].targetPort", '"FOO!": must contain at least one letter (a-z)'),
        ],
    ),
    "hyphens around a port's name behind it": (
        SERVICES,
        ports({"port": 80, "targetPort": "-a--b-long-enough"}),
        [
            ("Invalid", "spec.ports[0].targetPort", "must be no more than 15 characters"),
            ("Invalid", "spec.ports[0].targetPort", "must not contain consecutive hyphens"),
            ("Invalid", "spec.ports[0].targetPort", "must not begin or end with a hyphen"),
        ],
    ),
    "an effect of a taint": (
        NODES,
        tainted({"key": "a", "effect": "Foo"}),
        [("NotSupported", "metadata.taints[0].effect", '"NoSchedule", "PreferNoSchedule", "NoExecute"')],
    ),
    "a taint without effect": (
        NODES,
        tainted({"key": "a"}),
        [("Required", "metadata.taints[0].effect", "Required value")],
    ),
    "a taint's value": (
        NODES,
        tainted({"key": "a", "value": "a b", "effect": "NoSchedule"}),
        [("Invalid", "metadata.taints[0].value", "a valid label must be an empty string or consist of")],
    ),
    "a taint's key": (
        NODES,
        tainted({"key": "a b", "effect": "NoSchedule"}),
        [("Invalid", "metadata.taints[0].key", "name part must consist of")],
    ),
    "two taints in one": (
        NODES,
        tainted({"key": "a", "effect": "NoSchedule"}, {"key": "a", "value": "x", "effect": "NoSchedule"}),
        [
            (
                "Duplicate",
                "metadata.taints[1]",
                '{"Key":"a","Value":"x","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect',
            )
        ],
    ),
    "a lease of no time": (
        LEASES,
        {"spec": {"leaseDurationSeconds": 0}},
        [("Invalid", "spec.leaseDurationSeconds", "Invalid value: 0: must be greater than 0")],
    ),
    "a lease that was handed over less than never": (
        LEASES,
        {"spec": {"leaseTransitions": -1}},
        [("Invalid", "spec.leaseTransitions", "Invalid value: -1: must be greater than or equal to 0")],
    ),
    "an event of elsewhere": (
        EVENTS,
        {"involvedObject": {"kind": "Pod", "namespace": "kube-system", "name": "x"}},
        [("Invalid", "involvedObject.namespace", "does not match event.namespace")],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_an_object_may_not_hold(server: Server, fresh: Fresh, case: str) -> None:
    path, content, expected = WRONG[case]
    name = fresh()
    answer = server.call("POST", path, {"metadata": {"name": name}, **content})
    assert (answer.code, answer.body["reason"]) == (422, "Invalid"), answer.body
    causes = answer.body["details"]["causes"]
    assert [(cause["reason"], cause["field"]) for cause in causes] == [
        (f"FieldValue{reason}", field) for reason, field, _ in expected
    ]
    assert all(words in cause["message"] for cause, (_, _, words) in zip(causes, expected, strict=True))
    assert server.call("GET", f"{path}/{name}").code == 404


RIGHT: dict[str, tuple[str, Json, Json]] = {
    "bytes and texts": (
        MAPS,
        {"data": {"a": "x"}, "binaryData": {"b": BYTES}},
        {"data": {"a": "x"}, "binaryData": {"b": BYTES}},
    ),
    "texts of a secret": (
        SECRETS,
        {"stringData": {"a": "x"}, "data": {"a": BYTES, "b": BYTES}},
        {"type": "Opaque", "data": {"a": "eA==", "b": BYTES}},
    ),
    "a type of one's own": (SECRETS, {"type": "example.com/any"}, {"type": "example.com/any"}),
    "a key pair": (
        SECRETS,
        {"type": "kubernetes.io/tls", "data": {"tls.crt": BYTES, "tls.key": BYTES}},
        {"type": "kubernetes.io/tls", "data": {"tls.crt": BYTES, "tls.key": BYTES}},
    ),
    "one port of two protocols": (
        SERVICES,
        ports({"port": 80, "name": "a"}, {"port": 80, "protocol": "UDP", "name": "b", "targetPort": "http"}),
        {
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ports": [
                {"name": "a", "port": 80, "protocol": "TCP", "targetPort": 80},
                {"name": "b", "port": 80, "protocol": "UDP", "targetPort": "http"},
            ],
        },
    ),
    "another name": (
        SERVICES,
        {"spec": {"type": "ExternalName", "externalName": "a.example.com"}},
        {"type": "ExternalName", "externalName": "a.example.com"},
    ),
    "a service without address": (SERVICES, {"spec": {"clusterIP": "None"}}, {"clusterIP": "None"}),
    "a lease": (
        LEASES,
        {"spec": {"holderIdentity": "a", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"}},
        {"holderIdentity": "a", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"},
    ),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_an_object_holds(server: Server, fresh: Fresh, case: str) -> None:
    path, content, expected = RIGHT[case]
    created = server.good("POST", path, {"metadata": {"name": fresh()}, **content}).body
    shown = created.get("spec") or created
    assert {key: shown.get(key) for key in expected} == expected
    assert "stringData" not in created and ("ports" in shown) is ("ports" in expected)


LOCKED: dict[str, tuple[Json, str, str]] = {
    "its data": ({"data": {"a": "eQ=="}}, "Forbidden", "data"),
    "what it was written as": ({"stringData": {"a": "y"}}, "Forbidden", "data"),
    "that it is locked": ({"immutable": False}, "Forbidden", "immutable"),
    "its type": ({"type": "example.com/other"}, "Invalid", "type"),
}


@pytest.mark.parametrize("case", LOCKED)
def test_a_locked_secret_keeps(server: Server, fresh: Fresh, case: str) -> None:
    change, reason, field = LOCKED[case]
    name = fresh()
    server.good("POST", SECRETS, {"metadata": {"name": name}, "stringData": {"a": "x"}, "immutable": True})
    answer = server.call("PATCH", f"{SECRETS}/{name}", change, MERGE)
    causes = answer.body["details"]["causes"]
    assert [(cause["reason"], cause["field"]) for cause in causes] == [(f"FieldValue{reason}", field)]
    assert "field is immutable" in causes[0]["message"]
    server.good("PATCH", f"{SECRETS}/{name}", {"metadata": {"labels": {"a": "b"}}}, MERGE)


def test_the_address_of_a_service_stays(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", SERVICES, {"metadata": {"name": name}, **ports({"port": 80})})
    answer = server.call("PATCH", f"{SERVICES}/{name}", {"spec": {"clusterIP": "10.96.9.9"}}, MERGE)
    assert answer.code == 422 and "may not change once set" in answer.body["message"]
    changed = server.good("PATCH", f"{SERVICES}/{name}", {"spec": {"ports": [{"port": 81}]}}, MERGE).body["spec"]
    assert changed["ports"] == [{"port": 81, "protocol": "TCP", "targetPort": 81}]


def test_secrets_are_selected_by_type(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", SECRETS, {"metadata": {"name": name}, "type": f"example.com/{name}"})
    page = server.good("GET", SECRETS, fieldSelector=f"type=example.com/{name}").body
    assert [item["metadata"]["name"] for item in page["items"]] == [name]


def test_an_event_of_either_api_is_one_event(server: Server, fresh: Fresh) -> None:
    name = fresh()
    event = {"involvedObject": {"kind": "Pod", "namespace": "default", "name": "x"}, "reason": "Tried", "message": "m"}
    server.good("POST", EVENTS, {"metadata": {"name": name}, **event, "type": "Normal"})
    answer = server.call("GET", f"{NEW_EVENTS}/{name}")
    expected = laptop_differs(
        server, real=200, laptop=404, why="nothing that Katib's users run writes or reads them there", row="events"
    )
    assert answer.code == expected
    if isinstance(answer.body, dict):
        assert (answer.body["note"], answer.body["regarding"]["name"]) == ("m", "x")


LABEL, SUBDOMAIN = "a lowercase RFC 1123 label must", "a lowercase RFC 1123 subdomain must"
NO_DOT = "must not contain dots"
NAMES: dict[str, tuple[str, str, str]] = {
    "a large letter": (MAPS, "Upper", SUBDOMAIN),
    "two dots": (MAPS, "a..b", SUBDOMAIN),
    "a slash": (MAPS, "a/b", SUBDOMAIN),
    "254 characters": (MAPS, "a" * 254, "must be no more than 253 characters"),
    "a large letter of a service": (SERVICES, "Upper", LABEL),
    "a dot of a service": (SERVICES, "a.b", NO_DOT),
    "64 characters of a service": (SERVICES, "a" * 64, "must be no more than 63 characters"),
    "a slash of a role": (ROLES, "a/b", "may not contain '/'"),
    "nothing": (MAPS, "", "name or generateName is required"),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_name_may_not_have(server: Server, case: str) -> None:
    path, name, words = NAMES[case]
    answer = server.call("POST", path, {"metadata": {"name": name}, **(ports({"port": 1}) if path == SERVICES else {})})
    (cause,) = answer.body["details"]["causes"]
    if words in (LABEL, NO_DOT):  # 1.34 wants a Service's name to begin with a letter too, and says so at once
        words = by_version(server, newest=words, oldest="a DNS-1035 label must")
    assert (answer.code, cause["field"]) == (422, "metadata.name") and words in cause["message"]
    assert cause["reason"] == ("FieldValueInvalid" if name else "FieldValueRequired")
    assert answer.body["details"].get("name", "") == name


@pytest.mark.parametrize(("path", "name"), [(MAPS, "a" * 253), (MAPS, "1.a-b"), (ROLES, "A:b c"), (SERVICES, "1a")])
def test_a_name_may_be(server: Server, path: str, name: str) -> None:
    document = {"metadata": {"name": name}, **(ports({"port": 1}) if path == SERVICES else {})}
    answer = server.call("POST", path, document, dryRun="All")
    assert answer.code == (by_version(server, newest=201, oldest=422) if path == SERVICES else 201), answer.body


def test_a_generated_name_fits_into_63_characters(server: Server) -> None:
    for length in (57, 58, 80, 253):
        document = {"metadata": {"generateName": "a" * length}}
        name = server.good("POST", MAPS, document, dryRun="All").body["metadata"]["name"]
        assert len(name) == min(length, 58) + 5 and name.startswith("a" * min(length, 58))


def test_no_version_is_brought_along(server: Server, fresh: Fresh) -> None:
    document = a_config_map(fresh())
    document["metadata"]["resourceVersion"] = "5"
    answer = server.call("POST", MAPS, document)
    assert (answer.code, answer.body["message"]) == (500, "resourceVersion should not be set on objects to be created")
    assert "reason" not in answer.body and "details" not in answer.body


def test_a_replacement_may_leave_its_version_out(server: Server, fresh: Fresh) -> None:
    """Then whatever was written in between is lost, as the caller has chosen."""
    name = fresh()
    server.good("POST", MAPS, a_config_map(name, a="1"))
    assert server.good("PUT", f"{MAPS}/{name}", a_config_map(name, b="2")).body["data"] == {"b": "2"}
    absent = server.call("PUT", f"{MAPS}/{name}-none", a_config_map(f"{name}-none"))
    assert (absent.code, absent.body["reason"]) == (404, "NotFound")
    elsewhere = a_config_map(name)
    elsewhere["metadata"]["namespace"] = "kube-system"
    answer = server.call("PUT", f"{MAPS}/{name}", elsewhere)
    said = "the namespace of the provided object does not match the namespace sent on the request"
    assert (answer.code, answer.body["message"]) == (400, said)


@pytest.mark.parametrize("accept", ["text/plain", "application/xml", "application/json;as=Song;g=meta.k8s.io;v=v1"])
def test_a_form_that_there_is_not_is_not_acceptable(server: Server, accept: str) -> None:
    answer = server.accepting(accept).call("GET", MAPS)
    assert (answer.code, answer.body["kind"], answer.body["reason"]) == (406, "Status", "NotAcceptable")
    assert "application/json" in answer.body["message"]


def test_yaml_is_a_form_and_protobuf_is_none_of_the_laptop(server: Server) -> None:
    """Who takes only protobuf gets it from a real server, and from the laptop no JSON under another name."""
    said = server.accepting("application/yaml").good("GET", MAPS)
    assert said.headers["content-type"].startswith("application/yaml")
    assert yaml.safe_load(said.body)["kind"] == "ConfigMapList"
    answer = server.accepting("application/vnd.kubernetes.protobuf").call("GET", MAPS)
    why = "answers in protobuf are of use to large clusters, and no client needs them"
    expected = laptop_differs(server, real=200, laptop=406, why=why, row="forms of answers")
    assert answer.code == expected


@pytest.mark.parametrize("accept", ["*/*", "text/html, application/json", "application/json;stream=watch"])
def test_json_is_acceptable_in_many_words(server: Server, accept: str) -> None:
    assert server.accepting(accept).good("GET", MAPS).body["kind"] == "ConfigMapList"
