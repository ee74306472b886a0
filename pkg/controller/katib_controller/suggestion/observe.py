"""What is the world of a Suggestion? Reads only, and only from caches and memory."""

from dataclasses import dataclass
from datetime import datetime

from katib_apis.v1beta1 import defaults
from katib_apis.v1beta1.enums import TrialHistory
from katib_apis.v1beta1.models import EarlyStoppingConfig, Experiment, Suggestion, SuggestionConfig
from katib_apis.v1beta1.resources import EXPERIMENTS
from katib_controller.configuration import LiveConfig
from katib_controller.ownership import is_controlled_by
from katib_controller.suggestion.decide import Children, World
from katib_controller.suggestion.desired import algorithm_of, child_name, stops_early
from katib_controller.suggestion.question import Present, Service
from katib_controller.trial_book import TrialBook
from katib_domain.katib_config import KatibConfigError, early_stopping_address, early_stopping_config, suggestion_config
from katib_domain.naming import suggestion_endpoint
from katib_machinery.cluster import Cluster
from katib_machinery.objects import DEPLOYMENTS, PERSISTENT_VOLUME_CLAIMS, SERVICES, KubeObject, ObjectKey, Resource


@dataclass(frozen=True)
class Setup:
    """What stays the same as long as the program runs."""

    db_manager: str
    probes: bool = True


@dataclass(frozen=True)
class Asked:
    """What is remembered of the questions about one Suggestion."""

    asking: bool = False
    short: tuple[int, int] | None = None
    not_before: datetime | None = None


def observe(
    cluster: Cluster, config: LiveConfig, book: TrialBook, suggestion: Suggestion, setup: Setup, asked: Asked
) -> World:
    """Fill the world that a decision about this Suggestion looks at."""
    experiment: Experiment | None = cluster.cached(EXPERIMENTS, suggestion.key)
    if experiment is not None and not is_controlled_by(suggestion, experiment):
        experiment = None
    entry, stopping, problem = _observe_config(config, suggestion)
    requests = (suggestion.spec.requests if suggestion.spec is not None else None) or 0
    uid = experiment.uid if experiment is not None else ""
    return World(
        suggestion=suggestion,
        experiment=experiment,
        config=entry,
        config_problem=problem,
        stopping=stopping,
        service=service_of(suggestion, entry, stopping, setup),
        children=_observe_children(cluster, suggestion),
        present=observe_present(book, uid),
        asking=asked.asking,
        short=asked.short == (book.version(uid), requests),
        not_before=asked.not_before,
        window=config.runtime().suggestion_window or defaults.RUNTIME_CONFIG_SUGGESTION_WINDOW,
        probes=setup.probes,
    )


def observe_present(book: TrialBook, uid: str) -> Present:
    """Say which Trials an Experiment has now."""
    summary = book.summary(uid)
    return Present(names=summary.names, active=len(summary.active), version=book.version(uid))


def _observe_config(
    config: LiveConfig, suggestion: Suggestion
) -> tuple[SuggestionConfig | None, EarlyStoppingConfig | None, str]:
    try:
        whole = config.get()
        entry = suggestion_config(whole, algorithm_of(suggestion))
        stopping = None
        if stops_early(suggestion) and suggestion.spec is not None and suggestion.spec.early_stopping is not None:
            stopping = early_stopping_config(whole, suggestion.spec.early_stopping.algorithm_name or "")
    except KatibConfigError as error:
        return None, None, str(error)
    return entry, stopping, ""


def service_of(
    suggestion: Suggestion, entry: SuggestionConfig | None, stopping: EarlyStoppingConfig | None, setup: Setup
) -> Service:
    """Say where the algorithm is served: by a shared service, or by the Experiment's own (CTL-29)."""
    algorithm, shared = algorithm_of(suggestion), (entry.endpoint if entry is not None else None) or ""
    stopping_endpoint = early_stopping_address(suggestion, entry, stopping)
    return Service(
        endpoint=shared or suggestion_endpoint(suggestion.name, algorithm, suggestion.namespace),
        timeout=float(
            (entry.timeout_seconds if entry is not None else None) or defaults.SUGGESTION_CONFIG_TIMEOUT_SECONDS
        ),
        full_history=entry is not None and entry.trial_history == TrialHistory.FULL,
        early_stopping_endpoint=stopping_endpoint if stops_early(suggestion) else "",
        early_stopping_timeout=float(
            (stopping.timeout_seconds if stopping is not None else None)
            or defaults.EARLY_STOPPING_CONFIG_TIMEOUT_SECONDS
        ),
        db_manager=setup.db_manager,
    )


def _observe_children(cluster: Cluster, suggestion: Suggestion) -> Children:
    key = ObjectKey(suggestion.namespace, child_name(suggestion))

    def child(resource: Resource) -> KubeObject | None:
        found: KubeObject | None = cluster.cached(resource, key)
        return found

    return Children(child(DEPLOYMENTS), child(SERVICES), child(PERSISTENT_VOLUME_CLAIMS))  # type: ignore[arg-type]
