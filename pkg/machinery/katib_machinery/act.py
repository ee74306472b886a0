"""Does what a plan says: the only place from which reconcilers change the cluster.

Knows the closed set of actions and what their refusals mean: what exists already under the same controller was created,
what is gone was deleted, a conflict means look again. Anything else goes up to the worker, which logs it once. Knows
nothing of experiments.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterator, Sequence
from itertools import groupby
from typing import Any, assert_never

from katib_machinery.cluster import Cluster
from katib_machinery.events import EventRecorder
from katib_machinery.informer import Handler
from katib_machinery.model import KatibObject
from katib_machinery.objects import KubeObject, ObjectKey, Resource
from katib_machinery.pacing import Part, Write
from katib_machinery.plan import (
    Action,
    Ask,
    Create,
    Delete,
    Emit,
    Plan,
    Record,
    Requeue,
    SetFinalizers,
    Update,
    UpdateStatus,
)
from katib_machinery.questions import Answerer, Questions
from katib_machinery.transport import ApiError
from katib_machinery.workqueue import WorkQueue

__all__ = [
    "ActContext",
    "Action",
    "Ask",
    "Create",
    "Delete",
    "Emit",
    "ForeignObjectError",
    "Plan",
    "Record",
    "Requeue",
    "SetFinalizers",
    "Update",
    "UpdateStatus",
    "act",
]


log = logging.getLogger(__name__)


class ForeignObjectError(Exception):
    """An object of the wanted name exists, and somebody else controls it."""

    def __init__(self, resource: Resource, existing: KubeObject) -> None:
        owner = existing.controller_owner
        by = f"controlled by {owner.kind} {owner.name}" if owner else "not controlled by us"
        super().__init__(f"{resource.kind} {existing.key} exists already and is {by}")
        self.existing = existing


class _LookAgainError(Exception):
    """The world is not as it was observed."""


class ActContext:
    """What one controller acts with. `owner` is the resource of the objects that it reconciles; `ask` answers Asks."""

    def __init__(
        self,
        cluster: Cluster,
        owner: Resource,
        queue: WorkQueue[ObjectKey],
        recorder: EventRecorder,
        *,
        ask: Answerer | None = None,
    ) -> None:
        self.cluster = cluster
        self.owner = owner
        self.queue = queue
        self.recorder = recorder
        self.questions = Questions(queue, cluster.clock, ask)
        if (informer := cluster.informer(owner)) is not None:
            informer.add_handler(Handler(on_delete=lambda obj: self.questions.drop(obj.key)))

    def current(self, key: ObjectKey) -> Any | None:
        """The owner of that key, with the status that we last wanted, also while the write of it waits."""
        return self.cluster.current(self.owner, key)


async def act(context: ActContext, owner: KubeObject, plan: Plan) -> Requeue | None:
    """Carry out a plan about `owner`; returns when to look again."""
    try:
        for actions in _rounds(plan.actions):
            if isinstance(actions[0], Create):
                await _create_all(context, actions)
            else:
                await _perform(context, owner, actions[0], plan)
    except _LookAgainError:
        return Requeue()
    if plan.reply_of is not None:
        context.questions.settle(plan.reply_of)
    return plan.requeue


def _rounds(actions: Sequence[Action]) -> Iterator[list[Action]]:
    """Creations of one kind that follow each other make one round; every other action is a round of its own.

    What needs another kind's object to be there is created after it, and not at all when that is refused.
    """
    for created, group in groupby(actions, key=lambda action: action.resource if isinstance(action, Create) else None):
        if created is not None:
            yield list(group)
        else:
            yield from ([action] for action in group)


async def _perform(context: ActContext, owner: KubeObject, action: Action, plan: Plan) -> None:
    match action:
        case Create():
            await _create(context, action)
        case Delete():
            await _delete(context, action)
        case Update():
            await _write(context, owner, action, "object", urgent=False)
        case UpdateStatus():
            # A reply must not be lost to a later decision: what it led to is stored before the key goes on.
            await _write(context, owner, action, "status", urgent=action.urgent or plan.reply_of is not None)
        case SetFinalizers():
            await _set_finalizers(context, owner, action)
        case Emit():
            context.recorder.emit(owner, action.type, action.reason, action.message)
        case Ask():
            context.questions.start(owner, action)
        case _:
            assert_never(action)


async def _create_all(context: ActContext, actions: Sequence[Action]) -> None:
    """All at once; one that is refused does not hold up the others, and is reported when they are done."""
    creations = [_create(context, action) for action in actions if isinstance(action, Create)]
    results = await asyncio.gather(*creations, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors:
        if not isinstance(error, _LookAgainError):
            raise error
    if errors:
        raise errors[0]


async def _create(context: ActContext, action: Create) -> None:
    client = context.cluster.client(action.resource)
    try:
        stored = await client.create(action.obj)
    except ApiError as error:
        if not error.already_exists:
            raise
        stored = await _find_own(context, action)
    _put(context, action.resource, stored)


async def _find_own(context: ActContext, action: Create) -> Any:
    """The object that exists already, if its controller is the one that the wanted object names."""
    resource, wanted = action.resource, action.obj
    existing = context.cluster.cached(resource, wanted.key)
    if existing is None:
        try:
            existing = await context.cluster.client(resource).get(wanted.namespace, wanted.name)
        except ApiError as error:
            if error.not_found:
                raise _LookAgainError from error
            raise
    if _controller_uid(existing) != _controller_uid(wanted):
        raise ForeignObjectError(resource, existing)
    return existing


def _controller_uid(obj: KubeObject) -> str | None:
    owner = obj.controller_owner
    return owner.uid if owner else None


async def _delete(context: ActContext, action: Delete) -> None:
    resource, obj = action.resource, action.obj
    informer = context.cluster.informer(resource)
    cached = context.cluster.cached(resource, obj.key)
    if cached is not None and (cached.uid != obj.uid or cached.deletion_timestamp is not None):
        return
    if informer is not None and informer.is_deleted(obj.uid):
        return
    try:
        remaining = await context.cluster.client(resource).delete(
            obj.namespace, obj.name, uid=obj.uid, propagation=action.propagation
        )
    except ApiError as error:
        if not (error.not_found or error.conflict):
            raise
        # Gone, or another object has taken its name: this one is deleted either way.
        remaining = None
    if informer is None:
        return
    if remaining is None:
        informer.remove_own(obj.key, obj.uid)
    else:
        informer.put_own(remaining)


async def _write(
    context: ActContext, owner: KubeObject, action: Update | UpdateStatus, part: Part, *, urgent: bool
) -> None:
    resource, obj = action.resource, action.obj
    pen = context.cluster.pens.of(resource, obj.key)
    before = pen.sent(part) or context.cluster.cached(resource, obj.key)
    if before is not None and before.uid == obj.uid and same_part(before, obj, part):
        pen.waiting.pop(part, None)
        return
    client = context.cluster.client(resource)
    send = client.update_status if part == "status" else client.update
    write = Write(
        obj=obj,
        part=part,
        send=lambda version: send(obj, resource_version=version),
        on_answer=lambda answer: _put(context, resource, answer),
        on_error=lambda error: _report(context, owner.key, error),
    )
    await _send(pen.write_paced(write) if resource in context.cluster.paced and not urgent else pen.write(write))


async def _set_finalizers(context: ActContext, owner: KubeObject, action: SetFinalizers) -> None:
    resource, obj = action.resource, action.obj
    cached = context.cluster.cached(resource, obj.key)
    if cached is not None and tuple(cached.finalizers) == action.finalizers:
        return
    client = context.cluster.client(resource)

    async def send(version: str) -> Any:
        patch = {"metadata": {"finalizers": list(action.finalizers), "resourceVersion": version}}
        return await client.patch(obj.namespace, obj.name, patch)

    write = Write(
        obj=obj,
        part="finalizers",
        send=send,
        on_answer=lambda answer: _put(context, resource, answer),
        on_error=lambda error: _report(context, owner.key, error),
    )
    await _send(context.cluster.pens.of(resource, obj.key).write(write))


async def _send(writing: Awaitable[None]) -> None:
    try:
        await writing
    except ApiError as error:
        if error.conflict or error.not_found:
            raise _LookAgainError from error
        raise


def _report(context: ActContext, key: ObjectKey, error: Exception) -> None:
    """A paced write went wrong after its reconcile had ended: nobody else can say so, and the key looks again."""
    if not (isinstance(error, ApiError) and (error.conflict or error.not_found)):
        log.warning("a write for %s failed: %s", key, error, extra={"key": str(key)})
    context.queue.add_rate_limited(key)


def _put(context: ActContext, resource: Resource, answer: Any) -> None:
    informer = context.cluster.informer(resource)
    if informer is not None:
        informer.put_own(answer)


_NOT_REPLACED = {"metadata", "status", "kind", "apiVersion", "api_version"}
_SERVER_METADATA = {"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "deletionTimestamp"}


def same_part(one: Any, other: Any, part: Part) -> bool:
    """Whether writing one part of `other` over `one` would change nothing."""
    if part == "status":
        return bool(_status(one) == _status(other))
    return _object_part(one) == _object_part(other)


def _status(obj: Any) -> Any:
    return getattr(obj, "status", None) if isinstance(obj, KatibObject) else obj.raw.get("status")


def _object_part(obj: Any) -> dict[str, Any]:
    """What an Update replaces. Models stay models in it: they compare as the API reads them, null as absent."""
    if isinstance(obj, KatibObject):
        metadata = obj.metadata.to_dict() if obj.metadata is not None else {}
        whole = {**obj.__dict__, **(obj.model_extra or {})}
    else:
        metadata, whole = obj.raw["metadata"], obj.raw
    return {
        **{name: value for name, value in whole.items() if name not in _NOT_REPLACED and value is not None},
        "metadata": {name: value for name, value in metadata.items() if name not in _SERVER_METADATA and value},
    }
