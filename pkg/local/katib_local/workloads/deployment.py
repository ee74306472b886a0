"""What a Deployment does next: one ReplicaSet per template, the newest one in charge. Pure.

An update starts new pods beside the old ones, as many as the bounds of `rolling` allow, and ends old ones as new ones
become available; with the strategy Recreate the old ones end first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from katib_local.workloads.adoption import Claiming
from katib_local.workloads.conditions import Condition, find_condition, set_condition
from katib_local.workloads.names import NONE_USED, Names
from katib_local.workloads.pods import ALPHABET, conditions_of, owner_reference
from katib_local.workloads.replica_set import REPLICA_FAILURE, REPLICA_SETS, generation, replicas
from katib_local.workloads.revisions import (
    REVISION,
    annotations_of,
    desired_annotations,
    next_revision,
    revision,
    sizes,
    with_annotations,
)
from katib_local.workloads.rolling import available, bounds, count_of_current, counts_of_old
from katib_machinery.frozen import deep_copy
from katib_machinery.objects import DEPLOYMENTS, Unstructured, parse_time
from katib_machinery.plan import Action, Create, Delete, Emit, Plan, Requeue, Update, UpdateStatus

Json = dict[str, Any]
HASH_LABEL = "pod-template-hash"
HASH_LENGTH = 10
CLAIMING = Claiming()
LONGEST_PREFIX = 52
HISTORY, PROGRESS_SECONDS = 10, 600
STAMP = "lastUpdateTime"
SOON = timedelta(milliseconds=10)
PAUSED = Condition("Progressing", None, "DeploymentPaused", "Deployment is paused")
RESUMED = Condition("Progressing", None, "DeploymentResumed", "Deployment is resumed")


@dataclass(frozen=True)
class World:
    """One Deployment and its ReplicaSets."""

    deployment: Unstructured
    replica_sets: Sequence[Unstructured]
    failure: str = ""
    names: Names = NONE_USED

    @property
    def current(self) -> Unstructured | None:
        """The oldest ReplicaSet of the Deployment's template as it is now, whatever its name."""
        name, template = replica_set_name(self.deployment), template_of(self.deployment)
        found = [held for held in self.replica_sets if held.name == name or template_of(held) == template]
        return min(found, key=age, default=None)

    @property
    def outdated(self) -> list[Unstructured]:
        current = self.current
        others = (held for held in self.replica_sets if current is None or held.name != current.name)
        return [held for held in others if held.deletion_timestamp is None]


def template_of(owner: Unstructured) -> Json:
    """The template of an owner's pods, but for the label that tells one template from another."""
    template = deep_copy(dict(owner.raw["spec"].get("template") or {}))
    metadata = dict(template.get("metadata") or {})
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}


def age(replica_set: Unstructured) -> tuple[str, str]:
    """By which the oldest comes first."""
    return replica_set.raw["metadata"].get("creationTimestamp") or "", replica_set.name


def collisions(deployment: Unstructured) -> int:
    """How often the name of a new ReplicaSet was another's."""
    return int((deployment.raw.get("status") or {}).get("collisionCount") or 0)


def template_hash(deployment: Unstructured) -> str:
    """Text that tells one template from another; another text after each collision of names."""
    template = deployment.raw["spec"].get("template") or {}
    salt = str(collisions(deployment) or "")
    digest = hashlib.sha256((json.dumps(template, sort_keys=True) + salt).encode()).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:HASH_LENGTH])


def replica_set_name(deployment: Unstructured) -> str:
    return f"{deployment.name[:LONGEST_PREFIX]}-{template_hash(deployment)}"


def desired_replica_set(deployment: Unstructured, count: int, annotations: Mapping[str, str]) -> Unstructured:
    """The ReplicaSet of a Deployment's template."""
    spec = deployment.raw["spec"]
    template = deep_copy(dict(spec.get("template") or {}))
    labels = {**((template.get("metadata") or {}).get("labels") or {}), HASH_LABEL: template_hash(deployment)}
    template["metadata"] = {**(template.get("metadata") or {}), "labels": labels}
    selector = deep_copy(dict(spec.get("selector") or {}))
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: labels[HASH_LABEL]}
    metadata = {
        "name": replica_set_name(deployment),
        "namespace": deployment.namespace,
        "labels": labels,
        "annotations": dict(annotations),
        "ownerReferences": [owner_reference(deployment)],
    }
    wanted: dict[str, Any] = {"replicas": count, "selector": selector, "template": template}
    if spec.get("minReadySeconds"):
        wanted["minReadySeconds"] = spec["minReadySeconds"]
    return Unstructured({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": wanted})


def decide_replica_sets(world: World, now: datetime) -> Plan:
    """Make, scale, number and forget ReplicaSets."""
    deployment = world.deployment
    if deployment.deletion_timestamp is not None or deployment.raw["spec"].get("paused"):
        return Plan()
    if world.current is None and world.names.is_taken(replica_set_name(deployment)):
        status = {**(deployment.raw.get("status") or {}), "collisionCount": collisions(deployment) + 1}
        return Plan((UpdateStatus(DEPLOYMENTS, Unstructured({**deployment.raw, "status": status})),), Requeue(SOON))
    wanted, old = replicas(deployment), world.outdated
    if _recreates(deployment) and any(_has_pods(held) for held in old):
        return Plan(tuple(action for held in old for action in _changed(held, 0, sizes(wanted, wanted))))
    allowed, serving = bounds(deployment.raw["spec"], wanted), available(world.current)
    size = sizes(wanted, wanted if _recreates(deployment) else allowed.most)
    kept = counts_of_old(old, serving, allowed.least)
    actions = _newest(world, allowed.most, size)
    actions += [action for held in old for action in _changed(held, kept[held.name], size)]
    if serving >= wanted:
        actions += [Delete(REPLICA_SETS, held) for held in _forgotten(world)]
    return Plan(tuple(actions))


def _newest(world: World, most: int, size: Mapping[str, str]) -> list[Action]:
    """Bring the template's own ReplicaSet to its size and number, and tell the Deployment the number."""
    deployment, current = world.deployment, world.current
    if current is not None and current.deletion_timestamp is not None:
        return []
    held = replicas(current) if current is not None else 0
    count = count_of_current(held, sum(map(replicas, world.outdated)), replicas(deployment), most)
    number = next_revision(current, world.outdated)
    annotations = desired_annotations(deployment, current, number)
    if current is None:
        actions: list[Action] = [Create(REPLICA_SETS, desired_replica_set(deployment, count, {**annotations, **size}))]
        actions += [_scaled(replica_set_name(deployment), count)] if count else []
    else:
        actions = _changed(current, count, size, annotations)
    if revision(deployment) != number:
        told = {**annotations_of(deployment), REVISION: str(number)}
        actions.append(Update(DEPLOYMENTS, with_annotations(deployment, told)))
    return actions


def _recreates(deployment: Unstructured) -> bool:
    return (deployment.raw["spec"].get("strategy") or {}).get("type") == "Recreate"


def _is_populated(replica_set: Unstructured) -> bool:
    return replicas(replica_set) > 0 or _number(replica_set, "replicas") > 0


def _has_pods(replica_set: Unstructured) -> bool:
    """Whether any pod of a ReplicaSet is there, be it one that is about to end."""
    return _is_populated(replica_set) or _number(replica_set, "terminatingReplicas") > 0


def _changed(
    replica_set: Unstructured, count: int, size: Mapping[str, str], annotations: Mapping[str, str] | None = None
) -> list[Action]:
    """One write for all that is to change of a ReplicaSet, if anything is; one that is scaled bears the wanted sizes."""
    held, borne = replicas(replica_set), annotations_of(replica_set)
    wanted = {**(borne if annotations is None else annotations), **(size if count != held else {})}
    if count == held and wanted == borne:
        return []
    changed = with_annotations(replica_set, wanted)
    changed.raw["spec"]["replicas"] = count
    return [Update(REPLICA_SETS, changed), *([_scaled(replica_set.name, count, held)] if count != held else [])]


def _scaled(name: str, wanted: int, held: int = 0) -> Emit:
    direction = "up" if wanted >= held else "down"
    return Emit("Normal", "ScalingReplicaSet", f"Scaled {direction} replica set {name} from {held} to {wanted}")


def _forgotten(world: World) -> list[Unstructured]:
    found = world.deployment.raw["spec"].get("revisionHistoryLimit")
    kept = HISTORY if found is None else int(found)
    by_number = sorted(world.outdated, key=lambda held: (revision(held), *age(held)))
    return [held for held in by_number[: max(0, len(by_number) - kept)] if not _is_populated(held)]


def decide_status(world: World, now: datetime) -> Plan:
    """What a Deployment tells of itself."""
    deployment = world.deployment
    if deployment.deletion_timestamp is not None:
        return Plan()
    total, serving = _sum(world, "replicas"), _sum(world, "availableReplicas")
    updated = _number(world.current, "replicas") if world.current is not None else 0
    counts = {
        "replicas": total,
        "updatedReplicas": updated,
        "readyReplicas": _sum(world, "readyReplicas"),
        "availableReplicas": serving,
        "unavailableReplicas": max(0, max(total, replicas(deployment)) - serving),
    }
    conditions = _told(conditions_of(deployment), _availability(world, serving), now)
    progress, requeue = _progress(world, _has_got_on(world, counts), now)
    conditions = _told(conditions, progress, now)
    conditions = _with_failure(world, conditions, now)
    status = {
        "observedGeneration": generation(deployment),
        "terminatingReplicas": _sum(world, "terminatingReplicas"),
        **({"collisionCount": count} if (count := collisions(deployment)) else {}),
        **{name: count for name, count in counts.items() if count},
    }
    write = UpdateStatus(DEPLOYMENTS, Unstructured({**deployment.raw, "status": {**status, "conditions": conditions}}))
    return Plan((write,), requeue)


def _told(conditions: Sequence[Mapping[str, Any]], condition: Condition, now: datetime) -> list[Mapping[str, Any]]:
    """The conditions with one of them; what is news comes last."""
    changed = set_condition(conditions, condition, now, stamp=STAMP)
    news = [entry for entry in changed if entry not in conditions]
    return [*(entry for entry in changed if entry not in news), *news]


def _with_failure(world: World, conditions: list[Mapping[str, Any]], now: datetime) -> list[Mapping[str, Any]]:
    """Say why pods cannot be made for as long as they cannot."""
    failure = find_condition(conditions_of(world.current), REPLICA_FAILURE) if world.current is not None else None
    if failure is None:
        return [entry for entry in conditions if entry.get("type") != REPLICA_FAILURE]
    said = Condition(REPLICA_FAILURE, True, str(failure.get("reason")), str(failure.get("message")))
    return set_condition(conditions, said, now, stamp=STAMP)


def _sum(world: World, field: str) -> int:
    return sum(_number(held, field) for held in world.replica_sets)


def _number(replica_set: Unstructured, field: str) -> int:
    return int((replica_set.raw.get("status") or {}).get(field) or 0)


def _availability(world: World, serving: int) -> Condition:
    deployment, wanted = world.deployment, replicas(world.deployment)
    least = wanted if _recreates(deployment) else bounds(deployment.raw["spec"], wanted).least
    if serving >= least:
        return Condition("Available", True, "MinimumReplicasAvailable", "Deployment has minimum availability.")
    message = "Deployment does not have minimum availability."
    return Condition("Available", False, "MinimumReplicasUnavailable", message)


def _has_got_on(world: World, counts: Mapping[str, int]) -> bool:
    """Whether there are more pods of the newest template, fewer others, or more that serve than its status says."""
    before = {name: _number(world.deployment, name) for name in counts}
    others = [told["replicas"] - told["updatedReplicas"] for told in (before, counts)]
    more = any(counts[name] > before[name] for name in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    return more or others[1] < others[0]


def _progress(world: World, has_got_on: bool, now: datetime) -> tuple[Condition, Requeue | None]:
    """How an update gets on; one that takes too long says so, and one that is held up, or goes on after that."""
    deployment, wanted = world.deployment, replicas(world.deployment)
    current = world.current
    name = current.name if current is not None else replica_set_name(deployment)
    is_done = (
        current is not None and _number(current, "availableReplicas") >= wanted and _sum(world, "replicas") == wanted
    )
    done = Condition("Progressing", True, "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.')
    held = find_condition(conditions_of(deployment), "Progressing")
    told = held.get("message") if held is not None else None
    late = Condition(
        "Progressing", False, "ProgressDeadlineExceeded", f'ReplicaSet "{name}" has timed out progressing.'
    )
    if deployment.raw["spec"].get("paused"):
        is_late = held is not None and held.get("reason") == late.reason
        return Condition(late.type, False, late.reason, str(told)) if is_late else PAUSED, None
    if told == PAUSED.message:
        return RESUMED, Requeue(SOON)
    # What is done stays done while nothing else is rolled out, whatever becomes of its pods.
    stays = told == done.message and current is not None and _sum(world, "replicas") == _number(current, "replicas")
    if is_done or stays:
        return done, None
    if told == late.message:
        return late, None
    going = Condition("Progressing", True, "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
    if told == RESUMED.message and not has_got_on:
        going = RESUMED
    seconds = deployment.raw["spec"].get("progressDeadlineSeconds") or PROGRESS_SECONDS
    since = parse_time(held.get(STAMP)) if held is not None and told == going.message else None
    left = (since or now) + timedelta(seconds=int(seconds)) - now
    return (going, Requeue(max(left, SOON))) if left > timedelta(0) else (late, None)
