"""What next for an Experiment? Pure: the same world and time give the same plan."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.enums import ExperimentConditionType, SuggestionConditionType
from katib_apis.v1beta1.models import (
    Experiment,
    ExperimentSpec,
    ExperimentStatus,
    Suggestion,
    SuggestionSpec,
    Trial,
    TrialAssignment,
    TrialTemplate,
)
from katib_apis.v1beta1.resources import EXPERIMENTS, SUGGESTIONS, TRIALS
from katib_controller.experiment.desired import desired_suggestion, desired_trial
from katib_controller.ownership import is_controlled_by
from katib_domain.budget import (
    Assigned,
    Completion,
    assigned,
    completion,
    excess,
    requests_after_giving_up,
    requests_wanted,
    restart_wanted,
    trials_to_add,
    trials_to_give_up,
    waiting_names,
)
from katib_domain.conditions import (
    EXPERIMENT_ENDS,
    Condition,
    conditions_of,
    find_condition,
    has_condition,
    is_completed,
    is_in,
)
from katib_domain.marks import (
    EXPERIMENT_CREATED,
    EXPERIMENT_RESTARTING,
    EXPERIMENT_RUNNING,
    GOAL_REACHED,
    MAX_FAILED_TEXT,
    MAX_TRIALS_REACHED,
    SUGGESTION_END_REACHED,
    SUGGESTION_FAILED_TEXT,
    experiment_failed,
    mark_experiment,
    stall_experiment,
)
from katib_domain.revise import nulled, revised
from katib_domain.trial_summary import TrialSummary, summarise
from katib_domain.trial_template import AssignmentError, TrialTemplateError, render_run_spec
from katib_machinery.plan import Action, Create, Delete, Emit, Plan, Requeue, SetFinalizers, Update, UpdateStatus

# How soon to look again at what no watched object will tell of: a corrected template in a ConfigMap, for instance.
RETRY: Final = timedelta(seconds=30)


@dataclass(frozen=True)
class World:
    """All that one decision may look at.

    ``template`` is the trialSpec, or the text from the ConfigMap; it is absent with a ``template_problem``, and when no
    Trial is to be made. ``trouble`` is why the last attempt to carry out a plan failed.
    """

    experiment: Experiment
    suggestion: Suggestion | None = None
    summary: TrialSummary = field(default_factory=TrialSummary)
    template: Any = None
    template_problem: str = ""
    trouble: str = ""

    @property
    def spec(self) -> ExperimentSpec:
        return self.experiment.spec or ExperimentSpec()


@dataclass(frozen=True)
class _Step:
    """A status on its way, and what goes with it."""

    status: ExperimentStatus
    actions: tuple[Action, ...] = ()
    stall: str = ""
    urgent: bool = False


def decide(world: World, now: datetime) -> Plan:
    """Decide what to do next for an Experiment."""
    experiment = world.experiment
    if experiment.deletion_timestamp is not None:
        return _let_go(experiment)
    if names.FINALIZER_EXPERIMENT not in experiment.finalizers:
        return Plan((SetFinalizers(EXPERIMENTS, experiment, (*experiment.finalizers, names.FINALIZER_EXPERIMENT)),))
    status = summarise(_started(experiment.status or ExperimentStatus(), now), world.summary)
    if not is_completed(experiment):
        return _plan(world, _advance(world, status, now), now)
    if restart_wanted(experiment):
        restarted = mark_experiment(nulled(status, "completion_time"), EXPERIMENT_RESTARTING, now)
        return _plan(world, _Step(restarted, urgent=True), now)
    return _plan(world, _Step(status), now)


def _let_go(experiment: Experiment) -> Plan:
    """E2: nothing else is done for an Experiment that is being deleted (CTL-26)."""
    rest = tuple(name for name in experiment.finalizers if name != names.FINALIZER_EXPERIMENT)
    if len(rest) == len(experiment.finalizers):
        return Plan()
    return Plan((SetFinalizers(EXPERIMENTS, experiment, rest),))


def _started(status: ExperimentStatus, now: datetime) -> ExperimentStatus:
    if find_condition(status.conditions, ExperimentConditionType.CREATED) is not None:
        return status
    started = nulled(revised(status, {"start_time": status.start_time or now}), "completion_time")
    return mark_experiment(started, EXPERIMENT_CREATED, now)


def _advance(world: World, status: ExperimentStatus, now: datetime) -> _Step:
    """Complete the Experiment (§2.2) or see that it has the Trials it wants (§2.3)."""
    end = completion(world.spec, world.summary, search_ended=_search_ended(world))
    if end is not None:
        return _complete(world, status, end, now)
    if world.summary.total:
        status = mark_experiment(status, EXPERIMENT_RUNNING, now)
    if excess(world.spec, world.summary):
        return _Step(status, _give_up(world))
    add = trials_to_add(world.spec, world.summary)
    return _grow(world, status, add, now) if add else _Step(status)


def _search_ended(world: World) -> bool:
    """Whether the algorithm had nothing more to suggest while no Trial was active (CTL-5)."""
    suggestion = world.suggestion
    if suggestion is None or assigned(suggestion, world.summary.names).waiting:
        return False
    stalled = find_condition(conditions_of(suggestion), SuggestionConditionType.STALLED)
    return stalled is not None and stalled.reason == names.REASON_SUGGESTION_END_REACHED


def _complete(world: World, status: ExperimentStatus, end: Completion, now: datetime) -> _Step:
    match end:
        case Completion.GOAL_REACHED:
            wanted = GOAL_REACHED
        case Completion.MAX_TRIALS:
            wanted = MAX_TRIALS_REACHED
        case Completion.SEARCH_ENDED:
            wanted = SUGGESTION_END_REACHED
        case Completion.MAX_FAILED:
            wanted = experiment_failed(MAX_FAILED_TEXT + _last_failure(world.summary))
    status = mark_experiment(revised(status, {"completion_time": now}), wanted, now)
    return _Step(status, urgent=True)


def _last_failure(summary: TrialSummary) -> str:
    failure = summary.last_failure
    return f". Trial {failure.trial}: {failure.message}" if failure is not None else ""


def _give_up(world: World) -> tuple[Action, ...]:
    """Fewer Trials at once than are active: the number of requests goes down first, then Trials go (CTL-1).

    The lower number is what tells the Suggestion to drop their assignments once they are gone, also after a crash
    between the two steps.
    """
    surplus = excess(world.spec, world.summary)
    held = assigned(world.suggestion, world.summary.names)
    lowered = _request(world.suggestion, requests_after_giving_up(held, surplus))
    return (*lowered, *(Delete(TRIALS, active.trial) for active in trials_to_give_up(world.spec, world.summary)))


def _grow(world: World, status: ExperimentStatus, add: int, now: datetime) -> _Step:
    """See that ``add`` further Trials come: ask for assignments, make Trials of those that wait."""
    suggestion = world.suggestion
    if suggestion is None:
        requests = requests_wanted(Assigned(), world.summary, add)
        return _Step(status, (Create(SUGGESTIONS, desired_suggestion(world.experiment, requests)),))
    if not is_controlled_by(suggestion, world.experiment):
        return _Step(status, stall=f"a Suggestion named {suggestion.name} exists already and belongs to another owner")
    if suggestion.deletion_timestamp is not None:
        return _Step(status, stall=f"Suggestion {suggestion.name} is being deleted")
    if is_in(suggestion, SuggestionConditionType.FAILED):
        return _fail_with(suggestion, status, now)
    held = assigned(suggestion, world.summary.names)
    asked = _request(suggestion, requests_wanted(held, world.summary, add))
    try:
        creations = _creations(world, waiting_names(held, add))
    except TrialTemplateError as error:
        problem = f"the trial template cannot be rendered: {error}"
        return _Step(status, asked, stall=problem) if _heals(world, error) else _fail(problem, status, now)
    return _Step(status, (*creations, *asked), stall=world.template_problem)


def _fail_with(suggestion: Suggestion, status: ExperimentStatus, now: datetime) -> _Step:
    """A failed Suggestion fails its Experiment and lends it its words (CTL-18)."""
    failed = find_condition(conditions_of(suggestion), SuggestionConditionType.FAILED)
    words = f": {failed.message}" if failed is not None and failed.message else ""
    return _fail(SUGGESTION_FAILED_TEXT + words, status, now)


def _heals(world: World, error: TrialTemplateError) -> bool:
    """Only the text in a ConfigMap can still be corrected: the rest of an Experiment's template is fixed."""
    template = world.spec.trial_template
    return template is not None and template.config_map is not None and not isinstance(error, AssignmentError)


def _fail(text: str, status: ExperimentStatus, now: datetime) -> _Step:
    failure = experiment_failed(text)
    return _Step(mark_experiment(revised(status, {"completion_time": now}), failure, now), urgent=True)


def _request(suggestion: Suggestion | None, requests: int) -> tuple[Action, ...]:
    """Set the number of assignments wanted in all.

    It is said also when it is the old one: that takes back a number which still waits to be written. The status, which
    is large and not ours, does not travel with it.
    """
    if suggestion is None or suggestion.deletion_timestamp is not None:
        return ()
    spec = revised(suggestion.spec or SuggestionSpec(), {"requests": requests})
    return (Update(SUGGESTIONS, revised(suggestion, {"spec": spec, "status": None})),)


def _creations(world: World, waiting: Sequence[str]) -> list[Action]:
    if not waiting or world.template is None or world.suggestion is None or world.suggestion.status is None:
        return []
    by_name = {entry.name: entry for entry in world.suggestion.status.suggestions or ()}
    return [Create(TRIALS, _trial(world, by_name[name])) for name in waiting]


def _trial(world: World, assignment: TrialAssignment) -> Trial:
    template = world.spec.trial_template or TrialTemplate()
    run_spec = render_run_spec(
        world.template,
        template.trial_parameters or [],
        assignment.parameter_assignments or [],
        trial_name=assignment.name or "",
        namespace=world.experiment.namespace,
    )
    return desired_trial(world.experiment, assignment, run_spec)


def _plan(world: World, step: _Step, now: datetime) -> Plan:
    """Add what holds for every step: the stall is shown, the status is written last."""
    experiment = world.experiment
    ended = any(has_condition(step.status.conditions, end) for end in EXPERIMENT_ENDS)
    stall = "" if ended else _stall(world, step)
    status = stall_experiment(step.status, stall, now)
    told = _message(conditions_of(experiment))
    events = (Emit("Warning", names.EVENT_STALLED, stall),) if stall and stall != told else ()
    write = UpdateStatus(EXPERIMENTS, revised(experiment, {"status": status}), urgent=step.urgent)
    again = Requeue(RETRY) if step.stall else None
    if world.trouble:
        # What failed may fail again: the user is told first.
        return Plan((write, *events, *step.actions), again)
    return Plan((*step.actions, write, *events), again)


def _stall(world: World, step: _Step) -> str:
    """Name what keeps the Experiment from going on, the nearest cause first (RES-10)."""
    if step.stall or world.trouble:
        return step.stall or world.trouble
    summary, suggestion = world.summary, world.suggestion
    if summary.stalled and len(summary.stalled) == len(summary.active):
        first = summary.stalled[0]
        return f"Trial {first.trial}: {first.message}"
    stalled = (
        find_condition(conditions_of(suggestion), SuggestionConditionType.STALLED) if suggestion is not None else None
    )
    if stalled is None or summary.active or stalled.reason == names.REASON_SUGGESTION_END_REACHED:
        return ""
    return f"Suggestion {world.experiment.name}: {stalled.message}"


def _message(conditions: Sequence[Condition]) -> str:
    stalled = find_condition(conditions, ExperimentConditionType.STALLED)
    return (stalled.message or "") if stalled is not None else ""
