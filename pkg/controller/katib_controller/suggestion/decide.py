"""What next for a Suggestion? Pure: the same world and time give the same plan."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from katib_apis.v1beta1 import defaults, names
from katib_apis.v1beta1.enums import ResumePolicyType, SuggestionConditionType
from katib_apis.v1beta1.models import (
    EarlyStoppingConfig,
    Experiment,
    Suggestion,
    SuggestionConfig,
    SuggestionSpec,
    SuggestionStatus,
)
from katib_apis.v1beta1.resources import SUGGESTIONS
from katib_controller.ownership import is_controlled_by
from katib_controller.suggestion.desired import (
    ServiceConfigError,
    desired_account,
    desired_claim,
    desired_deployment,
    desired_role,
    desired_role_binding,
    desired_service,
    desired_volume,
    keeps_volume,
    needs_account,
    updated_deployment,
)
from katib_controller.suggestion.question import Present, Question, Service, Suggest, Validate
from katib_controller.suggestion.record import record_reply, without_waiting
from katib_domain.budget import count_of
from katib_domain.conditions import (
    Condition,
    conditions_of,
    find_condition,
    has_condition,
    is_completed,
    is_in,
)
from katib_domain.marks import (
    DEPLOYMENT_NOT_READY,
    DEPLOYMENT_READY,
    SUGGESTION_CREATED,
    SUGGESTION_RESTARTING,
    SUGGESTION_SUCCEEDED,
    SUGGESTION_SUCCEEDED_WITH_VOLUME,
    mark_suggestion,
    stall_suggestion,
)
from katib_domain.pod_injection import trial_directory
from katib_domain.revise import revised
from katib_machinery.objects import (
    DEPLOYMENTS,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    ROLE_BINDINGS,
    ROLES,
    SERVICE_ACCOUNTS,
    SERVICES,
    Unstructured,
)
from katib_machinery.plan import Action, Ask, Create, Delete, Emit, Plan, Requeue, Update, UpdateStatus

# A service that is not ready for longer than this is called a stall; to come up takes a while.
PATIENCE: Final = timedelta(seconds=60)
RETRY: Final = timedelta(seconds=30)


@dataclass(frozen=True)
class Children:
    """The objects of an Experiment's own service that are watched, as far as they exist."""

    deployment: Unstructured | None = None
    service: Unstructured | None = None
    claim: Unstructured | None = None


@dataclass(frozen=True)
class World:
    """All that one decision may look at.

    ``short`` says that the algorithm had too little to suggest for the Trials and the requests as they are now.
    ``not_before`` is when a service that gave no answer may be asked again. ``trouble`` is why the last attempt to carry
    out a plan failed.
    """

    suggestion: Suggestion
    experiment: Experiment | None = None
    config: SuggestionConfig | None = None
    config_problem: str = ""
    stopping: EarlyStoppingConfig | None = None
    service: Service = field(default_factory=lambda: Service(""))
    children: Children = Children()
    present: Present = field(default_factory=Present)
    asking: bool = False
    short: bool = False
    not_before: datetime | None = None
    window: int = defaults.RUNTIME_CONFIG_SUGGESTION_WINDOW
    probes: bool = True
    trouble: str = ""

    @property
    def spec(self) -> SuggestionSpec:
        return self.suggestion.spec or SuggestionSpec()

    @property
    def shared(self) -> bool:
        """Whether one service for all serves the algorithm (CTL-29)."""
        return self.config is not None and bool(self.config.endpoint)


@dataclass(frozen=True)
class _Step:
    status: SuggestionStatus
    actions: tuple[Action, ...] = ()
    ask: Question | None = None
    stall: str | None = None  # None: say nothing new about a stall
    requeue: timedelta | None = None
    urgent: bool = False


def decide(world: World, now: datetime) -> Plan:
    """Decide what to do next for a Suggestion."""
    suggestion, experiment = world.suggestion, world.experiment
    if suggestion.deletion_timestamp is not None or experiment is None or experiment.deletion_timestamp is not None:
        return Plan()
    status = _started(suggestion.status or SuggestionStatus(), now)
    over = is_completed(experiment)
    if is_in(suggestion, SuggestionConditionType.FAILED):
        return _plan(world, _Step(status, _clean_up(world)), now)
    if over and _ends_with_experiment(world):
        return _plan(world, _finish(world, status, now), now)
    if over:
        return _plan(world, _Step(status, stall=""), now)
    if is_in(suggestion, SuggestionConditionType.SUCCEEDED):
        status = mark_suggestion(status, SUGGESTION_RESTARTING, now)
    return _plan(world, _serve(world, status, now), now)


def _started(status: SuggestionStatus, now: datetime) -> SuggestionStatus:
    if find_condition(status.conditions, SuggestionConditionType.CREATED) is not None:
        return status
    return mark_suggestion(revised(status, {"start_time": status.start_time or now}), SUGGESTION_CREATED, now)


def _ends_with_experiment(world: World) -> bool:
    return world.spec.resume_policy != ResumePolicyType.LONG_RUNNING


def _finish(world: World, status: SuggestionStatus, now: datetime) -> _Step:
    """The Experiment is over, so this is too, unless it may have to go on (§7)."""
    wanted = SUGGESTION_SUCCEEDED_WITH_VOLUME if keeps_volume(world.suggestion) else SUGGESTION_SUCCEEDED
    return _Step(mark_suggestion(status, wanted, now), _clean_up(world), urgent=True)


def _clean_up(world: World) -> tuple[Action, ...]:
    """Delete what runs; a volume stays."""
    if not _ends_with_experiment(world):
        return ()
    children = ((DEPLOYMENTS, world.children.deployment), (SERVICES, world.children.service))
    return tuple(
        Delete(resource, child)
        for resource, child in children
        if child is not None and child.deletion_timestamp is None and is_controlled_by(child, world.suggestion)
    )


def _serve(world: World, status: SuggestionStatus, now: datetime) -> _Step:
    """See that there is a service, then ask it what is missing."""
    if world.config is None:
        return _Step(status, stall=world.config_problem, requeue=RETRY)
    actions: tuple[Action, ...] = ()
    if world.shared:
        actions = _missing_volume(world, world.config) if trial_directory(world.suggestion) else ()
    else:
        try:
            actions = (*_missing_children(world, world.config), *_outdated_children(world, world.config))
        except ServiceConfigError as error:
            return _Step(status, stall=str(error), requeue=RETRY)
        if not _is_available(world.children.deployment):
            return _wait_for_deployment(world, status, actions, now)
    step = _ask(world, mark_suggestion(status, DEPLOYMENT_READY, now), now)
    return replace(step, actions=actions)


def _missing_children(world: World, config: SuggestionConfig) -> tuple[Action, ...]:
    """What is not watched is created before the Deployment, as long as there is none: to create what exists does no harm."""
    suggestion, children = world.suggestion, world.children
    wanted: list[Action] = [*_missing_volume(world, config)]
    if children.service is None:
        wanted.append(Create(SERVICES, desired_service(suggestion, world.stopping)))
    if children.deployment is None:
        deployment = desired_deployment(suggestion, config, world.stopping, probes=world.probes)
        if needs_account(suggestion, config, world.stopping):
            wanted.append(Create(SERVICE_ACCOUNTS, desired_account(suggestion)))
            wanted.append(Create(ROLES, desired_role(suggestion)))
            wanted.append(Create(ROLE_BINDINGS, desired_role_binding(suggestion)))
        wanted.append(Create(DEPLOYMENTS, deployment))
    return tuple(wanted)


def _missing_volume(world: World, config: SuggestionConfig) -> tuple[Action, ...]:
    """The volume of what is kept, before the claim that wants it.

    Of a shared service only trials mount it: what the service writes is there if its own storage is the same.
    """
    suggestion, children = world.suggestion, world.children
    if not keeps_volume(suggestion):
        return ()
    wanted: list[Action] = []
    unwatched = children.claim if world.shared else children.deployment
    if config.persistent_volume_spec and unwatched is None:
        wanted.append(Create(PERSISTENT_VOLUMES, desired_volume(suggestion, config)))
    if children.claim is None:
        wanted.append(Create(PERSISTENT_VOLUME_CLAIMS, desired_claim(suggestion, config)))
    return tuple(wanted)


def _outdated_children(world: World, config: SuggestionConfig) -> tuple[Action, ...]:
    """Follow a changed KatibConfig, but never take a service away while it is needed (CTL-19)."""
    live = world.children.deployment
    idle = not world.asking and (world.spec.requests or 0) <= count_of(world.suggestion)
    if live is None or not idle or not is_controlled_by(live, world.suggestion):
        return ()
    desired = desired_deployment(world.suggestion, config, world.stopping, probes=world.probes)
    updated = updated_deployment(live, desired)
    return (Update(DEPLOYMENTS, updated),) if updated is not None else ()


def _deployment_conditions(deployment: Unstructured | None) -> Sequence[dict[str, str]]:
    raw = deployment.raw if deployment is not None else {}
    return (raw.get("status") or {}).get("conditions") or ()


def _is_available(deployment: Unstructured | None) -> bool:
    conditions = _deployment_conditions(deployment)
    return any(entry.get("type") == "Available" and entry.get("status") == "True" for entry in conditions)


def _wait_for_deployment(world: World, status: SuggestionStatus, actions: tuple[Action, ...], now: datetime) -> _Step:
    """Changes of the Deployment wake us; time alone turns waiting into a stall."""
    status = mark_suggestion(status, DEPLOYMENT_NOT_READY, now)
    waiting = find_condition(status.conditions, SuggestionConditionType.DEPLOYMENT_READY)
    since = (waiting.last_transition_time if waiting is not None else None) or now
    if now - since < PATIENCE:
        return _Step(status, actions, stall="", requeue=PATIENCE - (now - since))
    problems = [
        f"{entry.get('reason', '')}: {entry.get('message', '')}"
        for entry in _deployment_conditions(world.children.deployment)
        if (entry.get("type") == "ReplicaFailure") == (entry.get("status") == "True")
    ]
    name = world.children.deployment.name if world.children.deployment is not None else "of the algorithm service"
    return _Step(status, actions, stall="; ".join([f"Deployment {name} is not available", *problems]))


def _ask(world: World, status: SuggestionStatus, now: datetime) -> _Step:
    """Validate first; then ask for the assignments that are wanted and not there."""
    if world.asking:
        return _Step(status)
    experiment = world.experiment
    assert experiment is not None
    if not has_condition(status.conditions, SuggestionConditionType.RUNNING):
        return _put(world, status, Validate(experiment, world.suggestion, world.service), now)
    count, requests = count_of(world.suggestion), world.spec.requests or 0
    if requests < count:
        return _Step(without_waiting(status, world.present.names, count - requests), stall="")
    if requests == count or world.short:
        return _Step(status, stall=_kept_stall(world, status))
    question = Suggest(
        experiment, world.suggestion, world.service, current=requests - count, total=requests, window=world.window
    )
    return _put(world, status, question, now)


def _kept_stall(world: World, status: SuggestionStatus) -> str | None:
    """What the service itself has said stays until it says something else; other causes are over by now."""
    stalled = find_condition(status.conditions, SuggestionConditionType.STALLED)
    ended = stalled is not None and stalled.reason == names.REASON_SUGGESTION_END_REACHED
    return None if ended or world.not_before is not None else ""


def _put(world: World, status: SuggestionStatus, question: Question, now: datetime) -> _Step:
    if world.not_before is not None and now < world.not_before:
        return _Step(status, requeue=world.not_before - now)
    return _Step(status, ask=question)


def _plan(world: World, step: _Step, now: datetime) -> Plan:
    """Add what holds for every step: the stall is shown, the status is written before a question is put."""
    status, events = step.status, tuple[Action, ...]()
    stall = world.trouble or step.stall
    ended = has_condition(status.conditions, SuggestionConditionType.SUCCEEDED) or has_condition(
        status.conditions, SuggestionConditionType.FAILED
    )
    if stall is not None and not ended:
        if stall and stall != _told(conditions_of(world.suggestion)):
            events = (Emit("Warning", names.EVENT_STALLED, stall),)
        status = stall_suggestion(status, stall, now)
    write = UpdateStatus(SUGGESTIONS, revised(world.suggestion, {"status": status}), urgent=step.urgent)
    ask = (Ask(step.ask, record_reply),) if step.ask is not None else ()
    again = Requeue(step.requeue) if step.requeue is not None else None
    if world.trouble:
        # What failed may fail again: the user is told first.
        return Plan((write, *events, *step.actions, *ask), again)
    return Plan((*step.actions, write, *events, *ask), again)


def _told(conditions: Sequence[Condition]) -> str:
    stalled = find_condition(conditions, SuggestionConditionType.STALLED)
    return (stalled.message or "") if stalled is not None else ""
