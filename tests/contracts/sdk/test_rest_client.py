"""The printed REST client against the API server of both Kubernetes: every verb, over the SDK's models."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any, TypeAlias

import kubernetes
import pytest

from kubeflow import katib
from kubeflow.katib.api import ExperimentApi, SuggestionApi, TrialApi

Client: TypeAlias = kubernetes.client.ApiClient


def a_trial(name: str, **labels: str) -> katib.V1beta1Trial:
    assignment = katib.V1beta1ParameterAssignment(name="x", value="0.5")
    return katib.V1beta1Trial(
        api_version="kubeflow.org/v1beta1",
        kind="Trial",
        metadata=kubernetes.client.V1ObjectMeta(name=name, labels=labels or None),
        spec=katib.V1beta1TrialSpec(parameter_assignments=[assignment], run_spec={"kind": "Job"}, retain_run=False),
    )


def refused(client: Client, status: int, name: str) -> None:
    with pytest.raises(katib.ApiException) as caught:
        TrialApi(client).read_namespaced_trial(name, "default")
    assert caught.value.status == status
    assert json.loads(caught.value.body)["kind"] == "Status"
    assert isinstance(caught.value, kubernetes.client.ApiException)


def test_an_object_is_created_read_replaced_patched_and_deleted(api_client: Client) -> None:
    trials = TrialApi(api_client)
    created = trials.create_namespaced_trial("default", a_trial("whole"))
    assert isinstance(created, katib.V1beta1Trial) and created.metadata is not None and created.metadata.uid
    found = trials.read_namespaced_trial("whole", "default")
    assert found == created and found.spec is not None
    assert found.spec.retain_run is False and found.spec.run_spec == {"kind": "Job"}
    found.spec.primary_container_name = "main"
    replaced = trials.replace_namespaced_trial("whole", "default", found)
    assert replaced.spec is not None and replaced.spec.primary_container_name == "main"
    patched = trials.patch_namespaced_trial("whole", "default", {"metadata": {"labels": {"by": "patch"}}})
    assert patched.metadata is not None and patched.metadata.labels == {"by": "patch"}
    deleted: Any = trials.delete_namespaced_trial("whole", "default", propagation_policy="Background")
    assert type(deleted).__name__ in ("V1Status", "V1beta1Trial")
    refused(api_client, 404, "whole")


def test_each_way_of_patching_works(api_client: Client) -> None:
    trials = TrialApi(api_client)
    trials.create_namespaced_trial("default", a_trial("patched"))
    operations = [{"op": "add", "path": "/spec/primaryContainerName", "value": "main"}]
    by_json = trials.patch_namespaced_trial(
        "patched", "default", operations, content_type="application/json-patch+json"
    )
    assert by_json.spec is not None and by_json.spec.primary_container_name == "main"
    wanted = a_trial("patched", by="apply")
    applied = trials.patch_namespaced_trial(
        "patched", "default", wanted, content_type="application/apply-patch+yaml", field_manager="sdk", force=True
    )
    assert applied.metadata is not None and applied.metadata.labels == {"by": "apply"}


def test_a_status_is_written_apart_from_the_rest(api_client: Client) -> None:
    trials = TrialApi(api_client)
    trial = trials.create_namespaced_trial("default", a_trial("status"))
    condition = katib.V1beta1TrialCondition(type="Running", status="True")
    trial.status = katib.V1beta1TrialStatus(conditions=[condition])
    written = trials.replace_namespaced_trial_status("status", "default", trial)
    assert written.status is not None and written.status.conditions == [condition]
    patch = {"status": {"startTime": "2026-01-31T12:00:00Z"}, "spec": {"primaryContainerName": "ignored"}}
    trials.patch_namespaced_trial_status("status", "default", patch)
    found = trials.read_namespaced_trial_status("status", "default")
    assert found.status is not None and found.status.start_time is not None and found.spec is not None
    assert found.spec.primary_container_name is None


def test_lists_select_and_come_in_pages(api_client: Client) -> None:
    trials = TrialApi(api_client)
    for number in range(3):
        trials.create_namespaced_trial("default", a_trial(f"listed-{number}", group="listed"))
    first = trials.list_namespaced_trial("default", label_selector="group=listed", limit=2)
    assert first.items is not None and first.metadata is not None and len(first.items) == 2
    following: Any = first.metadata
    rest = trials.list_namespaced_trial(
        "default", label_selector="group=listed", limit=2, continue_=following._continue
    )
    assert rest.items is not None
    assert [item.metadata.name for item in [*first.items, *rest.items] if item.metadata] == [
        f"listed-{number}" for number in range(3)
    ]
    everywhere = trials.list_trial_for_all_namespaces(field_selector="metadata.name=listed-1")
    assert everywhere.items is not None and len(everywhere.items) == 1
    trials.delete_collection_namespaced_trial("default", label_selector="group=listed")
    assert trials.list_namespaced_trial("default", label_selector="group=listed").items == []


def test_a_watch_yields_models_as_changes_happen(api_client: Client) -> None:
    trials = TrialApi(api_client)
    start = trials.list_namespaced_trial("default").metadata
    assert start is not None
    events = trials.watch_namespaced_trial(
        "default", field_selector="metadata.name=watched", resource_version=start.resource_version, timeout_seconds=30
    )
    trials.create_namespaced_trial("default", a_trial("watched"))
    trials.patch_namespaced_trial("watched", "default", {"metadata": {"labels": {"a": "b"}}})
    trials.delete_namespaced_trial("watched", "default")
    found = [next(events) for _ in range(3)]
    assert [event.type for event in found] == ["ADDED", "MODIFIED", "DELETED"]
    assert all(isinstance(event.object, katib.V1beta1Trial) for event in found)
    events.close()  # type: ignore[attr-defined]


def test_what_the_server_refuses_is_raised_with_its_words(api_client: Client) -> None:
    trials = TrialApi(api_client)
    trials.create_namespaced_trial("default", a_trial("twice"))
    with pytest.raises(katib.ApiException) as caught:
        trials.create_namespaced_trial("default", a_trial("twice"))
    assert caught.value.status == 409 and "already exists" in caught.value.body
    with pytest.raises(katib.ApiException) as caught:
        next(trials.watch_namespaced_trial("default", resource_version="not a version"))
    assert caught.value.status == 500 and "resourceVersion: Invalid value" in caught.value.body  # as Kubernetes has it
    trials.create_namespaced_trial("default", a_trial("dry"), dry_run="All")
    refused(api_client, 404, "dry")


def test_a_name_cannot_lead_to_another_path(api_client: Client) -> None:
    refused(api_client, 404, "a/../../b?c")
    for name in ("", ".", ".."):
        with pytest.raises(ValueError, match="no name"):
            TrialApi(api_client).delete_namespaced_trial(name, "default")


def test_every_kind_has_its_client(api_client: Client) -> None:
    experiment = katib.V1beta1Experiment(
        api_version="kubeflow.org/v1beta1",
        kind="Experiment",
        metadata=kubernetes.client.V1ObjectMeta(name="kinds"),
        spec=katib.V1beta1ExperimentSpec(max_trial_count=3, on_completion="wait"),
    )
    stored = ExperimentApi(api_client).create_namespaced_experiment("default", experiment)
    assert stored.spec == experiment.spec
    suggestions = SuggestionApi(api_client).list_namespaced_suggestion("default")
    assert isinstance(suggestions, katib.V1beta1SuggestionList) and suggestions.items == []


def test_a_token_goes_along() -> None:
    """A client that was set up with a token sends it, on every release of the kubernetes package."""
    heard: list[bytes] = []
    body = b'{"kind": "TrialList", "items": []}'

    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            heard.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        configuration = kubernetes.client.Configuration(host=f"http://127.0.0.1:{listener.getsockname()[1]}")
        configuration.api_key["authorization"] = "Bearer secret"
        with kubernetes.client.ApiClient(configuration) as client:
            assert TrialApi(client).list_trial_for_all_namespaces(request_timeout=10).items == []
        thread.join()
    assert b"authorization: bearer secret" in heard[0].lower()
