"""Wires the controllers together and runs them: caches, queues, questions, servers, and their orderly end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from katib_apis.v1beta1 import defaults
from katib_apis.v1beta1.models import ControllerConfig, Experiment, Suggestion, Trial
from katib_apis.v1beta1.names import COMPONENT_EXPERIMENT_CONTROLLER as EXPERIMENT_COMPONENT
from katib_apis.v1beta1.names import COMPONENT_SUGGESTION_CONTROLLER as SUGGESTION_COMPONENT
from katib_apis.v1beta1.names import COMPONENT_TRIAL_CONTROLLER as TRIAL_COMPONENT
from katib_apis.v1beta1.resources import EXPERIMENTS, SUGGESTIONS, TRIALS
from katib_client.v1beta1.experiment import new_experiment_informer
from katib_client.v1beta1.suggestion import new_suggestion_informer
from katib_client.v1beta1.trial import new_trial_informer
from katib_controller.channels import Channels
from katib_controller.configuration import LiveConfig
from katib_controller.experiment.controller import ExperimentController
from katib_controller.metrics import Metrics
from katib_controller.options import Options
from katib_controller.reconciler import Reconciler
from katib_controller.suggestion.answer import Answers
from katib_controller.suggestion.controller import SuggestionController
from katib_controller.suggestion.desired import algorithm_of
from katib_controller.suggestion.observe import Setup
from katib_controller.trial.controller import TrialController
from katib_controller.trial.kinds import TrialKinds
from katib_controller.trial.ledger import Ledger
from katib_controller.trial.observation_log import ObservationLog
from katib_controller.trial.observe import TrialObserver
from katib_controller.trial_book import TrialBook
from katib_domain.naming import suggestion_endpoint
from katib_machinery.act import ActContext
from katib_machinery.clock import Clock, SystemClock
from katib_machinery.cluster import Cluster
from katib_machinery.events import EventRecorder
from katib_machinery.informer import Handler, SharedInformer
from katib_machinery.objects import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    PERSISTENT_VOLUME_CLAIMS,
    SERVICES,
    ObjectKey,
    Resource,
    Unstructured,
)
from katib_machinery.questions import Answerer
from katib_machinery.throttle import ThrottledTransport
from katib_machinery.transport import Transport
from katib_machinery.workqueue import WorkQueue

log = logging.getLogger(__name__)

FAREWELL_SECONDS = 5.0
# An Experiment's status is for people; a Suggestion's spec and status are what the next trials wait for.
PAUSES = {EXPERIMENTS: 1.0, SUGGESTIONS: 0.1}


class Program:
    """The three controllers of one process, over one set of caches."""

    def __init__(self, transport: Transport, options: Options, clock: Clock | None = None) -> None:
        self.options = options
        clock = clock or SystemClock()
        self.channels = Channels()
        self.metrics = Metrics()
        limited = limited_transport(transport, options.controller, clock)
        self.cluster = Cluster(limited, clock=clock, paced=PAUSES)
        self.recorders: list[EventRecorder] = []
        self._register_informers()
        self.kinds = TrialKinds(self.cluster, options.trial_resources, options.namespace)
        self.book = TrialBook(self._informer(TRIALS))
        ledger = Ledger(self.cluster, options.core_namespace)
        self.rows = ObservationLog(self.channels, options.db_manager, self.cluster.clock, ledger)
        self.config = LiveConfig(self.cluster, options.core_namespace)
        calls = options.controller.algorithm_calls or defaults.CONTROLLER_CONFIG_ALGORITHM_CALLS
        self.answers = Answers(self.channels, self.book, self.cluster.clock, calls=calls)
        self.trial = self._trial_controller()
        self.reconcilers: tuple[Reconciler, ...] = (
            self._experiment_controller(),
            self._suggestion_controller(),
            self.trial,
        )

    def _register_informers(self) -> None:
        transport, namespace = self.cluster.transport, self.options.namespace
        self.cluster.register(new_experiment_informer(transport, on_bad=_bad(EXPERIMENTS.kind), namespace=namespace))
        self.cluster.register(new_suggestion_informer(transport, on_bad=_bad(SUGGESTIONS.kind), namespace=namespace))
        self.cluster.register(new_trial_informer(transport, on_bad=_bad(TRIALS.kind), namespace=namespace))
        for resource in (DEPLOYMENTS, SERVICES, PERSISTENT_VOLUME_CLAIMS):
            self.cluster.register(_native_informer(transport, resource, namespace))
        self.cluster.register(_native_informer(transport, CONFIG_MAPS, self.options.core_namespace))

    def _informer(self, resource: Resource) -> SharedInformer[Any]:
        informer = self.cluster.informer(resource)
        assert informer is not None
        return informer

    def _context(self, owner: Resource, component: str, ask: Answerer | None = None) -> ActContext:
        recorder = EventRecorder(self.cluster.transport, component, self.cluster.clock)
        self.recorders.append(recorder)
        queue: WorkQueue[ObjectKey] = WorkQueue(self.cluster.clock)
        return ActContext(self.cluster, owner, queue, recorder, ask=ask)

    def _experiment_controller(self) -> ExperimentController:
        workers = self.options.controller.experiment_workers or defaults.CONTROLLER_CONFIG_EXPERIMENT_WORKERS
        return ExperimentController(self._context(EXPERIMENTS, EXPERIMENT_COMPONENT), self.book, workers=workers)

    def _suggestion_controller(self) -> SuggestionController:
        controller = self.options.controller
        setup = Setup(self.options.db_manager, probes=controller.enable_grpc_probe_in_suggestion is not False)
        context = self._context(SUGGESTIONS, SUGGESTION_COMPONENT, self.answers.answer)
        workers = controller.suggestion_workers or defaults.CONTROLLER_CONFIG_SUGGESTION_WORKERS
        return SuggestionController(context, self.book, self.config, self.answers, setup, workers=workers)

    def _trial_controller(self) -> TrialController:
        context = self._context(TRIALS, TRIAL_COMPONENT, self.rows.answer)
        observer = TrialObserver(self.cluster, self.config, self.kinds, self.rows)
        workers = self.options.controller.trial_workers or defaults.CONTROLLER_CONFIG_TRIAL_WORKERS
        return TrialController(context, self.book, observer, workers=workers)

    async def follow(self) -> None:
        """Keep the caches filled until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.cluster.run())
            tasks.create_task(self.kinds.run(self.trial.follow_jobs))

    async def work(self) -> None:
        """Reconcile until cancelled; begins when the caches hold everything."""
        await self.cluster.wait_synced()
        experiments: SharedInformer[Experiment] = self._informer(EXPERIMENTS)
        trials: SharedInformer[Trial] = self._informer(TRIALS)
        suggestions: SharedInformer[Suggestion] = self._informer(SUGGESTIONS)
        self.metrics.follow(experiments, trials)
        experiments.add_handler(Handler(on_delete=lambda experiment: self.book.forget(experiment.uid)))
        suggestions.add_handler(Handler(on_delete=self._on_suggestion_gone))
        async with asyncio.TaskGroup() as tasks:
            for recorder in self.recorders:
                tasks.create_task(recorder.run())
            tasks.create_task(self.rows.run_clean_up(lambda key: trials.indexer.get(key) is None))
            for reconciler in self.reconcilers:
                reconciler.follow()
                tasks.create_task(reconciler.run())
            log.info("the controllers work")

    def _on_suggestion_gone(self, suggestion: Suggestion) -> None:
        self.answers.forget(suggestion.uid)
        endpoint = suggestion_endpoint(suggestion.name, algorithm_of(suggestion), suggestion.namespace)
        self.channels.drop_later(endpoint)

    async def close(self) -> None:
        """End in order: no new turns, what waits to be written is written, questions are broken off."""
        for reconciler in self.reconcilers:
            reconciler.queue.shut_down()
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self.cluster.pens.drain()
        except TimeoutError:
            log.warning("the last writes took too long and were given up")
        for reconciler in self.reconcilers:
            await reconciler.context.questions.close()
        await self.channels.close()


def limited_transport(transport: Transport, config: ControllerConfig, clock: Clock) -> Transport:
    """Hold requests back as clientQPS and clientBurst say (CTL-7); without clientQPS there is no limit."""
    if not config.client_qps:
        return transport
    burst = config.client_burst or defaults.CONTROLLER_CONFIG_CLIENT_BURST
    return ThrottledTransport(transport, float(config.client_qps), burst, clock)


@asynccontextmanager
async def running(tasks: Iterable[Callable[[], Any]]) -> AsyncIterator[list["asyncio.Task[Any]"]]:
    """Run coroutines beside the block and cancel them when it is left."""
    started = [asyncio.ensure_future(task()) for task in tasks]
    try:
        yield started
    finally:
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)


def _bad(kind: str) -> Callable[[Exception, object], None]:
    """Tell the operator of an object that cannot be read; the others of its kind go on."""

    def report(error: Exception, raw: object) -> None:
        metadata = raw.get("metadata") if isinstance(raw, dict) else None
        name = metadata.get("name") if isinstance(metadata, dict) else "?"
        log.error("%s %s cannot be read and is passed over: %s", kind, name, error)

    return report


def _native_informer(transport: Transport, resource: Resource, namespace: str | None) -> SharedInformer[Unstructured]:
    return SharedInformer(transport, resource, Unstructured.from_dict, _bad(resource.kind), namespace=namespace)
