"""When do we look at a Suggestion?"""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from katib_apis.v1beta1.models import Suggestion
from katib_apis.v1beta1.resources import EXPERIMENTS, SUGGESTIONS, TRIALS
from katib_controller.configuration import LiveConfig
from katib_controller.reconciler import Reconciler
from katib_controller.suggestion.answer import Answers
from katib_controller.suggestion.decide import decide
from katib_controller.suggestion.observe import Setup, observe
from katib_controller.trial_book import TrialBook
from katib_controller.watching import Watch, itself, owned
from katib_domain.conditions import is_completed
from katib_machinery.act import ActContext
from katib_machinery.objects import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    PERSISTENT_VOLUME_CLAIMS,
    SERVICES,
    KubeObject,
    ObjectKey,
)
from katib_machinery.plan import Plan


class SuggestionController(Reconciler):
    """Keeps an algorithm service at hand for every Suggestion, and stores what it suggests."""

    name: ClassVar[str] = "suggestion"
    error_text: ClassVar[str] = "{}"

    def __init__(
        self,
        context: ActContext,
        book: TrialBook,
        config: LiveConfig,
        answers: Answers,
        setup: Setup,
        *,
        workers: int,
    ) -> None:
        super().__init__(context, workers=workers)
        self.book = book
        self.config = config
        self.answers = answers
        self.setup = setup

    @property
    def watches(self) -> Iterable[Watch]:
        """Itself, its children, and, which have its name, its Experiment and that one's Trials."""
        return (
            itself(SUGGESTIONS),
            itself(EXPERIMENTS),
            owned(TRIALS, EXPERIMENTS.kind),
            owned(DEPLOYMENTS, SUGGESTIONS.kind),
            owned(SERVICES, SUGGESTIONS.kind),
            owned(PERSISTENT_VOLUME_CLAIMS, SUGGESTIONS.kind),
            Watch(CONFIG_MAPS, self._unfinished),
        )

    def _unfinished(self, config_map: KubeObject) -> Iterable[ObjectKey]:
        """A new KatibConfig concerns whoever still works."""
        informer = self.cluster.informer(SUGGESTIONS)
        if informer is None or config_map.key != self.config.key:
            return ()
        return [suggestion.key for suggestion in informer.indexer.list() if not is_completed(suggestion)]

    async def plan(self, owner: Suggestion) -> Plan:
        """Observe and decide."""
        asked = self.answers.asked(owner.uid, asking=self.context.questions.pending(owner.key))
        world = observe(self.cluster, self.config, self.book, owner, self.setup, asked)
        return decide(replace(world, trouble=self.troubles.tell(owner.key)), self.clock.now())
