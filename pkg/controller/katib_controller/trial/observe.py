"""What is the world of a Trial? Reads only: caches first, the API and the observation log where nothing else tells."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from katib_apis.v1beta1 import defaults, names
from katib_apis.v1beta1.enums import TrialConditionType
from katib_apis.v1beta1.models import Experiment, Trial
from katib_apis.v1beta1.resources import EXPERIMENTS
from katib_controller.configuration import LiveConfig
from katib_controller.ownership import is_controlled_by
from katib_controller.trial.decide import Rows, World, verdict_of, wants_observation
from katib_controller.trial.desired import run_spec_of
from katib_controller.trial.kinds import TrialKinds
from katib_controller.trial.observation_log import ObservationLog
from katib_domain.conditions import is_completed, is_in
from katib_domain.job_status import JobPhase
from katib_machinery.cluster import Cluster
from katib_machinery.objects import EVENTS, PODS, Unstructured
from katib_machinery.transport import ApiError

# A job that has no running pod for longer than this is worth a look at its pods and events.
IDLE: Final = timedelta(seconds=10)


class TrialObserver:
    """Fills the world of one Trial after the other."""

    def __init__(self, cluster: Cluster, config: LiveConfig, kinds: TrialKinds, rows: ObservationLog) -> None:
        self._cluster = cluster
        self._config = config
        self._kinds = kinds
        self._rows = rows

    async def observe(self, trial: Trial, now: datetime) -> World:
        """Fill the world that a decision about this Trial looks at."""
        limit = self._config.runtime().metrics_timeout_seconds
        world = World(
            trial,
            experiment=self._experiment_of(trial),
            rows_left=trial.key in self._rows.undeleted,
            metrics_limit=timedelta(
                seconds=defaults.RUNTIME_CONFIG_METRICS_TIMEOUT_SECONDS if limit is None else limit
            ),
        )
        if trial.deletion_timestamp is not None:
            return world
        world = await self._with_job(world)
        if world.job is None or not is_controlled_by(world.job, trial):
            return await self._with_rows(world) if is_in(trial, TrialConditionType.EARLY_STOPPED) else world
        verdict = verdict_of(trial, world.job)
        if is_in(trial, TrialConditionType.EARLY_STOPPED) or verdict.phase is JobPhase.SUCCEEDED:
            return await self._with_rows(world)
        if verdict.phase is JobPhase.FAILED and not is_completed(trial):
            return await self._with_pods(world)
        return await self._with_hindrances(world, world.job, now)

    def _experiment_of(self, trial: Trial) -> Experiment | None:
        owner = trial.controller_owner
        if owner is None or owner.kind != EXPERIMENTS.kind:
            return None
        experiment: Experiment | None = self._cluster.cached(EXPERIMENTS, trial.key._replace(name=owner.name))
        return experiment if experiment is not None and experiment.uid == owner.uid else None

    async def _with_job(self, world: World) -> World:
        run_spec = run_spec_of(world.trial)
        if not run_spec:
            return replace(world, job_problem="the Trial has no runSpec", watched=False)
        kind = await self._kinds.find(str(run_spec.get("apiVersion") or ""), str(run_spec.get("kind") or ""))
        if kind.resource is None:
            return replace(world, job_problem=kind.problem, watched=False)
        world = replace(world, resource=kind.resource, watched=kind.watched)
        if kind.watched:
            return replace(world, job=self._cluster.cached(kind.resource, world.trial.key))
        try:
            job = await self._cluster.client(kind.resource).get(*world.trial.key)
        except ApiError as error:
            return world if error.not_found else replace(world, job_problem=str(error))
        return replace(world, job=job)

    async def _with_rows(self, world: World) -> World:
        """Read what was reported; if that is nothing, also the pods, which know why."""
        if not wants_observation(world.trial):
            return world
        rows = await self._rows.read(world.trial)
        world = replace(world, rows=rows)
        if isinstance(rows, Rows) and not any(row.metric.value != names.VALUE_UNAVAILABLE for row in rows.logs):
            return await self._with_pods(world)
        return world

    async def _with_pods(self, world: World) -> World:
        selector = f"{names.LABEL_TRIAL}={world.trial.name}"
        try:
            pods = await self._cluster.client(PODS).list(world.trial.namespace, label_selector=selector)
        except ApiError:
            # Without permission to look, the decision has to do without.
            return world
        return replace(world, pods=tuple(pods))

    async def _with_hindrances(self, world: World, job: Unstructured, now: datetime) -> World:
        """Look for what keeps a running job from running, and for what its retries failed of (CTL-10, CTL-11)."""
        status: dict[str, Any] = job.raw.get("status") or {}
        started_at = job.creation_timestamp or now
        if job.kind != "Job" or is_completed(world.trial):
            return world
        if not status.get("ready") and now - started_at >= IDLE:
            world = await self._with_pods(world)
            if not world.pods:
                world = replace(world, creation_errors=await self._creation_errors(job))
        elif status.get("failed"):
            world = await self._with_pods(world)
        return world

    async def _creation_errors(self, job: Unstructured) -> tuple[str, ...]:
        """Return the latest word of the Job controller on pods that it could not create."""
        try:
            events = await self._cluster.client(EVENTS).list(job.namespace)
        except ApiError:
            return ()
        failed = [
            (event.raw.get("lastTimestamp") or event.raw.get("eventTime") or "", event.raw.get("message") or "")
            for event in events
            if event.raw.get("reason") == "FailedCreate"
            and (event.raw.get("involvedObject") or {}).get("uid") == job.uid
        ]
        return (max(failed)[1],) if failed else ()
