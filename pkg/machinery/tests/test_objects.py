"""Keys, resources and objects without a model."""

from __future__ import annotations

from typing import Any

import pytest

from katib_machinery.frozen import FrozenError, freeze
from katib_machinery.objects import (
    JOBS,
    NAMESPACES,
    PODS,
    KubeObject,
    ObjectKey,
    OwnerRef,
    Resource,
    Unstructured,
    with_kind,
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (PODS.path(), "/api/v1/pods"),
        (PODS.path("ns"), "/api/v1/namespaces/ns/pods"),
        (PODS.path("ns", "p", "log"), "/api/v1/namespaces/ns/pods/p/log"),
        (JOBS.path("ns", "j", "status"), "/apis/batch/v1/namespaces/ns/jobs/j/status"),
        (NAMESPACES.path("ignored", "n"), "/api/v1/namespaces/n"),
        (Resource("x.io", "v1", "things", "Thing", namespaced=False).path(None, "t"), "/apis/x.io/v1/things/t"),
    ],
)
def test_a_resource_knows_its_paths(path: str, expected: str) -> None:
    assert path == expected


def test_a_key_reads_as_people_write_it() -> None:
    assert str(ObjectKey("ns", "n")) == "ns/n" and str(ObjectKey("", "n")) == "n"


def a_job() -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "j",
            "namespace": "ns",
            "uid": "u",
            "resourceVersion": "5",
            "labels": {"a": "b"},
            "finalizers": ["f"],
            "deletionTimestamp": "2026-01-31T12:00:00Z",
            "ownerReferences": [{"apiVersion": "x/v1", "kind": "T", "name": "t", "uid": "tu", "controller": True}],
        },
        "spec": {"template": {"list": [1]}},
    }


def test_an_object_without_a_model_tells_its_metadata() -> None:
    job: KubeObject = Unstructured.from_dict(a_job())
    assert (job.key, job.uid, job.resource_version) == (ObjectKey("ns", "j"), "u", "5")
    assert job.labels == {"a": "b"} and job.annotations == {} and list(job.finalizers) == ["f"]
    assert job.deletion_timestamp is not None and job.deletion_timestamp.isoformat() == "2026-01-31T12:00:00+00:00"
    assert job.controller_owner == OwnerRef("x/v1", "T", "t", "tu")
    assert Unstructured({"metadata": {"name": "x"}}).controller_owner is None


@pytest.mark.parametrize("wrong", [None, [], {}, {"metadata": None}, {"metadata": []}])
def test_what_has_no_metadata_is_no_object(wrong: Any) -> None:
    with pytest.raises(ValueError, match="metadata"):
        Unstructured.from_dict(wrong)


def test_a_frozen_object_without_a_model_cannot_be_changed_but_its_copy_can() -> None:
    job: Any = freeze(Unstructured(a_job()))
    for change in (
        lambda: setattr(job, "raw", {}),
        lambda: job.raw.update(a=1),
        lambda: job.raw["spec"]["template"]["list"].append(2),
    ):
        with pytest.raises(FrozenError):
            change()
    copied = job.deep_copy()
    copied.raw["spec"]["template"]["list"].append(2)
    job.to_dict()["spec"]["template"].clear()
    assert job.raw == a_job() and copied != job and job == Unstructured(a_job())


def test_an_item_of_a_list_learns_its_kind() -> None:
    assert with_kind({"metadata": {}}, JOBS) == {"apiVersion": "batch/v1", "kind": "Job", "metadata": {}}
    assert with_kind({"kind": "X"}, JOBS) == {"kind": "X"} and with_kind(None, JOBS) is None
