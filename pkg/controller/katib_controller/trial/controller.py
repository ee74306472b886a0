"""When do we look at a Trial?"""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from katib_apis.v1beta1.models import Trial
from katib_apis.v1beta1.resources import EXPERIMENTS, TRIALS
from katib_controller.reconciler import Reconciler
from katib_controller.trial.decide import decide
from katib_controller.trial.desired import run_spec_of
from katib_controller.trial.observe import TrialObserver
from katib_controller.trial_book import TrialBook
from katib_controller.watching import Watch, follow, itself, owned
from katib_domain.conditions import is_completed
from katib_machinery.act import ActContext
from katib_machinery.objects import KubeObject, ObjectKey, Resource
from katib_machinery.plan import Plan


class TrialController(Reconciler):
    """Moves every Trial from its job's start to its value."""

    name: ClassVar[str] = "trial"

    def __init__(self, context: ActContext, book: TrialBook, observer: TrialObserver, *, workers: int) -> None:
        super().__init__(context, workers=workers)
        self.book = book
        self.observer = observer

    @property
    def watches(self) -> Iterable[Watch]:
        """Itself, and the end of its Experiment; the kinds of jobs follow as the server has them."""
        return (itself(TRIALS), Watch(EXPERIMENTS, self._leftovers))

    def follow_jobs(self, resource: Resource) -> None:
        """Look at a Trial when its job of this kind changes."""
        follow(self.cluster, owned(resource, TRIALS.kind), self.queue)

    def _leftovers(self, experiment: KubeObject) -> Iterable[ObjectKey]:
        """The Trials that are still active when their Experiment is over (CTL-8)."""
        if not is_completed(experiment):  # type: ignore[arg-type]
            return ()
        return [trial.key for trial in self.book.active(experiment.uid)]

    async def plan(self, owner: Trial) -> Plan:
        """Observe and decide."""
        now = self.clock.now()
        world = await self.observer.observe(owner, now)
        kind = str(run_spec_of(owner).get("kind") or "")
        world = replace(
            world,
            asking=self.context.questions.pending(owner.key),
            trouble=self.troubles.tell(owner.key),
            refused=self.troubles.refusal(owner.key, kind) if world.job is None else "",
        )
        return decide(world, now)
