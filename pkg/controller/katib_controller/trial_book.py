"""The Trials of every Experiment, kept summed up as they change.

Fed by the Trials' informer. An Experiment's Trials are those that it controls, whatever their labels say, and never
those of a namesake (CTL-2).
"""

from collections.abc import Iterator

from katib_apis.v1beta1.models import Experiment, Trial, TrialAssignment
from katib_apis.v1beta1.resources import EXPERIMENTS
from katib_domain.messages import framed_trial, is_sent, to_pending_message, to_trial_message
from katib_domain.trial_summary import TrialSummary, TrialTally
from katib_machinery.informer import Handler, SharedInformer


class TrialBook:
    """One tally per Experiment uid, and each Trial's message as it was last sent to an algorithm."""

    def __init__(self, informer: SharedInformer[Trial]) -> None:
        self._tallies: dict[str, TrialTally] = {}
        self._summaries: dict[str, TrialSummary] = {}
        self._messages: dict[str, dict[str, tuple[Trial, bool, bytes]]] = {}
        self._gone: set[str] = set()
        informer.add_handler(Handler(on_add=self._put, on_update=lambda old, new: self._put(new), on_delete=self._drop))

    def summary(self, uid: str) -> TrialSummary:
        """Return the picture of an Experiment's Trials as of now."""
        tally = self._tallies.get(uid)
        if tally is None:
            return TrialSummary()
        if uid not in self._summaries:
            self._summaries[uid] = tally.summary()
        return self._summaries[uid]

    def version(self, uid: str) -> int:
        """Return a number that changes when a Trial of the Experiment comes, goes or gets into another state."""
        tally = self._tallies.get(uid)
        return tally.version if tally is not None else 0

    def active(self, uid: str) -> list[Trial]:
        """Return the Trials that are not over."""
        return [trial.trial for trial in self.summary(uid).active]

    def framed_messages(self, experiment: Experiment, waiting: list[TrialAssignment], *, full: bool) -> Iterator[bytes]:
        """Yield every Trial that the algorithm is told of, serialised; each state of a Trial is converted once.

        ``waiting`` are assignments that have no Trial yet; who is sent the full history is told of them too (C-03).
        """
        tally = self._tallies.get(experiment.uid)
        known = self._messages.setdefault(experiment.uid, {})
        for trial in tally.trials() if tally is not None else ():
            if not is_sent(trial, full=full):
                continue
            entry = known.get(trial.name)
            if entry is None or entry[0] is not trial or entry[1] is not full:
                entry = known[trial.name] = (trial, full, framed_trial(to_trial_message(trial, full=full)))
            yield entry[2]
        for assignment in waiting if full else ():
            yield framed_trial(to_pending_message(assignment, experiment))

    def _put(self, trial: Trial) -> None:
        uid = _owner_of(trial)
        if uid:
            self._tallies.setdefault(uid, TrialTally()).put(trial)
            self._summaries.pop(uid, None)

    def _drop(self, trial: Trial) -> None:
        uid = _owner_of(trial)
        tally = self._tallies.get(uid)
        if tally is None:
            return
        tally.drop(trial.name)
        self._summaries.pop(uid, None)
        self._messages.get(uid, {}).pop(trial.name, None)
        if uid in self._gone:
            self.forget(uid)

    def forget(self, uid: str) -> None:
        """An Experiment is gone; its tally goes with its last Trial."""
        tally = self._tallies.get(uid)
        if tally is not None and len(tally):
            self._gone.add(uid)
            return
        self._gone.discard(uid)
        for kept in (self._tallies, self._summaries, self._messages):
            kept.pop(uid, None)


def _owner_of(trial: Trial) -> str:
    owner = trial.controller_owner
    return owner.uid if owner is not None and owner.kind == EXPERIMENTS.kind else ""
