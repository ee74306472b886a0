"""When do we look at an Experiment?"""

from collections.abc import Iterable
from typing import ClassVar

from katib_apis.v1beta1.models import Experiment
from katib_apis.v1beta1.resources import EXPERIMENTS, SUGGESTIONS, TRIALS
from katib_controller.experiment.decide import decide
from katib_controller.experiment.observe import observe
from katib_controller.reconciler import Reconciler
from katib_controller.trial_book import TrialBook
from katib_controller.watching import Watch, itself, owned
from katib_machinery.act import ActContext
from katib_machinery.plan import Plan


class ExperimentController(Reconciler):
    """Moves every Experiment one step towards its goal."""

    name: ClassVar[str] = "experiment"

    def __init__(self, context: ActContext, book: TrialBook, *, workers: int) -> None:
        super().__init__(context, workers=workers)
        self.book = book

    @property
    def watches(self) -> Iterable[Watch]:
        """Itself, and what it owns."""
        return (itself(EXPERIMENTS), owned(TRIALS, EXPERIMENTS.kind), owned(SUGGESTIONS, EXPERIMENTS.kind))

    async def plan(self, owner: Experiment) -> Plan:
        """Observe and decide."""
        world = await observe(self.cluster, self.book, owner, self.troubles.tell(owner.key))
        return decide(world, self.clock.now())
