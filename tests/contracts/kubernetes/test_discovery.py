"""What a server says about itself: groups, resources, OpenAPI, tables and health; and what kubectl makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from contracts.kubernetes.definitions import a_definition, create, define, fields
from contracts.kubernetes.servers import MERGE, SPACE, Server

Json = dict[str, Any]
TEXT: Json = {"type": "string"}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
GROUP = "food.example.com"
VERBS = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}


@pytest.fixture(scope="module")
def shows(server: Server) -> Iterator[str]:
    """A kind with columns of every type, and two objects of it."""
    inner = {**fields(x={"type": "array", "items": TEXT, "description": "The entries."}), "required": ["x"]}
    spec = fields(
        a={**TEXT, "description": "The letter."},
        n={"type": "integer", "format": "int32"},
        on={"type": "boolean"},
        sub=inner,
    )
    columns = [
        {"name": "A", "type": "string", "jsonPath": ".spec.a", "description": "the letter"},
        {"name": "N", "type": "integer", "jsonPath": ".spec.n", "format": "int32"},
        {"name": "X", "type": "string", "jsonPath": ".spec.sub.x[0]", "priority": 1},
        {"name": "On", "type": "boolean", "jsonPath": ".spec.on"},
        {"name": "All", "type": "string", "jsonPath": ".spec.sub.x", "priority": 1},
        {"name": "When", "type": "date", "jsonPath": ".status.when"},
    ]
    crd = a_definition("shows", {**spec, "description": "What is wanted."}, additionalPrinterColumns=columns)
    crd["spec"]["names"] |= {"shortNames": ["shw"], "categories": ["evenings"], "singular": "show"}
    crd["spec"]["versions"][0]["subresources"] = {"status": {}}
    path = define(server, crd)
    create(server, path, "one", {"a": "q", "n": 3, "sub": {"x": ["one", "two"]}, "on": True})
    create(server, path, "two", {"a": "r"})
    yield path


def test_the_core_group_has_one_version(server: Server) -> None:
    body = server.good("GET", "/api").body
    assert (body["kind"], body["versions"]) == ("APIVersions", ["v1"])
    assert body["serverAddressByClientCIDRs"] == [
        {"clientCIDR": "0.0.0.0/0", "serverAddress": server.url.removeprefix("https://")}
    ]


def test_a_group_names_its_versions(server: Server, shows: str) -> None:
    version = {"groupVersion": f"{GROUP}/v1", "version": "v1"}
    body = server.good("GET", f"/apis/{GROUP}").body
    assert body["kind"] == "APIGroup" and version in body["versions"]


def test_a_version_lists_its_resources_and_their_subresources(server: Server, shows: str) -> None:
    body = server.good("GET", f"/apis/{GROUP}/v1").body
    assert (body["kind"], body["groupVersion"]) == ("APIResourceList", f"{GROUP}/v1")
    found = {entry["name"]: entry for entry in body["resources"]}
    resource = {key: value for key, value in found["shows"].items() if key not in ("verbs", "storageVersionHash")}
    assert resource == {
        "name": "shows",
        "singularName": "show",
        "namespaced": True,
        "kind": "Shows",
        "shortNames": ["shw"],
        "categories": ["evenings"],
    }
    assert set(found["shows"]["verbs"]) == VERBS
    assert set(found["shows/status"]["verbs"]) == {"get", "patch", "update"}


@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_discovery_in_one_document_is_for_who_accepts_it(server: Server, path: str) -> None:
    answer = server.get(path, AGGREGATED)
    assert answer.headers["content-type"] == AGGREGATED.partition(",")[0] and answer.headers["vary"] == "Accept"
    assert (answer.body["kind"], answer.body["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    assert server.get(path, AGGREGATED, If_None_Match=answer.headers["etag"]).code == 304


def test_discovery_in_one_document_has_every_resource(server: Server, shows: str) -> None:
    items = {item["metadata"].get("name", ""): item for item in server.get("/apis", AGGREGATED).body["items"]}
    [version] = [entry for entry in items[GROUP]["versions"] if entry["version"] == "v1"]
    [found] = [entry for entry in version["resources"] if entry["resource"] == "shows"]
    kind = {"group": GROUP, "version": "v1", "kind": "Shows"}
    assert (found["responseKind"], found["scope"], found["singularResource"]) == (kind, "Namespaced", "show")
    assert (found["shortNames"], found["categories"], set(found["verbs"])) == (["shw"], ["evenings"], VERBS)
    [subresource] = found["subresources"]
    assert (subresource["subresource"], subresource["responseKind"]) == ("status", kind)


def test_the_version_is_of_kubernetes(server: Server) -> None:
    body = server.good("GET", "/version").body
    assert body["gitVersion"].startswith(f"v{body['major']}.{body['minor']}.")


def openapi_of(server: Server, prefix: str) -> str:
    address: str = server.good("GET", "/openapi/v3").body["paths"][prefix]["serverRelativeURL"]
    return address


def test_openapi_documents_are_named_by_what_they_say(server: Server, shows: str) -> None:
    address = openapi_of(server, f"apis/{GROUP}/v1")
    path, _, tag = address.partition("?hash=")
    answer = server.get(address, "application/json")
    assert path == f"/openapi/v3/apis/{GROUP}/v1" and answer.headers["etag"] == f'"{tag}"'
    assert answer.headers["cache-control"] == "public, immutable"
    assert server.get(address, "application/json", If_None_Match=answer.headers["etag"]).code == 304
    moved = server.get(f"{path}?hash=OLD", "application/json")
    assert (moved.code, moved.headers["location"]) == (301, address)


def test_an_openapi_document_has_the_schema_of_a_custom_kind(server: Server, shows: str) -> None:
    body = server.good("GET", openapi_of(server, f"apis/{GROUP}/v1").partition("?")[0]).body
    schema = body["components"]["schemas"]["com.example.food.v1.Shows"]
    assert schema["x-kubernetes-group-version-kind"] == [{"group": GROUP, "version": "v1", "kind": "Shows"}]
    assert schema["properties"]["spec"]["properties"]["a"] == {"type": "string", "description": "The letter."}
    assert f"/apis/{GROUP}/v1/namespaces/{{namespace}}/shows/{{name}}" in body["paths"]


def test_an_openapi_document_has_the_fields_of_built_in_kinds(server: Server) -> None:
    schemas = server.good("GET", openapi_of(server, "api/v1").partition("?")[0]).body["components"]["schemas"]
    assert {"containers", "restartPolicy"} <= set(schemas["io.k8s.api.core.v1.PodSpec"]["properties"])
    assert schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["restartPolicy"]["type"] == "string"


def test_no_openapi_document_is_of_what_is_not_served(server: Server) -> None:
    assert server.call("GET", "/openapi/v3/apis/nosuch.example.com/v1").code == 404


def test_a_table_has_the_columns_of_a_custom_kind(server: Server, shows: str) -> None:
    body = server.get(shows, TABLE).body
    assert (body["kind"], body["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    columns = [
        (entry["name"], entry["type"], entry["format"], entry["priority"]) for entry in body["columnDefinitions"]
    ]
    assert columns == [
        ("Name", "string", "name", 0),
        ("A", "string", "", 0),
        ("N", "integer", "int32", 0),
        ("X", "string", "", 1),
        ("On", "boolean", "", 0),
        ("All", "string", "", 1),
        ("When", "date", "", 0),
    ]
    said = [entry["description"] for entry in body["columnDefinitions"][1:3]]
    assert said == ["the letter", "Custom resource definition column (in JSONPath format): .spec.n"]
    assert [row["cells"] for row in body["rows"]] == [
        ["one", "q", 3, "one", True, '["one","two"]', None],
        ["two", "r", None, None, None, None, None],
    ]


INCLUDED = {"": "PartialObjectMetadata", "None": None, "Metadata": "PartialObjectMetadata", "Object": "Shows"}


@pytest.mark.parametrize("include", INCLUDED)
def test_a_table_brings_along_what_is_asked_for(server: Server, shows: str, include: str) -> None:
    rows = server.get(f"{shows}?includeObject={include}", TABLE).body["rows"]
    assert {(row["object"] or {}).get("kind") for row in rows} == {INCLUDED[include]}


def test_a_table_of_one_object_has_its_version(server: Server, shows: str) -> None:
    table = server.get(f"{shows}/one", TABLE).body
    assert table["metadata"]["resourceVersion"] == server.good("GET", f"{shows}/one").version
    assert [row["cells"][0] for row in table["rows"]] == ["one"]


def test_only_metadata_is_sent_to_who_accepts_only_that(server: Server, shows: str) -> None:
    body = server.get(shows, PARTIAL).body
    assert body["kind"] == "PartialObjectMetadataList"
    assert [set(item) for item in body["items"]] == [{"kind", "apiVersion", "metadata"}] * 2


NOT_MADE = {
    "a form of no object": "text/html",
    "a table of another version": "application/json;as=Table;v=v9;g=meta.k8s.io",
}


@pytest.mark.parametrize("case", NOT_MADE)
def test_a_form_that_is_not_made_is_refused(server: Server, shows: str, case: str) -> None:
    answer = server.get(shows, NOT_MADE[case])
    assert (answer.code, answer.body["reason"]) == (406, "NotAcceptable")
    assert answer.body["message"].startswith("only the following media types are accepted: application/json")


def test_what_else_a_table_could_bring_is_refused(server: Server, shows: str) -> None:
    answer = server.get(f"{shows}?includeObject=Odd", TABLE)
    assert answer.code == 400 and "must be 'Metadata', 'Object', 'None', or empty" in answer.body["message"]


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health_is_told_in_a_word_in_full_and_by_part(server: Server, path: str) -> None:
    answer = server.call("GET", path)
    assert (answer.body, answer.headers["content-type"]) == ("ok", "text/plain; charset=utf-8")
    lines = server.call("GET", path, verbose="").body.splitlines()
    assert lines[0] == "[+]ping ok" and lines[-1] == f"{path[1:]} check passed"
    assert server.call("GET", f"{path}/ping").body == "ok"
    assert server.call("GET", f"{path}/nosuch").code == 404


SHOWN: dict[str, tuple[list[str], list[list[str]]]] = {
    "by a short name": (["shw", "one"], [["NAME", "A", "N", "ON", "WHEN"], ["one", "q", "3", "true"]]),
    "by a category": (["evenings"], [["NAME", "A", "N", "ON", "WHEN"], ["one", "q", "3", "true"], ["two", "r"]]),
    "wide": (
        ["shows", "one", "-o", "wide"],
        [["NAME", "A", "N", "X", "ON", "ALL", "WHEN"], ["one", "q", "3", "one", "true", '["one","two"]']],
    ),
}


@pytest.mark.parametrize("case", SHOWN)
def test_kubectl_shows_a_custom_kind(server: Server, shows: str, case: str) -> None:
    arguments, rows = SHOWN[case]
    assert [line.split() for line in server.kubectl("get", *arguments).stdout.splitlines()] == rows


EXPLAINED: dict[str, tuple[list[str], list[str]]] = {
    "a custom kind": (["shows"], ["GROUP: food.example.com", "spec <Object>", "metadata <ObjectMeta>"]),
    "its fields": (["shows.spec"], ["What is wanted.", "a <string>", "The letter.", "n <integer>", "sub <Object>"]),
    "everything below": (["shows.spec.sub", "--recursive"], ["x <[]string> -required-"]),
    "a field of a pod": (["pod.spec.restartPolicy"], ["KIND: Pod", "FIELD: restartPolicy <string>"]),
    "what a pod is made of": (["pod.spec.containers.resources"], ["FIELD: resources <ResourceRequirements>", "limits"]),
    "a field of a job": (["job.spec.suspend"], ["GROUP: batch", "FIELD: suspend <boolean>"]),
}


@pytest.mark.parametrize("case", EXPLAINED)
def test_kubectl_explains(server: Server, shows: str, case: str) -> None:
    arguments, words = EXPLAINED[case]
    done = server.kubectl("explain", *arguments)
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert [word for word in words if not any(line.startswith(word) for line in lines)] == []


def test_kubectl_explains_no_field_that_is_not_there(server: Server, shows: str) -> None:
    assert 'field "nosuch" does not exist' in server.kubectl("explain", "shows.spec.nosuch").stderr


def test_kubectl_lists_resources_with_their_verbs(server: Server, shows: str) -> None:
    done = server.kubectl("api-resources", f"--api-group={GROUP}", "-o", "wide")
    [row] = [line.split() for line in done.stdout.splitlines() if line.startswith("shows ")]
    assert row[:5] == ["shows", "shw", f"{GROUP}/v1", "true", "Shows"]
    assert set(row[5].split(",")) == VERBS and row[6:] == ["evenings"]


def test_what_is_listed_in_pages_is_shown_in_pages(server: Server, shows: str) -> None:
    table = server.get(f"{shows}?limit=1", TABLE).body
    assert len(table["rows"]) == 1 and table["metadata"]["remainingItemCount"] == 1
    rest = server.get(f"{shows}?limit=1&continue={table['metadata']['continue']}", TABLE).body
    assert [row["cells"][0] for row in rest["rows"]] == ["two"]


def test_yaml_is_answered_to_who_accepts_it(server: Server) -> None:
    answer = server.get(f"{SPACE}", "application/yaml")
    assert answer.headers["content-type"] == "application/yaml" and "kind: Namespace\n" in answer.body


def offered(server: Server, prefix: str) -> dict[str, set[str]]:
    return {entry["name"]: set(entry["verbs"]) for entry in server.good("GET", prefix).body["resources"]}


CORE_VERBS = {
    "namespaces": VERBS - {"deletecollection"},
    "namespaces/finalize": {"update"},
    "namespaces/status": {"get", "patch", "update"},
    "nodes": VERBS,
    "pods/binding": {"create"},
    "pods/log": {"get"},
    "serviceaccounts/token": {"create"},
}


def test_a_resource_is_offered_with_what_can_be_done_with_it(server: Server) -> None:
    found = offered(server, "/api/v1")
    assert {name: found[name] for name in CORE_VERBS} == CORE_VERBS
    [binding] = [entry for entry in server.good("GET", "/api/v1").body["resources"] if entry["name"] == "pods/binding"]
    assert binding["kind"] == "Binding"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/v1/namespaces"),
        ("GET", f"{SPACE}/finalize"),
        ("PATCH", f"{SPACE}/finalize"),
        ("PUT", f"{SPACE}/pods/nosuch/log"),
        ("GET", f"{SPACE}/pods/nosuch/binding"),
        ("GET", f"{SPACE}/serviceaccounts/default/token"),
    ],
)
def test_what_is_not_offered_is_not_allowed(server: Server, method: str, path: str) -> None:
    answer = server.call(method, path, *([{}, MERGE] if method == "PATCH" else []))
    assert (answer.code, answer.body["reason"]) == (405, "MethodNotAllowed")
