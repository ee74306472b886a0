"""What Prometheus is told (resources.md §11).

Counters rise on transitions that a cache has seen, which our own writes reach at once; so each transition counts once,
whoever wrote it. Gauges are read from the caches when they are asked for.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import prometheus_client
from prometheus_client.core import GaugeMetricFamily

from katib_apis.v1beta1 import names, resources
from katib_apis.v1beta1.enums import ExperimentConditionType, TrialConditionType
from katib_apis.v1beta1.models import Experiment, Trial
from katib_domain.conditions import ConditionType, conditions_of, has_condition, last_type
from katib_machinery.informer import Handler, SharedInformer

T = TypeVar("T", Experiment, Trial)


@dataclass(frozen=True)
class _Names:
    """Metrics of one kind; ``ends`` by the type of the condition that they count."""

    kind: str
    finalizer: str
    created: str
    deleted: str
    current: str
    ends: Mapping[ConditionType, str]


_EXPERIMENT: Final = _Names(
    resources.EXPERIMENTS.kind,
    names.FINALIZER_EXPERIMENT,
    names.METRIC_EXPERIMENT_CREATED,
    names.METRIC_EXPERIMENT_DELETED,
    names.METRIC_EXPERIMENTS_CURRENT,
    {
        ExperimentConditionType.SUCCEEDED: names.METRIC_EXPERIMENT_SUCCEEDED,
        ExperimentConditionType.FAILED: names.METRIC_EXPERIMENT_FAILED,
    },
)
_TRIAL: Final = _Names(
    resources.TRIALS.kind,
    names.FINALIZER_TRIAL,
    names.METRIC_TRIAL_CREATED,
    names.METRIC_TRIAL_DELETED,
    names.METRIC_TRIALS_CURRENT,
    {
        TrialConditionType.SUCCEEDED: names.METRIC_TRIAL_SUCCEEDED,
        TrialConditionType.FAILED: names.METRIC_TRIAL_FAILED,
        TrialConditionType.METRICS_UNAVAILABLE: names.METRIC_TRIAL_METRICS_UNAVAILABLE,
        TrialConditionType.EARLY_STOPPED: names.METRIC_TRIAL_EARLY_STOPPED,
    },
)


class Metrics:
    """Counts what happens to Experiments and Trials, from when it is told to follow them."""

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()

    def follow(self, experiments: SharedInformer[Experiment], trials: SharedInformer[Trial]) -> None:
        """Count from now on. The caches must be synced, so that what is there already is not counted as new."""
        self._follow(_EXPERIMENT, experiments)
        self._follow(_TRIAL, trials)
        self.registry.register(_Current(_EXPERIMENT, experiments))
        self.registry.register(_Current(_TRIAL, trials))

    def _counter(self, name: str, words: str) -> prometheus_client.Counter:
        return prometheus_client.Counter(name, words, ["namespace"], registry=self.registry)

    def _follow(self, metric: _Names, informer: SharedInformer[T]) -> None:
        created = self._counter(metric.created, f"{metric.kind}s that got their finalizer.")
        deleted = self._counter(metric.deleted, f"{metric.kind}s that were deleted.")
        ends = {end: self._counter(name, f"{metric.kind}s that became {end}.") for end, name in metric.ends.items()}
        known = {key: None for key in informer.indexer.keys()}

        def on_add(obj: T) -> None:
            # The handler is told of what is there already; that was counted by an earlier process.
            if obj.key in known:
                del known[obj.key]
            elif metric.finalizer in obj.finalizers:
                created.labels(obj.namespace).inc()

        def on_update(old: T, new: T) -> None:
            if metric.finalizer in new.finalizers and metric.finalizer not in old.finalizers:
                created.labels(new.namespace).inc()
            if old.status is new.status:
                return
            for end, counter in ends.items():
                if has_condition(conditions_of(new), end) and not has_condition(conditions_of(old), end):
                    counter.labels(new.namespace).inc()

        def on_delete(obj: T) -> None:
            known.pop(obj.key, None)
            deleted.labels(obj.namespace).inc()

        informer.add_handler(Handler(on_add, on_update, on_delete))

    def render(self) -> bytes:
        """Return what is served at /metrics."""
        return prometheus_client.generate_latest(self.registry)


class _Current:
    """How many objects are in which state now."""

    def __init__(self, metric: _Names, informer: SharedInformer[Experiment] | SharedInformer[Trial]) -> None:
        self._metric = metric
        self._informer = informer

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Count the cache."""
        objects: Sequence[Experiment | Trial] = self._informer.indexer.list()
        states = Tally((obj.namespace, last_type(conditions_of(obj)) or "Unknown") for obj in objects)
        words = f"{self._metric.kind}s that there are, by the type of their last condition."
        family = GaugeMetricFamily(self._metric.current, words, labels=["namespace", "status"])
        for labels, number in sorted(states.items()):
            family.add_metric(labels, number)
        yield family

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Name the metric without counting."""
        return ()
