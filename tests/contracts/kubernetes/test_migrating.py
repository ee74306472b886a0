"""kubectl's ways to apply, one after the other: on the client, then on the server, and back. Nobody's fields get lost."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from contracts.kubernetes.servers import MERGE, SPACE, Json, Server, a_config_map

from katib_apis.v1beta1.names import ANNOTATION_LAST_APPLIED

MAPS = f"{SPACE}/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"

APPLY, ON_SERVER = ("apply",), ("apply", "--server-side")
MINE, LAST_MINE = ("kubectl", "Apply"), ("kubectl-last-applied", "Apply")
CLIENT, CREATED = ("kubectl-client-side-apply", "Update"), ("kubectl-create", "Update")
Fresh = Callable[[], str]
Fields = dict[tuple[str, str], Json]


def run(server: Server, command: Sequence[str], document: Json) -> str:
    """What kubectl says to a command that reads this manifest."""
    done = server.kubectl(*command, "-f", "-", stdin=json.dumps(document))
    return done.stdout + done.stderr


def a_map(name: str, **data: str) -> Json:
    return a_config_map(name, {"l": "1"}, **data)


def owned(server: Server, path: str) -> Fields:
    """Who owns what of an object, but for what a cluster's controllers have written."""
    listed = server.good("GET", path).body["metadata"]["managedFields"]
    assert [entry["operation"] for entry in listed] == sorted(entry["operation"] for entry in listed)
    return {
        (entry["manager"], entry["operation"]): entry["fieldsV1"]
        for entry in listed
        if "controller" not in entry["manager"]
    }


def leaves(*names: str) -> Json:
    return {f"f:{name}": {} for name in names}


def labels(*more: str) -> Json:
    return {"f:metadata": {"f:labels": leaves("l")}, "f:data": leaves(*more)}


LAST_ALONE: Json = {"f:metadata": {"f:annotations": leaves(ANNOTATION_LAST_APPLIED)}}


def test_what_kubectl_creates_and_applies_is_owned_by_how_it_did(server: Server, fresh: Fresh) -> None:
    name = fresh()
    run(server, ("create",), a_map(name, a="1", b="1"))
    both = {"f:metadata": {"f:labels": {".": {}, **leaves("l")}}, "f:data": {".": {}, **leaves("a", "b")}}
    assert owned(server, f"{MAPS}/{name}") == {CREATED: both}
    run(server, APPLY, a_map(name, a="2", b="1"))
    assert owned(server, f"{MAPS}/{name}") == {
        CREATED: {**both, "f:data": {".": {}, **leaves("b")}},
        CLIENT: {"f:metadata": {"f:annotations": {".": {}, **leaves(ANNOTATION_LAST_APPLIED)}}, "f:data": leaves("a")},
    }


def test_what_was_applied_on_the_client_is_handed_over_to_the_server(server: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{MAPS}/{name}"
    run(server, APPLY, a_map(name, a="1", b="1", c="1"))
    assert run(server, ON_SERVER, a_map(name, a="2", b="1")) == f"configmap/{name} serverside-applied\n"
    found = server.good("GET", path).body
    assert found["data"] == {"a": "2", "b": "1"}
    assert json.loads(found["metadata"]["annotations"][ANNOTATION_LAST_APPLIED])["data"] == {"a": "2", "b": "1"}
    assert owned(server, path) == {MINE: labels("a", "b"), LAST_MINE: LAST_ALONE}
    run(server, ON_SERVER, a_map(name, a="2"))
    assert server.good("GET", path).body["data"] == {"a": "2"}
    nothing = a_map(name, a="2")
    nothing["metadata"]["labels"] = {}
    run(server, ON_SERVER, nothing)
    assert "labels" not in server.good("GET", path).body["metadata"]
    assert owned(server, path)[MINE] == {"f:metadata": leaves("labels"), "f:data": leaves("a")}


def test_who_goes_back_to_the_client_finds_what_was_applied_on_the_server(server: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{MAPS}/{name}"
    run(server, APPLY, a_map(name, a="1", b="1", c="1"))
    run(server, ON_SERVER, a_map(name, a="1", b="1"))
    run(server, APPLY, a_map(name, a="3"))
    assert server.good("GET", path).body["data"] == {"a": "3"}
    assert owned(server, path)[CLIENT]["f:data"] == leaves("a")
    run(server, ON_SERVER, a_map(name, a="4", d="4"))
    assert server.good("GET", path).body["data"] == {"a": "4", "d": "4"}
    assert owned(server, path) == {MINE: labels("a", "d"), LAST_MINE: LAST_ALONE}


def test_another_manager_takes_over_from_who_applied_on_the_client_when_it_is_forced(
    server: Server, fresh: Fresh
) -> None:
    name = fresh()
    run(server, APPLY, a_map(name, a="1", b="1"))
    said = run(server, (*ON_SERVER, "--field-manager=x"), a_map(name, a="2"))
    assert 'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: .data.a' in said
    run(server, (*ON_SERVER, "--field-manager=x", "--force-conflicts"), a_map(name, a="2"))
    assert server.good("GET", f"{MAPS}/{name}").body["data"] == {"a": "2"}
    assert owned(server, f"{MAPS}/{name}") == {("x", "Apply"): labels("a")}


def test_what_somebody_has_changed_since_is_a_conflict_after_all(server: Server, fresh: Fresh) -> None:
    name = fresh()
    run(server, APPLY, a_map(name, a="1", b="1"))
    server.good("PATCH", f"{MAPS}/{name}", {"data": {"a": "9"}}, MERGE, fieldManager="ed")
    said = run(server, ON_SERVER, a_map(name, a="2", b="2"))
    assert 'Apply failed with 1 conflict: conflict with "ed" using v1: .data.a' in said


def test_what_was_created_without_an_apply_is_a_conflict(server: Server, fresh: Fresh) -> None:
    name = fresh()
    run(server, ("create",), a_map(name, a="1", b="1"))
    said = run(server, ON_SERVER, a_map(name, a="2"))
    assert 'Apply failed with 1 conflict: conflict with "kubectl-create" using v1: .data.a' in said
    other = fresh()
    run(server, ("create", "--save-config"), a_map(other, a="1"))
    assert run(server, ON_SERVER, a_map(other, a="2")) == f"configmap/{other} serverside-applied\n"


def test_a_deployment_keeps_its_defaults_when_it_is_handed_over(server: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{DEPLOYMENTS}/{name}"
    containers = [{"name": "a", "image": "i"}, {"name": "b", "image": "i", "env": [{"name": "A", "value": "1"}]}]
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}}
    spec: Json = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    document: Json = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
    run(server, APPLY, document)
    fields = owned(server, path)[CLIENT]["f:spec"]
    assert fields["f:strategy"] == {"f:rollingUpdate": {".": {}, **leaves("maxSurge", "maxUnavailable")}, "f:type": {}}
    container = fields["f:template"]["f:spec"]["f:containers"]['k:{"name":"b"}']
    assert container["f:env"] == {".": {}, 'k:{"name":"A"}': {".": {}, **leaves("name", "value")}}
    assert "." not in fields["f:template"]["f:spec"]["f:containers"]
    fewer = copy.deepcopy(document)
    fewer["spec"]["template"]["spec"]["containers"] = [{"name": "a", "image": "j"}]
    assert run(server, ON_SERVER, fewer) == f"deployment.apps/{name} serverside-applied\n"
    found = server.good("GET", path).body["spec"]
    assert [entry["image"] for entry in found["template"]["spec"]["containers"]] == ["j"]
    assert found["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}


@pytest.mark.parametrize("form", ["merge", "replace"])
def test_an_object_can_be_made_to_forget_its_owners(server: Server, fresh: Fresh, form: str) -> None:
    name = fresh()
    path = f"{MAPS}/{name}"
    run(server, APPLY, a_map(name, a="1"))
    forgetting: dict[str, Any] = {"metadata": {"managedFields": [{}]}}
    if form == "merge":
        server.good("PATCH", path, forgetting, MERGE)
    else:
        whole = server.good("GET", path).body
        server.good("PUT", path, {**whole, "metadata": {**whole["metadata"], **forgetting["metadata"]}})
    assert "managedFields" not in server.good("GET", path).body["metadata"]
