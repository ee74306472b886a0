"""What next for a Trial? Pure: the same world and time give the same plan."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from katib_apis.v1beta1 import api_pb2, defaults, names
from katib_apis.v1beta1.enums import CompletionPolicy, TrialConditionType
from katib_apis.v1beta1.models import Experiment, ObjectiveSpec, Observation, Trial, TrialSpec, TrialStatus
from katib_apis.v1beta1.resources import TRIALS
from katib_controller.ownership import is_controlled_by
from katib_controller.trial.desired import absent_container, desired_job
from katib_controller.trial.pods import (
    failure_words,
    is_push,
    lacks_primary_container,
    metric_cure,
    missing_metrics,
    waiting_words,
)
from katib_controller.trial.question import DeleteRows, RecordUnavailable, ReportUnavailable, record_deleted
from katib_domain.conditions import conditions_of, find_condition, has_condition, is_completed, is_in
from katib_domain.job_status import JobPhase, JobVerdict, judge_job
from katib_domain.marks import (
    METRICS_UNAVAILABLE_TEXT,
    TRIAL_CREATED,
    TRIAL_EARLY_STOPPED,
    TRIAL_FAILED_TEXT,
    TRIAL_KILLED,
    TRIAL_RUNNING,
    TRIAL_SUCCEEDED_TEXT,
    mark_trial,
    reword_running,
    stall_trial,
    trial_condition,
)
from katib_domain.objective import is_available_in, is_observation_available, observe_rows
from katib_domain.revise import nulled, revised
from katib_machinery.objects import Resource, Unstructured, parse_time
from katib_machinery.plan import Action, Ask, Create, Delete, Emit, Plan, Requeue, SetFinalizers, UpdateStatus

DELETION_LIMIT: Final = timedelta(seconds=60)
POLL: Final = timedelta(seconds=10)
FIRST_WAIT: Final = timedelta(seconds=1)
LONGEST_WAIT: Final = timedelta(seconds=30)
# Rows that are late by less than this are nothing to tell the user about.
PATIENCE: Final = timedelta(seconds=5)
_WAITING: Final = "waiting for metrics: "
_UNREACHABLE: Final = "the observation log cannot be read: "


@dataclass(frozen=True)
class Rows:
    """The rows of the observation log, the objective's first."""

    logs: tuple[api_pb2.MetricLog, ...] = ()


@dataclass(frozen=True)
class Unreachable:
    """Why the observation log could not be read."""

    message: str


Reading: TypeAlias = Rows | Unreachable


@dataclass(frozen=True)
class World:
    """All that one decision may look at.

    ``rows`` and ``pods`` are there when the decision needs them: rows of a job that is over, pods of one that failed or
    does not get on. ``refused`` is why the API server will never take the job, ``trouble`` why the last attempt to carry
    out a plan failed, ``job_problem`` why the job's kind cannot be worked with.
    """

    trial: Trial
    experiment: Experiment | None = None
    resource: Resource | None = None
    job: Unstructured | None = None
    rows: Reading | None = None
    pods: tuple[Unstructured, ...] | None = None
    creation_errors: tuple[str, ...] = ()
    job_problem: str = ""
    watched: bool = True
    refused: str = ""
    trouble: str = ""
    rows_left: bool = False
    asking: bool = False
    metrics_limit: timedelta = timedelta(seconds=defaults.RUNTIME_CONFIG_METRICS_TIMEOUT_SECONDS)

    @property
    def spec(self) -> TrialSpec:
        return self.trial.spec or TrialSpec()

    @property
    def objective(self) -> ObjectiveSpec:
        return self.spec.objective or ObjectiveSpec()


@dataclass(frozen=True)
class _Step:
    status: TrialStatus
    before: tuple[Action, ...] = ()
    after: tuple[Action, ...] = ()
    stall: str = ""
    requeue: timedelta | None = None


def verdict_of(trial: Trial, job: Unstructured) -> JobVerdict:
    """Judge the live job by the Trial's own conditions."""
    spec = trial.spec or TrialSpec()
    return judge_job(job.raw, success=spec.success_condition, failure=spec.failure_condition)


def wants_observation(trial: Trial) -> bool:
    """Whether a Trial that has come to its end still lacks its value."""
    if is_in(trial, TrialConditionType.EARLY_STOPPED):
        return not is_in(trial, TrialConditionType.METRICS_UNAVAILABLE) and not is_observation_available(trial)
    return not is_completed(trial)


def decide(world: World, now: datetime) -> Plan:
    """Decide what to do next for a Trial."""
    trial = world.trial
    if trial.deletion_timestamp is not None:
        return _let_go(world, now)
    if names.FINALIZER_TRIAL not in trial.finalizers:
        return Plan((SetFinalizers(TRIALS, trial, (*trial.finalizers, names.FINALIZER_TRIAL)),))
    status = _started(trial.status or TrialStatus(), now)
    if is_in(trial, TrialConditionType.EARLY_STOPPED):
        return _plan(world, _early_stopped(world, status, now), now)
    if is_completed(trial):
        return _plan(world, _Step(status, after=_delete_job(world)), now)
    if _is_to_be_killed(world):
        killed = mark_trial(_ended(status, now), TRIAL_KILLED, now)
        return _plan(world, _Step(killed, after=_delete_job(world, killed=True)), now)
    if world.job is None:
        return _plan(world, _launch(world, status, now), now)
    if not is_controlled_by(world.job, trial):
        foreign = f"{world.job.kind} {trial.name} exists already and does not belong to this Trial"
        return _plan(world, _Step(status, stall=foreign, requeue=POLL), now)
    return _plan(world, _follow(world, world.job, status, now), now)


def _let_go(world: World, now: datetime) -> Plan:
    """T2: delete the rows first, but never hold a Trial for longer than a minute (CTL-9)."""
    trial = world.trial
    if names.FINALIZER_TRIAL not in trial.finalizers or world.asking:
        return Plan()
    since = trial.deletion_timestamp or now
    if not world.rows_left or now - since < DELETION_LIMIT:
        return Plan((Ask(DeleteRows(trial.namespace, trial.name), record_deleted),))
    rest = tuple(name for name in trial.finalizers if name != names.FINALIZER_TRIAL)
    text = "the rows of this Trial could not be deleted in time; this is tried again in the background"
    return Plan((Emit("Warning", names.EVENT_STALLED, text), SetFinalizers(TRIALS, trial, rest)))


def _started(status: TrialStatus, now: datetime) -> TrialStatus:
    if find_condition(status.conditions, TrialConditionType.CREATED) is not None:
        return status
    started = revised(status, {"start_time": status.start_time or now})
    if started.completion_time is None:
        started = nulled(started, "completion_time")
    return mark_trial(started, TRIAL_CREATED, now)


def _ended(status: TrialStatus, now: datetime) -> TrialStatus:
    return revised(status, {"completion_time": status.completion_time or now})


def _is_to_be_killed(world: World) -> bool:
    """Whether the Experiment is over and wants no leftovers (CTL-8)."""
    experiment = world.experiment
    if experiment is None or not is_completed(experiment) or not is_controlled_by(world.trial, experiment):
        return False
    return experiment.spec is None or experiment.spec.on_completion != CompletionPolicy.WAIT


def _launch(world: World, status: TrialStatus, now: datetime) -> _Step:
    """Create the job. One that was created a moment ago counts as running, which saves a write."""
    if world.experiment is not None and world.experiment.deletion_timestamp is not None:
        return _Step(status)
    if container := absent_container(world.trial):
        text = f"the pod template has no container named {container}, the primaryContainerName"
        return _fail(world, status, JobVerdict(JobPhase.FAILED, message=text), now)
    if world.refused:
        return _fail(world, status, JobVerdict(JobPhase.FAILED, message=world.refused), now)
    if world.resource is None or world.job_problem:
        return _Step(status, stall=world.job_problem or "the kind of the job is not known", requeue=POLL)
    creation = Create(world.resource, desired_job(world.trial))
    if world.trouble:
        # The condition is to be seen even if this attempt fails as the last one did.
        return _Step(status, after=(creation,), stall=world.trouble)
    created = Emit("Normal", names.EVENT_JOB_CREATED, f"Job {world.trial.name} has been created")
    status, events = _running(world, status, now)
    return _Step(status, before=(creation,), after=(created, *events), requeue=_next_look(world))


def _running(world: World, status: TrialStatus, now: datetime) -> tuple[TrialStatus, tuple[Action, ...]]:
    if has_condition(status.conditions, TrialConditionType.RUNNING):
        return status, ()
    event = Emit("Normal", names.EVENT_JOB_RUNNING, f"Job {world.trial.name} is running")
    return mark_trial(status, TRIAL_RUNNING, now), (event,)


def _follow(world: World, job: Unstructured, status: TrialStatus, now: datetime) -> _Step:
    verdict = verdict_of(world.trial, job)
    match verdict.phase:
        case JobPhase.FAILED:
            return _fail(world, status, verdict, now)
        case JobPhase.SUCCEEDED:
            return _collect(world, status, verdict, now)
        case JobPhase.RUNNING:
            return _watch(world, job, status, now)


def _watch(world: World, job: Unstructured, status: TrialStatus, now: datetime) -> _Step:
    """A running job: show its retries (CTL-11) and whatever keeps its pods from running (RES-10)."""
    status, events = _running(world, status, now)
    failed = (job.raw.get("status") or {}).get("failed")
    if isinstance(failed, int) and failed > 0:
        text = f"{TRIAL_RUNNING.message}. Job message: {failed} of its pods failed and were tried again"
        told = find_condition(conditions_of(world.trial), TrialConditionType.RUNNING)
        if told is not None and told.message != text:
            words = failure_words(world.pods, world.spec.primary_container_name or "")
            events = (*events, Emit("Warning", names.EVENT_JOB_RETRIED, f"{text}{f'. {words}' if words else ''}"))
        status = reword_running(status, text, now)
    stall = "; ".join(world.creation_errors) or waiting_words(world.pods)
    return _Step(status, after=events, stall=stall, requeue=_next_look(world))


def _next_look(world: World) -> timedelta:
    """Look at a running job now and then: its pods are not watched, nor are jobs of an unwatched kind (CTL-24)."""
    status = (world.job.raw.get("status") if world.job is not None else None) or {}
    return LONGEST_WAIT if world.watched and status.get("ready") else POLL


def _fail(world: World, status: TrialStatus, verdict: JobVerdict, now: datetime) -> _Step:
    verdict = _with_words(verdict, failure_words(world.pods, world.spec.primary_container_name or ""))
    wanted = trial_condition(TrialConditionType.FAILED, *_words(names.REASON_TRIAL_FAILED, TRIAL_FAILED_TEXT, verdict))
    told = " ".join(text for text in (verdict.message, verdict.reason) if text)
    text = f"Job {world.trial.name} has failed{f'. {told}' if told else ''}"
    event = Emit("Normal", names.EVENT_JOB_FAILED, text)
    return _Step(mark_trial(_ended(status, now), wanted, now), after=(event, *_delete_job(world)))


def _with_words(verdict: JobVerdict, words: str) -> JobVerdict:
    message = ". ".join(text for text in (verdict.message, words) if text)
    return JobVerdict(verdict.phase, verdict.reason, message, verdict.since)


def _words(reason: str, message: str, verdict: JobVerdict) -> tuple[str, str]:
    """Put the job's own words behind the fixed ones."""
    with_reason = f"{reason}. Job reason: {verdict.reason}" if verdict.reason else reason
    with_message = f"{message}. Job message: {verdict.message}" if verdict.message else message
    return with_reason, with_message


def _collect(world: World, status: TrialStatus, verdict: JobVerdict, now: datetime) -> _Step:
    """The job has succeeded: the Trial has when its value is there (§5, CTL-3)."""
    if world.rows is None or isinstance(world.rows, Unreachable):
        return _wait_for_log(world, status, now)
    observation = observe_rows(world.rows.logs, world.objective)
    if is_available_in(observation, world.objective):
        status = revised(status, {"observation": observation})
        wanted = trial_condition(
            TrialConditionType.SUCCEEDED, *_words(names.REASON_TRIAL_SUCCEEDED, TRIAL_SUCCEEDED_TEXT, verdict)
        )
        event = Emit("Normal", names.EVENT_JOB_SUCCEEDED, f"Job {world.trial.name} has succeeded")
        return _Step(mark_trial(_ended(status, now), wanted, now), after=(event, *_delete_job(world)))
    if pod := lacks_primary_container(world.trial, world.pods):
        text = f"pod {pod} has no container named {world.spec.primary_container_name}, the primaryContainerName"
        return _fail(world, status, JobVerdict(JobPhase.FAILED, verdict.reason, text), now)
    if observation is not None:
        status = revised(status, {"observation": observation})
        return _without_metrics(world, status, verdict, _no_value(world), now)
    missing = missing_metrics(world.trial, world.pods)
    if is_push(world.trial) or missing.final:
        return _without_metrics(world, status, verdict, missing.cause, now)
    return _wait_for_rows(world, status, verdict, missing.cause, now)


def _no_value(world: World) -> str:
    cure = metric_cure(world.trial)
    return f"no value of the metric {world.objective.objective_metric_name} was reported{f': {cure}' if cure else ''}"


def _wait_for_log(world: World, status: TrialStatus, now: datetime) -> _Step:
    """While the DB manager is away nobody knows what was reported, so the wait has no end (CTL-3)."""
    message = world.rows.message if isinstance(world.rows, Unreachable) else "it was not read"
    return _Step(status, stall=_UNREACHABLE + message, requeue=_growing(_told_since(world, now), now))


def _wait_for_rows(world: World, status: TrialStatus, verdict: JobVerdict, cause: str, now: datetime) -> _Step:
    since = waiting_since(world, verdict, now)
    if now - since >= world.metrics_limit:
        return _without_metrics(world, status, verdict, cause, now)
    told = find_condition(conditions_of(world.trial), TrialConditionType.STALLED)
    stall = _WAITING + cause if told is not None or now - since >= PATIENCE else ""
    return _Step(status, stall=stall, requeue=min(_growing(since, now), world.metrics_limit - (now - since)))


def waiting_since(world: World, verdict: JobVerdict, now: datetime) -> datetime:
    """Return when the wait for rows began: at the job's end, or anew when the observation log could be read again."""
    stalled = find_condition(conditions_of(world.trial), TrialConditionType.STALLED)
    if stalled is not None and (stalled.message or "").startswith(_UNREACHABLE):
        return now
    if stalled is not None and (stalled.message or "").startswith(_WAITING):
        return stalled.last_update_time or now
    job_status = (world.job.raw.get("status") if world.job is not None else None) or {}
    return _time(verdict.since) or _time(job_status.get("completionTime")) or now


def _time(text: object) -> datetime | None:
    try:
        return parse_time(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _told_since(world: World, now: datetime) -> datetime:
    stalled = find_condition(conditions_of(world.trial), TrialConditionType.STALLED)
    return (stalled.last_transition_time if stalled is not None else None) or now


def _growing(since: datetime, now: datetime) -> timedelta:
    """Half of the time already waited, within bounds: it grows without anybody counting."""
    return min(max((now - since) / 2, FIRST_WAIT), LONGEST_WAIT)


def _without_metrics(world: World, status: TrialStatus, verdict: JobVerdict, cause: str, now: datetime) -> _Step:
    """Mark MetricsUnavailable; for Push a row that says so is reported first, so that readers of rows see it too."""
    reason, message = _words(names.REASON_METRICS_UNAVAILABLE, METRICS_UNAVAILABLE_TEXT, verdict)
    marked = RecordUnavailable(reason, f"{message}. Cause: {cause}", _delete_job(world))
    rows = world.rows.logs if isinstance(world.rows, Rows) else ()
    if is_push(world.trial) and not rows:
        if world.asking:
            return _Step(status)
        question = ReportUnavailable(
            world.trial.namespace, world.trial.name, world.objective.objective_metric_name or ""
        )
        return _Step(status, after=(Ask(question, marked),))
    return _Step(marked.status(status, now), after=marked.actions(world.trial))


def _early_stopped(world: World, status: TrialStatus, now: datetime) -> _Step:
    """Tidy up after an early stop (CTL-27); the job stays until the value is stored, or given up (CTL-15, CTL-16)."""
    stopped = find_condition(status.conditions, TrialConditionType.EARLY_STOPPED)
    stopped_at = (stopped.last_transition_time if stopped is not None else None) or now
    if status.completion_time is None or has_condition(status.conditions, TrialConditionType.RUNNING):
        status = mark_trial(_ended(status, stopped_at), TRIAL_EARLY_STOPPED, now)
    if not wants_observation(world.trial):
        return _Step(status, after=_delete_job(world))
    if world.rows is None or isinstance(world.rows, Unreachable):
        return _wait_for_log(world, status, now)
    observation = observe_rows(world.rows.logs, world.objective)
    if is_available_in(observation, world.objective):
        return _Step(revised(status, {"observation": observation}), after=_delete_job(world))
    verdict = verdict_of(world.trial, world.job) if world.job is not None else JobVerdict(JobPhase.RUNNING)
    over = verdict.phase is JobPhase.SUCCEEDED and observation is not None
    if not over and now - stopped_at < world.metrics_limit:
        return _Step(status, requeue=_growing(stopped_at, now))
    return _without_metrics(world, _stored(status, observation), verdict, _no_value(world), now)


def _stored(status: TrialStatus, observation: Observation | None) -> TrialStatus:
    return status if observation is None else revised(status, {"observation": observation})


def _delete_job(world: World, *, killed: bool = False) -> tuple[Action, ...]:
    """Delete the job of a Trial that is over, once, unless it is to be kept; a killed one must stop in any case."""
    job, resource = world.job, world.resource
    if job is None or resource is None or job.deletion_timestamp is not None:
        return ()
    kept = bool(world.spec.retain_run) and not (killed or is_in(world.trial, TrialConditionType.KILLED))
    if kept or not is_controlled_by(job, world.trial):
        return ()
    event = Emit("Normal", names.EVENT_JOB_DELETED, f"Job {job.name} has been deleted")
    return (Delete(resource, job, "Foreground"), event)


def _plan(world: World, step: _Step, now: datetime) -> Plan:
    """Add what holds for every step: the stall is shown, the status stands between what must come before and after."""
    told = find_condition(conditions_of(world.trial), TrialConditionType.STALLED)
    status, events = step.status, tuple[Action, ...]()
    if not (step.stall == "" and find_condition(status.conditions, TrialConditionType.STALLED) is None):
        status = stall_trial(status, step.stall, now)
    if step.stall and (told is None or told.message != step.stall):
        events = (Emit("Warning", names.EVENT_STALLED, step.stall),)
    write = UpdateStatus(TRIALS, revised(world.trial, {"status": status}), urgent=True)
    again = Requeue(step.requeue) if step.requeue is not None else None
    return Plan((*step.before, write, *events, *step.after), again)
