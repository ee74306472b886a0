"""What a reply makes of a Suggestion's status. Pure: it may be applied again when a write met a conflict."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.enums import SuggestionConditionType
from katib_apis.v1beta1.models import Suggestion, SuggestionStatus, TrialAssignment
from katib_apis.v1beta1.resources import SUGGESTIONS
from katib_controller.suggestion.question import Invalid, NoAnswer, Reply, Suggested, Valid
from katib_domain.budget import count_in, count_of
from katib_domain.conditions import find_condition
from katib_domain.marks import SUGGESTION_RUNNING, mark_suggestion, stall_suggestion, suggestion_failed
from katib_domain.messages import merge_settings
from katib_domain.revise import revised
from katib_machinery.plan import Action, Emit, Plan, UpdateStatus

END_REACHED = "the algorithm has nothing left to suggest"


def record_reply(suggestion: Suggestion, reply: Reply, now: datetime) -> Plan:
    """Turn a reply into the status that it leads to, and events."""
    status = suggestion.status or SuggestionStatus()
    events: list[Action] = []
    match reply:
        case Valid():
            status = mark_suggestion(stall_suggestion(status, "", now), SUGGESTION_RUNNING, now)
        case Invalid():
            status = mark_suggestion(status, suggestion_failed(reply.message), now)
        case NoAnswer():
            current = find_condition(status.conditions, SuggestionConditionType.STALLED)
            if current is None or current.message != reply.message:
                events.append(Emit("Warning", names.EVENT_STALLED, reply.message))
            status = stall_suggestion(status, reply.message, now)
        case Suggested():
            status = record_assignments(suggestion, reply, now)
            if reply.surplus:
                text = f"the algorithm returned {reply.surplus} more assignments than the {reply.asked} asked for"
                events.append(Emit("Warning", names.EVENT_SUGGESTIONS_DROPPED, text))
        case _:
            assert_never(reply)
    return Plan((UpdateStatus(SUGGESTIONS, revised(suggestion, {"status": status}), urgent=True), *events))


def record_assignments(suggestion: Suggestion, reply: Suggested, now: datetime) -> SuggestionStatus:
    """Append the assignments and merge the settings that the algorithm has written back (§6).

    What is there already is not appended again: the write may have arrived although its answer was lost. No assignment, while no Trial is active and none is waiting for its Trial, is the end of the search (CTL-5).
    """
    status = suggestion.status or SuggestionStatus()
    before = status.suggestions or ()
    waiting = [entry for entry in before if entry.name not in reply.used]
    ended = not reply.assignments and not reply.active and not waiting
    known = {entry.name for entry in before}
    fresh = [entry for entry in reply.assignments if entry.name not in known]
    changes: dict[str, object] = {}
    if fresh:
        changes["suggestions"] = within_window([*before, *fresh], reply.window, reply.used)
        changes["suggestion_count"] = count_of(suggestion) + len(fresh)
    if reply.settings:
        changes["algorithm_settings"] = merge_settings(status.algorithm_settings, reply.settings)
    message = END_REACHED if ended else ""
    return stall_suggestion(revised(status, changes), message, now, names.REASON_SUGGESTION_END_REACHED)


def within_window(entries: Sequence[TrialAssignment], window: int, used: frozenset[str]) -> list[TrialAssignment]:
    """Drop the oldest assignments that have a Trial until the list is short enough (CTL-6)."""
    surplus = max(len(entries) - window, 0)
    kept = []
    for entry in entries:
        if surplus and entry.name in used:
            surplus -= 1
        else:
            kept.append(entry)
    return kept


def without_waiting(status: SuggestionStatus, used: frozenset[str], number: int) -> SuggestionStatus:
    """Give up the newest assignments that have no Trial, at most ``number`` of them (CTL-1)."""
    kept: list[TrialAssignment] = []
    dropped = 0
    for entry in reversed(status.suggestions or ()):
        if dropped < number and entry.name not in used:
            dropped += 1
        else:
            kept.append(entry)
    changes = {"suggestions": kept[::-1] or None, "suggestion_count": (count_in(status) - dropped) or None}
    return revised(status, changes)
