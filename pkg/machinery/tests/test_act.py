"""What acting on a plan does to the cluster, and what it never does."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from pydantic import StrictStr

from katib_machinery.act import (
    ActContext,
    Ask,
    Create,
    Delete,
    Emit,
    ForeignObjectError,
    Plan,
    Requeue,
    SetFinalizers,
    Update,
    UpdateStatus,
    act,
)
from katib_machinery.clock import ManualClock
from katib_machinery.cluster import Cluster
from katib_machinery.events import EventRecorder
from katib_machinery.indexer import by_owner
from katib_machinery.informer import SharedInformer
from katib_machinery.model import KatibModel, KatibObject
from katib_machinery.objects import JOBS, ROLES, ObjectKey, Resource, Unstructured
from katib_machinery.transport import ApiError, Counters
from katib_machinery.workqueue import WorkQueue

WIDGETS = Resource("example.org", "v1", "widgets", "Widget")
WIDGET = "/apis/example.org/v1/namespaces/ns/widgets/w"
KEY = ObjectKey("ns", "w")


class Meta(KatibModel):
    name: StrictStr | None = None
    namespace: StrictStr | None = None
    uid: StrictStr | None = None
    labels: dict[str, str] | None = None
    finalizers: list[str] | None = None
    resource_version: StrictStr | None = None
    deletion_timestamp: datetime | None = None

    model_config = {
        "alias_generator": lambda name: name.split("_")[0] + "".join(p.title() for p in name.split("_")[1:])
    }


class Widget(KatibObject):
    apiVersion: StrictStr | None = None
    kind: StrictStr | None = None
    metadata: Meta | None = None
    spec: dict[str, Any] | None = None
    status: dict[str, Any] | None = None


@dataclass
class World:
    """One controller of Widgets with everything that it acts with."""

    store: Any
    transport: Any
    clock: ManualClock = field(default_factory=ManualClock)
    counters: Counters = field(default_factory=Counters)
    answers: list[Any] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    paced: bool = False

    def __post_init__(self) -> None:
        self.cluster = Cluster(self.transport, clock=self.clock, paced={WIDGETS: 0.05} if self.paced else {})
        self.counters, counting = self.cluster.counters, self.cluster.transport
        self.widgets = self.cluster.register(
            SharedInformer(counting, WIDGETS, Widget.from_dict, on_bad=self.bad, resync=None)
        )
        self.jobs = self.cluster.register(
            SharedInformer(
                counting, JOBS, Unstructured.from_dict, on_bad=self.bad, indexers={"owner": by_owner}, resync=None
            )
        )
        self.queue: WorkQueue[ObjectKey] = WorkQueue(self.clock)
        self.recorder = EventRecorder(counting, "widget-controller", self.clock)
        self.context = ActContext(self.cluster, WIDGETS, self.queue, self.recorder, ask=self.answer)
        self.gate.set()

    def bad(self, error: Exception, raw: object) -> None:
        raise AssertionError(f"{raw}: {error}")

    async def answer(self, question: Any) -> Any:
        self.asked.append(question)
        await self.gate.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def a_widget(self, **parts: Any) -> Widget:
        """A stored Widget as a decision sees it."""
        await act(
            self.context,
            Widget(),
            Plan((Create(WIDGETS, Widget.from_dict({"metadata": {"name": "w", "namespace": "ns"}, **parts})),)),
        )
        self.store.calls.clear()
        return self.widget

    @property
    def widget(self) -> Widget:
        cached = self.context.current(KEY)
        assert cached is not None
        return cached  # type: ignore[no-any-return]

    async def act(self, *actions: Any, **more: Any) -> Requeue | None:
        return await act(self.context, self.widget, Plan(actions, **more))

    def wanting(self, status: dict[str, Any], *, urgent: bool = False) -> UpdateStatus:
        changed = self.widget.deep_copy()
        changed.status = status
        return UpdateStatus(WIDGETS, changed, urgent=urgent)

    def a_job(self, name: str, owner: Widget | None = None, uid: str = "") -> Create:
        reference = {"apiVersion": "example.org/v1", "kind": "Widget", "name": "w", "controller": True}
        references = [{**reference, "uid": uid or owner.uid}] if uid or owner else []  # type: ignore[union-attr]
        return Create(
            JOBS, Unstructured({"metadata": {"name": name, "namespace": "ns", "ownerReferences": references}})
        )

    @property
    def statuses(self) -> list[Any]:
        return [body["status"] for body in self.store.writes("PUT", "/status")]

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, _ in self.store.calls if method != "GET"]


@pytest.fixture
def world(store: Any, store_transport: Any) -> World:
    return World(store, store_transport)


@pytest.fixture
def paced(store: Any, store_transport: Any) -> World:
    return World(store, store_transport, paced=True)


# ---- creating


async def test_creations_of_one_round_go_side_by_side_and_are_cached_at_once(world: World, wait: Any) -> None:
    widget = await world.a_widget()
    world.store.gate.clear()
    acting = asyncio.ensure_future(world.act(*(world.a_job(f"j{number}", widget) for number in range(5))))
    await wait(lambda: len(world.writes) == 5)
    world.store.gate.set()
    assert await acting is None
    assert [job.name for job in world.jobs.indexer.by_index("owner", widget.uid)] == [f"j{n}" for n in range(5)]
    assert world.store.objects["/apis/batch/v1/namespaces/ns/jobs/j0"]["kind"] == "Job"


async def test_rounds_keep_their_order(world: World) -> None:
    widget = await world.a_widget()
    await world.act(world.wanting({"n": 1}), world.a_job("j", widget), world.wanting({"n": 2}))
    assert [method for method, _ in world.writes] == ["PUT", "POST", "PUT"] and world.counters.conflicts == 0


async def test_what_stands_on_a_kind_that_is_refused_is_not_created(world: World) -> None:
    """A Deployment must not run as an account that has no role yet: with it, nobody would look for the role again."""
    await world.a_widget()
    world.store.refusals = [("POST", 403, "Forbidden")]
    role = Create(ROLES, Unstructured({"metadata": {"name": "r", "namespace": "ns"}}))
    with pytest.raises(ApiError, match="Forbidden"):
        await world.act(role, world.a_job("j"))
    assert [path.rpartition("/")[2] for _, path in world.writes] == ["roles"]


async def test_what_exists_already_under_the_same_controller_was_created(world: World) -> None:
    widget = await world.a_widget()
    await world.act(world.a_job("j", widget))
    world.jobs.indexer.remove(ObjectKey("ns", "j"))
    assert await world.act(world.a_job("j", widget), requeue=None) is None
    assert world.jobs.indexer.get(ObjectKey("ns", "j")) is not None and world.counters.conflicts == 0


@pytest.mark.parametrize("other", ["another uid", ""])
async def test_what_exists_already_under_another_controller_is_an_error(world: World, other: str) -> None:
    widget = await world.a_widget()
    await world.act(world.a_job("j", uid=other))
    with pytest.raises(ForeignObjectError, match=r"Job ns/j exists already and is (controlled by Widget w|not contr)"):
        await world.act(world.a_job("j", widget))


async def test_an_object_without_a_controller_may_exist_already(world: World) -> None:
    await world.a_widget()
    await world.act(world.a_job("j"))
    assert await world.act(world.a_job("j")) is None


async def test_what_existed_and_is_gone_meanwhile_is_looked_at_again(world: World) -> None:
    widget = await world.a_widget()
    world.store.refusals = [("POST", 409, "AlreadyExists")]
    assert await world.act(world.a_job("j", widget)) == Requeue()


async def test_a_refused_creation_is_raised_after_the_others_are_done(world: World) -> None:
    widget = await world.a_widget()
    world.store.refusals = [("POST", 403, "Forbidden")]
    with pytest.raises(ApiError, match="Forbidden"):
        await world.act(*(world.a_job(f"j{number}", widget) for number in range(3)))
    assert len(world.jobs.indexer) == 2


# ---- deleting


async def test_a_deletion_names_its_object_and_is_seen_at_once(world: World) -> None:
    await world.a_widget()
    await world.act(world.a_job("j"))
    job = world.jobs.indexer.get(ObjectKey("ns", "j"))
    assert job is not None
    world.store.calls.clear()
    await world.act(Delete(JOBS, job, propagation="Foreground"))
    ((_, _, options),) = world.store.calls
    assert options["preconditions"] == {"uid": job.uid} and options["propagationPolicy"] == "Foreground"
    assert len(world.jobs.indexer) == 0
    await world.act(Delete(JOBS, job))
    assert len(world.writes) == 1


async def test_an_object_that_waits_for_its_finalizers_is_not_deleted_twice(world: World) -> None:
    widget = await world.a_widget(metadata={"name": "w", "namespace": "ns", "finalizers": ["f"]})
    await world.act(Delete(WIDGETS, widget))
    assert world.widget.deletion_timestamp is not None
    await world.act(Delete(WIDGETS, world.widget))
    await world.act(Delete(WIDGETS, widget))
    assert len(world.writes) == 1


@pytest.mark.parametrize("name", ["gone", "taken"])
async def test_what_is_gone_was_deleted(world: World, name: str) -> None:
    await world.a_widget()
    await world.act(world.a_job("taken"))
    job = Unstructured({"metadata": {"name": name, "namespace": "ns", "uid": "old uid"}})
    world.jobs.put_own(job)
    world.cluster.unregister(JOBS)
    assert await world.act(Delete(JOBS, job)) is None
    assert world.writes[-1][0] == "DELETE" and "/apis/batch/v1/namespaces/ns/jobs/taken" in world.store.objects


# ---- changing


async def test_an_answer_is_cached_and_the_next_decision_needs_no_watch(world: World) -> None:
    await world.a_widget(spec={"size": 1})
    await world.act(world.wanting({"phase": "made"}))
    assert world.widget.status == {"phase": "made"}
    changed = world.widget.deep_copy()
    changed.spec = {"size": 2}
    await world.act(Update(WIDGETS, changed))
    assert (world.widget.spec, world.widget.status) == ({"size": 2}, {"phase": "made"})
    assert world.counters.conflicts == 0 and world.widget.frozen


async def test_no_request_that_changes_nothing(world: World) -> None:
    await world.a_widget(spec={"size": 1}, status={"phase": "made"})
    same = world.widget.deep_copy()
    same.metadata.finalizers = None
    await world.act(world.wanting({"phase": "made"}), Update(WIDGETS, same), SetFinalizers(WIDGETS, world.widget, ()))
    assert world.writes == []


async def test_a_change_of_a_label_is_a_change(world: World) -> None:
    await world.a_widget()
    changed = world.widget.deep_copy()
    changed.metadata.labels = {"a": "b"}
    await world.act(Update(WIDGETS, changed))
    assert world.widget.labels == {"a": "b"}


async def test_managed_fields_are_not_sent_back(world: World) -> None:
    widget = await world.a_widget()
    world.widgets.put_own(
        Widget.from_dict(
            {**widget.to_dict(), "metadata": {**widget.to_dict()["metadata"], "managedFields": [{"a": 1}]}}
        )
    )
    await world.act(world.wanting({"n": 1}))
    assert "managedFields" not in world.store.writes("PUT")[0]["metadata"]


async def test_several_own_writes_decided_on_one_version_are_no_conflict(world: World) -> None:
    await world.a_widget(metadata={"name": "w", "namespace": "ns", "finalizers": ["f"]})
    seen = world.widget
    changed = seen.deep_copy()
    changed.spec = {"size": 2}
    actions = (world.wanting({"n": 1}), Update(WIDGETS, changed), SetFinalizers(WIDGETS, seen, ()))
    assert await act(world.context, seen, Plan(actions)) is None
    assert world.counters.conflicts == 0 and list(world.widget.finalizers) == [] and world.widget.spec == {"size": 2}


async def test_own_writes_of_one_object_go_one_after_the_other(world: World, wait: Any) -> None:
    await world.a_widget()
    changed = world.widget.deep_copy()
    changed.spec = {"size": 2}
    first, second = world.wanting({"n": 1}), Update(WIDGETS, changed)
    world.store.gate.clear()
    both = [asyncio.ensure_future(world.act(action)) for action in (first, second)]
    await wait(lambda: world.writes)
    assert len(world.writes) == 1
    world.store.gate.set()
    assert await asyncio.gather(*both) == [None, None] and world.counters.conflicts == 0


async def test_a_strangers_change_is_a_conflict_that_is_looked_at_again(world: World) -> None:
    await world.a_widget()
    world.store.change(WIDGET, spec={"size": 7})
    assert await world.act(world.wanting({"n": 1}), world.a_job("j"), requeue=None) == Requeue()
    assert world.counters.conflicts == 1
    # What follows a conflict in the plan was decided on an old world.
    assert [method for method, _ in world.writes] == ["PUT"]


async def test_a_change_of_what_is_gone_is_looked_at_again(world: World) -> None:
    widget = await world.a_widget(metadata={"name": "w", "namespace": "ns", "finalizers": ["f"]})
    del world.store.objects[WIDGET]
    assert await world.act(world.wanting({"n": 1})) == Requeue()
    assert await world.act(SetFinalizers(WIDGETS, widget, ())) == Requeue()


async def test_another_refusal_goes_up(world: World) -> None:
    await world.a_widget()
    world.store.refusals = [("PUT", 403, "Forbidden")]
    with pytest.raises(ApiError):
        await world.act(world.wanting({"n": 1}))


async def test_the_last_finalizer_of_a_deleted_object_takes_it_out_of_the_cache(world: World) -> None:
    widget = await world.a_widget(metadata={"name": "w", "namespace": "ns", "finalizers": ["f"]})
    await world.act(Delete(WIDGETS, widget))
    await world.act(SetFinalizers(WIDGETS, world.widget, ()))
    assert world.context.current(KEY) is None and WIDGET not in world.store.objects


async def test_a_strangers_change_arrives_by_the_watch(world: World, tasks: list[Any], wait: Any) -> None:
    await world.a_widget()
    tasks.append(asyncio.ensure_future(world.cluster.run()))
    await world.cluster.wait_synced()
    world.store.change(WIDGET, spec={"size": 7})
    await wait(lambda: world.widget.spec == {"size": 7})
    assert await world.act(world.wanting({"n": 1})) is None


async def test_an_event_is_emitted_about_the_owner(world: World, tasks: list[Any]) -> None:
    await world.a_widget()
    tasks.append(asyncio.ensure_future(world.recorder.run()))
    await world.act(Emit("Normal", "Made", "100% {made}"))
    await world.recorder.wait_drained()
    (event,) = world.store.writes("POST", "events")
    assert event["involvedObject"]["kind"] == "Widget" and event["message"] == "100% {made}"


async def test_the_plans_requeue_is_returned_when_all_is_done(world: World) -> None:
    await world.a_widget()
    assert await world.act(requeue=Requeue()) == Requeue()


def test_requests_and_conflicts_are_counted_by_resource() -> None:
    counters = Counters()
    counters.requests["PUT", "widgets/status"] += 2
    assert counters.to_dict() == {"total": 2, "conflicts": 0, "requests": {"PUT widgets/status": 2}}


async def test_every_request_is_counted(world: World) -> None:
    widget = await world.a_widget()
    await world.act(world.wanting({"n": 1}), world.a_job("j", widget))
    assert world.counters.to_dict()["requests"] == {"POST jobs": 1, "POST widgets": 1, "PUT widgets/status": 1}


# ---- pacing


async def test_the_first_paced_write_goes_at_once_and_of_the_next_the_latest_wins(paced: World, wait: Any) -> None:
    await paced.a_widget()
    for number in range(1, 6):
        assert await paced.act(paced.wanting({"n": number})) is None
    assert paced.statuses == [{"n": 1}]
    # Whoever decides next sees what was wanted last.
    assert paced.widget.status == {"n": 5}
    paced.clock.advance(0.049)
    assert not paced.cluster.pens.of(WIDGETS, KEY).tasks
    paced.clock.advance(0.002)
    await wait(lambda: len(paced.statuses) == 2)
    await wait(lambda: paced.widgets.indexer.get(KEY).status == {"n": 5})  # type: ignore[union-attr]
    assert paced.statuses == [{"n": 1}, {"n": 5}] and paced.counters.conflicts == 0


async def test_the_pause_is_four_round_trips_when_they_are_long(paced: World, wait: Any) -> None:
    await paced.a_widget()
    paced.store.gate.clear()
    first = asyncio.ensure_future(paced.act(paced.wanting({"n": 1})))
    await wait(lambda: paced.statuses)
    await paced.act(paced.wanting({"n": 2}))
    paced.clock.advance(0.1)
    paced.store.gate.set()
    await first
    assert paced.statuses == [{"n": 1}] and paced.clock.waiting == pytest.approx([0.4])
    paced.clock.advance(0.4)
    await wait(lambda: paced.widgets.indexer.get(KEY).status == {"n": 2})  # type: ignore[union-attr]


async def test_a_terminal_state_is_never_delayed_and_replaces_what_waits(paced: World) -> None:
    await paced.a_widget()
    await paced.act(paced.wanting({"n": 1}))
    await paced.act(paced.wanting({"n": 2}))
    await paced.act(paced.wanting({"phase": "done"}, urgent=True))
    assert paced.statuses == [{"n": 1}, {"phase": "done"}]
    paced.clock.advance(10)
    assert paced.cluster.pens.of(WIDGETS, KEY).waiting == {} and paced.widget.status == {"phase": "done"}


async def test_a_wish_that_is_taken_back_is_not_written(paced: World) -> None:
    await paced.a_widget()
    await paced.act(paced.wanting({"n": 1}))
    await paced.act(paced.wanting({"n": 2}))
    await paced.act(paced.wanting({"n": 1}))
    paced.clock.advance(10)
    assert paced.statuses == [{"n": 1}] and paced.widget.status == {"n": 1}


async def test_spec_and_status_of_one_object_wait_for_each_other(paced: World, wait: Any) -> None:
    """Two controllers, one object: the one writes its spec, the other its status."""
    await paced.a_widget()
    changed = paced.widget.deep_copy()
    changed.spec = {"requests": 3}
    await paced.act(paced.wanting({"n": 1}))
    await paced.act(Update(WIDGETS, changed))
    await paced.act(paced.wanting({"n": 2}))
    for count in (2, 3):
        await wait(lambda: paced.clock.waiting)
        paced.clock.advance(0.05)
        await wait(lambda count=count: len(paced.writes) == count and not paced.cluster.pens.of(WIDGETS, KEY).tasks)
    stored = paced.store.objects[WIDGET]
    assert (stored["spec"], stored["status"], paced.counters.conflicts) == ({"requests": 3}, {"n": 2}, 0)


async def test_a_paced_write_that_fails_lets_the_key_be_looked_at_again(
    paced: World, wait: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await paced.a_widget()
    for code, reason in ((409, "Conflict"), (500, "InternalError")):
        await paced.act(paced.wanting({"reason": reason}, urgent=True))
        await paced.act(paced.wanting({"n": reason}))
        paced.store.refusals = [("PUT", code, reason)]
        paced.clock.advance(0.05)
        await wait(lambda: paced.clock.waiting)
        paced.clock.advance(1)
        assert await paced.queue.get() == KEY
        paced.queue.done(KEY)
        assert paced.widget.status == {"reason": reason}
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "a write for ns/w failed" in record.getMessage()


async def test_what_waits_is_given_up_when_its_object_goes(paced: World) -> None:
    widget = await paced.a_widget()
    await paced.act(paced.wanting({"n": 1}))
    await paced.act(paced.wanting({"n": 2}))
    await paced.act(Delete(WIDGETS, widget))
    paced.clock.advance(10)
    assert paced.statuses == [{"n": 1}] and paced.context.current(KEY) is None


async def test_what_waits_is_written_at_a_clean_end(paced: World) -> None:
    await paced.a_widget()
    await paced.act(paced.wanting({"n": 1}))
    await paced.act(paced.wanting({"n": 2}))
    await paced.cluster.pens.drain()
    assert paced.statuses == [{"n": 1}, {"n": 2}]


# ---- questions


def record(widget: Widget, reply: Any, now: datetime) -> Plan:
    changed = widget.deep_copy()
    changed.status = {"reply": reply, "seen": widget.spec}
    return Plan((UpdateStatus(WIDGETS, changed),))


async def test_a_question_is_asked_beside_the_queue_and_its_reply_is_written_by_the_worker(
    paced: World, wait: Any
) -> None:
    await paced.a_widget()
    paced.answers = ["forty-two"]
    paced.gate.clear()
    for _ in range(3):
        # The plan comes back at once, and the same question is never put twice at a time (GRPC-1).
        assert await paced.act(Ask("what?", record)) is None
    await wait(lambda: paced.asked)
    assert paced.asked == ["what?"] and paced.context.questions.pending(KEY)
    assert paced.context.questions.recorded(paced.widget) is None
    paced.gate.set()
    assert await paced.queue.get() == KEY
    await paced.act(Ask("what?", record))
    plan = paced.context.questions.recorded(paced.widget)
    assert plan is not None and paced.asked == ["what?"]
    await act(paced.context, paced.widget, plan)
    assert paced.statuses == [{"reply": "forty-two", "seen": None}]
    # The key decides again afterwards, and may ask again.
    paced.queue.done(KEY)
    assert await paced.queue.get() == KEY and not paced.context.questions.pending(KEY)


async def test_a_reply_is_written_without_delay_and_kept_until_it_is_stored(paced: World, wait: Any) -> None:
    await paced.a_widget()
    paced.answers = ["r"]
    await paced.act(paced.wanting({"n": 1}))
    await paced.act(paced.wanting({"n": 2}), Ask("what?", record))
    await wait(lambda: paced.context.questions.recorded(paced.widget))
    paced.store.change(WIDGET, spec={"size": 9})
    plan = paced.context.questions.recorded(paced.widget)
    assert plan is not None and await act(paced.context, paced.widget, plan) == Requeue()
    # The stranger's change arrives; the same reply is recorded on it, nobody asks again.
    paced.widgets.put_own(Widget.from_dict(paced.store.objects[WIDGET]))
    plan = paced.context.questions.recorded(paced.widget)
    assert plan is not None and await act(paced.context, paced.widget, plan) is None
    assert paced.widget.status == {"reply": "r", "seen": {"size": 9}} and paced.asked == ["what?"]
    assert paced.context.questions.recorded(paced.widget) is None


async def test_a_failed_question_is_logged_and_put_again_later(
    world: World, wait: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await world.a_widget()
    world.answers = [ValueError("no answer"), ValueError("no answer"), "r"]
    for span in (0.5, 1.0):
        await world.act(Ask("what?", record))
        await wait(lambda: world.clock.waiting)
        assert world.clock.waiting == pytest.approx([span])
        # Other news of the key do not make it ask sooner.
        asked = len(world.asked)
        await world.act(Ask("what?", record))
        assert len(world.asked) == asked and not world.context.questions.pending(KEY)
        world.clock.advance(span)
        assert await world.queue.get() == KEY
        world.queue.done(KEY)
    await world.act(Ask("what?", record))
    await wait(lambda: world.context.questions.recorded(world.widget))
    assert [record.message.split(",")[0] for record in caplog.records] == ["a question about ns/w failed"] * 2


async def test_a_question_about_a_deleted_object_is_broken_off(world: World, wait: Any) -> None:
    widget = await world.a_widget()
    world.gate.clear()
    await world.act(Ask("what?", record))
    await wait(lambda: world.asked)
    await world.act(Delete(WIDGETS, widget))
    assert not world.context.questions.pending(KEY)


async def test_a_reply_about_a_predecessor_is_dropped(world: World, wait: Any) -> None:
    widget = await world.a_widget()
    world.answers = ["r"]
    await world.act(Ask("what?", record))
    await wait(lambda: world.context.questions.recorded(widget))
    successor = widget.deep_copy()
    successor.metadata.uid = "another"
    assert world.context.questions.recorded(successor) is None and not world.context.questions.pending(KEY)


async def test_questions_end_with_the_program(world: World, wait: Any) -> None:
    await world.a_widget()
    world.gate.clear()
    await world.act(Ask("what?", record))
    await wait(lambda: world.asked)
    await world.context.questions.close()
    assert not world.context.questions.pending(KEY)


async def test_a_controller_without_anybody_to_ask_says_so(store: Any, store_transport: Any) -> None:
    world = World(store, store_transport)
    await world.a_widget()
    context = ActContext(world.cluster, WIDGETS, world.queue, world.recorder)
    with pytest.raises(ValueError, match="nobody to ask"):
        await act(context, world.widget, Plan((Ask("what?", record),)))
