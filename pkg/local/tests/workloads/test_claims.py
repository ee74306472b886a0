"""Claims and volumes find each other; whatever order the writes of many arrive in, no volume has two claims."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_local.workloads.claims import Bindings, bind
from katib_machinery.frozen import deep_copy
from katib_machinery.objects import Unstructured

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_volume(name: str, size: str = "1Gi", *, labels: dict[str, str] | None = None, **spec: Any) -> Unstructured:
    offered = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}, "volumeMode": "Filesystem", **spec}
    return Unstructured({"metadata": {"name": name, "uid": f"uid-{name}", "labels": labels or {}}, "spec": offered})


def a_claim(name: str, size: str = "1Gi", *, made: int = 0, **spec: Any) -> Unstructured:
    wanted = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
        "volumeMode": "Filesystem",
    }
    time = f"2026-01-01T11:00:{made:02}Z"
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "creationTimestamp": time}
    return Unstructured({"metadata": metadata, "spec": {**wanted, **spec}})


def carried_out(objects: list[Unstructured], bindings: Bindings) -> list[Unstructured]:
    """The objects after all writes."""
    found = {(obj.namespace, obj.name): obj for obj in objects}
    for change in bindings.changes:
        key = (change.obj.namespace, change.obj.name)
        raw = deep_copy(found[key].raw)
        for part, told in change.patch.items():
            raw[part] = {**raw.get(part, {}), **told}
        found[key] = Unstructured(raw)
    gone = {volume.name for volume in bindings.doomed}
    found |= {("", volume.name): volume for volume in bindings.made}
    return [obj for obj in found.values() if obj.namespace or obj.name not in gone]


def settled(claims: list[Unstructured], volumes: list[Unstructured]) -> tuple[list[Unstructured], list[Unstructured]]:
    """Claims and volumes once nothing is left to be written, which is after one round."""
    objects = carried_out([*claims, *volumes], bind(claims, volumes, NOW))
    claims, volumes = [obj for obj in objects if obj.namespace], [obj for obj in objects if not obj.namespace]
    assert bind(claims, volumes, NOW) == Bindings([], [], [])
    return claims, volumes


def bound(claims: list[Unstructured], volumes: list[Unstructured]) -> dict[str, str]:
    """Which claim has which volume."""
    found, _ = settled(claims, volumes)
    return {claim.name: claim.raw["spec"]["volumeName"] for claim in found if claim.raw["spec"].get("volumeName")}


def test_the_oldest_claim_gets_the_smallest_volume() -> None:
    claims = [a_claim("young", made=9), a_claim("old", made=1)]
    assert bound(claims, [a_volume("large", "9Gi"), a_volume("small")]) == {"old": "small", "young": "large"}


def test_a_volume_fits_by_class_mode_and_labels() -> None:
    volumes = [a_volume("plain"), a_volume("block", volumeMode="Block"), a_volume("red", labels={"color": "red"})]
    assert bound([a_claim("a", storageClassName="fast")], volumes) == {}
    assert bound([a_claim("a", volumeMode="Block")], volumes) == {"a": "block"}
    assert bound([a_claim("a", selector={"matchLabels": {"color": "red"}})], volumes) == {"a": "red"}
    # What this controller does not read it does not guess.
    expressions = [{"key": "color", "operator": "Exists"}]
    assert bound([a_claim("a", selector={"matchExpressions": expressions})], volumes) == {}


def test_a_volume_that_is_kept_for_a_claim_waits_for_it() -> None:
    kept = a_volume("kept", claimRef={"namespace": "default", "name": "late"})
    assert bound([a_claim("early")], [kept]) == {}
    assert bound([a_claim("early"), a_claim("late")], [kept]) == {"late": "kept"}


def test_a_volume_that_another_claim_has_is_not_taken_by_its_name() -> None:
    claims, volumes = settled([a_claim("first")], [a_volume("only")])
    assert bound([*claims, a_claim("second", volumeName="only")], volumes)["second"] == "only"
    found, _ = settled([*claims, a_claim("second", volumeName="only")], volumes)
    assert [claim.name for claim in found if (claim.raw.get("status") or {}).get("phase") == "Bound"] == ["first"]


def test_a_volume_goes_with_its_claim_or_stays_as_its_policy_says() -> None:
    policies = {"kept": "Retain", "gone": "Delete"}
    made = [a_volume(name, storageClassName=name, persistentVolumeReclaimPolicy=policies[name]) for name in policies]
    _, volumes = settled([a_claim(name, storageClassName=name) for name in policies], made)
    _, left = settled([], volumes)
    assert [(volume.name, volume.raw["status"]["phase"]) for volume in left] == [("kept", "Released")]


def test_a_claim_whose_volume_is_gone_is_lost() -> None:
    claims, _ = settled([a_claim("a")], [a_volume("only")])
    (claim,), _ = settled(claims, [])
    assert claim.raw["status"]["phase"] == "Lost"


def test_a_claim_that_takes_any_volume_gets_one_of_its_own() -> None:
    claim = a_claim("a", "3Gi")
    made = carried_out([claim], bind([claim], [], NOW, PurePath("/claims")))[1:]
    assert [volume.name for volume in made] == ["pvc-uid-a"]
    assert made[0].raw["spec"]["hostPath"] == {"path": "/claims/default/a"}
    assert bound([claim], made) == {"a": "pvc-uid-a"}
    left = carried_out(made, bind([], made, NOW, PurePath("/claims")))
    assert left == []


@pytest.mark.parametrize("choice", [{"storageClassName": "fast"}, {"volumeName": "v"}, {"selector": {}}], ids=str)
def test_no_volume_is_made_for_a_claim_that_chooses(choice: dict[str, Any]) -> None:
    assert not bind([a_claim("a", **choice)], [], NOW, PurePath("/claims")).made


sizes = st.lists(st.sampled_from(["1Gi", "2Gi", "4Gi"]), max_size=5)


@given(sizes, sizes)
def test_each_volume_has_one_claim_and_is_large_enough(wanted: list[str], offered: list[str]) -> None:
    claims = [a_claim(f"c{index}", size, made=index) for index, size in enumerate(wanted)]
    volumes = {f"v{index}": size for index, size in enumerate(offered)}
    found = bound(claims, [a_volume(name, size) for name, size in volumes.items()])
    assert len(set(found.values())) == len(found)
    assert all(int(wanted[int(claim[1:])][0]) <= int(volumes[volume][0]) for claim, volume in found.items())
