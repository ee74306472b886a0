"""The three controllers together: over an API server in memory and services on real gRPC."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from katib_apis.v1beta1 import defaults, names
from katib_controller.options import parse_options
from katib_controller.program import Program, running
from katib_machinery.clock import ManualClock
from katib_machinery.transport import ApiError

CONFIG = """
apiVersion: config.kubeflow.org/v1beta1
kind: KatibConfig
runtime:
  suggestions:
    - algorithmName: random
      image: example/random
      endpoint: {endpoint}
      trialHistory: full
"""


INIT = """
apiVersion: config.kubeflow.org/v1beta1
kind: KatibConfig
init:
  controller:
    experimentWorkers: {workers[0]}
    suggestionWorkers: {workers[1]}
    trialWorkers: {workers[2]}
    clientQPS: {qps}
    clientBurst: 2
"""


class Cluster:
    """A running control plane, and somebody who finishes the jobs."""

    def __init__(self, api: Any, services: Any, build: Any, program: Program) -> None:
        self.api, self.services, self.build, self.program = api, services, build, program
        self.outcome: Callable[[dict[str, Any]], str | None] = lambda job: "Complete"
        self.value: Callable[[dict[str, Any]], str] = lambda job: rate_of(job)

    async def run_jobs(self) -> None:
        """Finish every job soon after it was created: report its rows, then set its condition."""
        while True:
            for job in self.api.all("jobs"):
                if (job.get("status") or {}).get("conditions"):
                    continue
                outcome = self.outcome(job)
                if outcome is None:
                    continue
                key = (job["metadata"]["namespace"], job["metadata"]["name"])
                if outcome == "Complete":
                    self.services.rows.rows[key] = list(self.build.rows(self.value(job)))
                condition = self.build.condition(outcome, reason="Because", message="so it is")
                self.api.change("jobs", key[1], {"status": {"conditions": [condition]}}, key[0])
            await asyncio.sleep(0.01)

    async def until(self, fact: Callable[[], Any], seconds: float = 20) -> Any:
        """Wait for a fact."""
        async with asyncio.timeout(seconds):
            while not (found := fact()):  # noqa: ASYNC110 - the fact may be anybody's
                await asyncio.sleep(0.01)
        return found

    def experiment(self, name: str = "exp") -> dict[str, Any]:
        return self.api.get("experiments", name) or {}

    def condition(self, name: str = "exp", plural: str = "experiments") -> dict[str, Any]:
        raw = self.api.get(plural, name) or {}
        return ((raw.get("status") or {}).get("conditions") or [{}])[-1]

    async def until_over(self, name: str = "exp") -> dict[str, Any]:
        await self.until(lambda: self.condition(name).get("type") in ("Succeeded", "Failed"))
        return self.experiment(name)


class Storm:
    """A way to an API server on which requests fail, and answers get lost after the request was carried out."""

    def __init__(self, api: Any, dice: random.Random, share: float) -> None:
        self._api, self._dice, self._share = api, dice, share
        self.faults = 0

    async def request(self, method: str, path: str, **kwargs: Any) -> bytes:
        fault = self._dice.random() / self._share
        if fault < 0.5:
            self.faults += 1
            raise ApiError(503, "ServiceUnavailable", "the storm took the request")
        answer: bytes = await self._api.request(method, path, **kwargs)
        if fault < 1:
            self.faults += 1
            raise ConnectionResetError("the storm took the answer")
        return answer

    def stream(self, path: str, **kwargs: Any) -> AsyncIterator[bytes]:
        stream: AsyncIterator[bytes] = self._api.stream(path, **kwargs)
        return stream


def rate_of(job: dict[str, Any]) -> str:
    return job["spec"]["template"]["spec"]["containers"][0]["command"][1]


@pytest.fixture
def start(memory_api: Any, services: Any, build: Any) -> Callable[..., Any]:
    """Start the control plane over the API server in memory."""

    @asynccontextmanager
    async def starting(
        config: str = CONFIG, transport: Any = memory_api, arguments: Sequence[str] = ()
    ) -> AsyncIterator[Cluster]:
        host, _, port = services.address.rpartition(":")
        environ = {
            names.ENV_DB_MANAGER_HOST: host,
            names.ENV_DB_MANAGER_PORT: port,
            names.ENV_DB_MANAGER_NAMESPACE: "",
        }
        text = config.format(endpoint=services.address)
        metadata = {"name": names.OBJECT_CONFIG_MAP, "namespace": "kubeflow"}
        if memory_api.get("configmaps", names.OBJECT_CONFIG_MAP, "kubeflow") is None:
            memory_api.put("configmaps", {"metadata": metadata, "data": {names.OBJECT_CONFIG_KEY: text}})
        program = Program(transport, parse_options(arguments, environ))
        cluster = Cluster(memory_api, services, build, program)
        async with running((program.follow, program.work, cluster.run_jobs)):
            yield cluster
        await program.close()

    return starting


async def test_an_experiment_runs_to_its_last_trial(start: Any, build: Any) -> None:
    async with start() as cluster:
        cluster.api.put("experiments", build.experiment_dict())
        experiment = await cluster.until_over()
        status = experiment["status"]
        assert cluster.condition()["reason"] == "ExperimentMaxTrialsReached"
        assert (status["trials"], status["trialsSucceeded"]) == (12, 12)
        assert status["currentOptimalTrial"]["observation"]["metrics"][0]["max"] == "0.012"
        assert len(cluster.api.all("trials")) == 12
        suggestion = await cluster.until(lambda: cluster.condition("exp", "suggestions")["type"] == "Succeeded")
        assert suggestion
        assert cluster.api.get("suggestions", "exp")["status"]["suggestionCount"] == 12
        await cluster.until(lambda: not cluster.api.all("jobs"))


async def test_a_trial_costs_few_requests_and_no_conflict(start: Any, build: Any) -> None:
    """prototypes/control-plane-speed.md: at most 10 requests per Trial at parallel 10, own conflicts 0."""
    async with start() as cluster:
        cluster.api.put("experiments", build.experiment_dict(parallelTrialCount=10, maxTrialCount=60))
        await cluster.until_over()
        await cluster.until(lambda: not cluster.api.all("jobs"))
        await asyncio.gather(*(recorder.wait_drained() for recorder in cluster.program.recorders))
        spent = [(method, path) for method, path in cluster.api.requests if method != "GET"]
        reads = [path for method, path in cluster.api.requests if method == "GET" and "/trials" not in path]
        assert cluster.api.conflicts == 0
        assert len(spent) <= 10 * 60, f"{len(spent)} writes"
        assert len(reads) < 20
        assert cluster.api.get("suggestions", "exp")["status"]["suggestionCount"] == 60


async def test_a_finite_search_ends_by_itself(start: Any, build: Any) -> None:
    """CTL-5."""
    async with start() as cluster:
        cluster.services.algorithm.points = 5
        cluster.api.put("experiments", build.experiment_dict())
        experiment = await cluster.until_over()
        assert cluster.condition()["reason"] == "ExperimentSuggestionEndReached"
        assert experiment["status"]["trials"] == 5


async def test_a_refused_experiment_fails_with_the_algorithms_words(start: Any, build: Any) -> None:
    """CTL-18, GRPC-5."""
    async with start() as cluster:
        cluster.services.algorithm.refusal = (grpc.StatusCode.INVALID_ARGUMENT, "no such setting")
        cluster.api.put("experiments", build.experiment_dict())
        experiment = await cluster.until_over()
        message = cluster.condition()["message"]
        assert message.startswith("Suggestion has failed: Validation failed: ValidateAlgorithmSettings Error")
        assert message.endswith("no such setting")
        assert experiment["status"]["completionTime"]


async def test_failing_jobs_fail_trials_and_then_the_experiment(start: Any, build: Any) -> None:
    async with start() as cluster:
        cluster.outcome = lambda job: "Failed"
        cluster.api.put("experiments", build.experiment_dict(maxFailedTrialCount=2))
        await cluster.until_over()
        message = cluster.condition()["message"]
        assert message.startswith("Experiment has failed because max failed count has reached")
        assert "Job message: so it is" in message


async def test_a_goal_that_is_reached_kills_what_still_runs(start: Any, build: Any) -> None:
    """CTL-8."""
    async with start() as cluster:
        cluster.outcome = lambda job: "Complete" if rate_of(job) == "0.002" else None
        objective = {**build.experiment_dict()["spec"]["objective"], "goal": 0.002}
        cluster.api.put("experiments", build.experiment_dict(objective=objective))
        await cluster.until_over()
        assert cluster.condition()["reason"] == "ExperimentGoalReached"
        await cluster.until(lambda: cluster.experiment()["status"].get("trialsKilled") == 2)
        await cluster.until(lambda: not cluster.api.all("jobs"))


async def test_deleted_trials_take_their_rows_along(start: Any, build: Any) -> None:
    """CTL-4, T2."""
    async with start() as cluster:
        cluster.api.put("experiments", build.experiment_dict(maxTrialCount=3))
        await cluster.until_over()
        cluster.api.delete("experiments", "exp")
        await cluster.until(lambda: not cluster.api.all("trials") and not cluster.api.all("experiments"))
        assert len(cluster.services.rows.deleted) == 3
        assert {namespace for namespace, _ in cluster.services.rows.deleted} == {"ns"}


async def test_fewer_parallel_trials_give_up_the_newest(start: Any, build: Any) -> None:
    """CTL-1."""
    async with start() as cluster:
        cluster.outcome = lambda job: None
        cluster.api.put("experiments", build.experiment_dict(parallelTrialCount=3))
        await cluster.until(lambda: cluster.experiment().get("status", {}).get("trialsRunning") == 3)
        cluster.api.change("experiments", "exp", {"spec": {"parallelTrialCount": 1}})
        await cluster.until(lambda: len(cluster.api.all("trials")) == 1)
        await cluster.until(lambda: cluster.api.get("suggestions", "exp")["status"]["suggestionCount"] == 1)
        cluster.outcome = lambda job: "Complete"
        experiment = await cluster.until_over()
        assert experiment["status"]["trials"] == 12


async def test_a_restarted_control_plane_goes_on(start: Any, build: Any) -> None:
    async with start() as cluster:
        cluster.outcome = lambda job: "Complete" if float(rate_of(job)) < 0.005 else None
        cluster.api.put("experiments", build.experiment_dict())
        await cluster.until(lambda: cluster.experiment().get("status", {}).get("trialsSucceeded") == 4)
    async with start() as cluster:
        experiment = await cluster.until_over()
        assert experiment["status"]["trials"] == experiment["status"]["trialsSucceeded"] == 12
        assert len(cluster.api.all("trials")) == 12


@pytest.mark.parametrize("seed", range(6))
async def test_no_storm_breaks_a_limit_or_uses_an_assignment_twice(
    start: Any, build: Any, memory_api: Any, seed: int
) -> None:
    """CTL-4, D-04: requests and answers get lost, jobs fail, the program is killed at any point and started again."""
    dice = random.Random(seed)
    most, parallel, active_at_most = 12, dice.choice([1, 3, 5]), 0

    def outcome(job: dict[str, Any]) -> str | None:
        nonlocal active_at_most
        trials = [trial for trial in memory_api.all("trials") if not over(trial)]
        active_at_most = max(active_at_most, len(trials))
        return dice.choice([None, None, "Complete", "Complete", "Failed"])

    def over(trial: dict[str, Any]) -> bool:
        conditions = (trial.get("status") or {}).get("conditions") or []
        return any(entry["type"] in ("Succeeded", "Failed") and entry["status"] == "True" for entry in conditions)

    def ended() -> bool:
        conditions = ((memory_api.get("experiments", "exp") or {}).get("status") or {}).get("conditions") or [{}]
        return conditions[-1].get("type") in ("Succeeded", "Failed")

    memory_api.put(
        "experiments",
        build.experiment_dict(parallelTrialCount=parallel, maxTrialCount=most, maxFailedTrialCount=most),
    )
    storm = Storm(memory_api, dice, share=0.2)
    while not ended():
        async with start(transport=storm) as cluster:
            cluster.outcome = outcome
            requests = len(memory_api.requests) + dice.randrange(40, 120)
            await cluster.until(lambda requests=requests: ended() or len(memory_api.requests) > requests)
    async with start() as cluster:
        await cluster.until(lambda: not memory_api.all("jobs"))
        trials = memory_api.all("trials")
        rates = [trial["spec"]["parameterAssignments"][0]["value"] for trial in trials]
        status = memory_api.get("experiments", "exp")["status"]
        await cluster.until(lambda: memory_api.get("experiments", "exp")["status"].get("trials") == len(trials))
        assert storm.faults > 0 and active_at_most <= parallel
        assert (
            len(trials) == len(set(rates)) == memory_api.get("suggestions", "exp")["status"]["suggestionCount"] == most
        )
        assert status["trialsSucceeded"] + status.get("trialsFailed", 0) == most


async def test_an_own_service_is_deployed_and_removed(start: Any, build: Any) -> None:
    """S4 to S8, RES-3."""
    config = CONFIG.replace("      endpoint: {endpoint}\n", "")
    async with start(config) as cluster:
        cluster.program.channels._channels["exp-random.ns:6789"] = cluster.program.channels.get(
            cluster.services.address
        )
        cluster.api.put("experiments", build.experiment_dict(maxTrialCount=3))
        deployment = await cluster.until(lambda: cluster.api.get("deployments", "exp-random"))
        service = await cluster.until(lambda: cluster.api.get("services", "exp-random"))
        assert service["spec"]["ports"][0]["port"] == 6789
        assert deployment["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
        await cluster.until(lambda: cluster.condition("exp", "suggestions").get("type") == "DeploymentReady")
        waiting = cluster.condition("exp", "suggestions")
        assert (waiting["status"], waiting["message"]) == ("False", "Deployment is not ready")
        available = build.condition("Available")
        cluster.api.change("deployments", "exp-random", {"status": {"conditions": [available]}})
        await cluster.until_over()
        await cluster.until(lambda: not cluster.api.all("deployments") and not cluster.api.all("services"))


async def test_a_refused_job_fails_its_trial_with_the_servers_words(start: Any, build: Any) -> None:
    async with start() as cluster:

        def refuse(method: str, path: str) -> ApiError | None:
            if method == "POST" and path.endswith("/jobs"):
                return ApiError(422, "Invalid", "spec.template is wrong", {"kind": "Job"})
            return None

        cluster.api.refuse = refuse
        cluster.api.put("experiments", build.experiment_dict(maxFailedTrialCount=1))
        await cluster.until_over()
        assert "spec.template is wrong" in cluster.condition()["message"]


async def test_a_quota_is_shown_as_a_stall_and_survived(start: Any, build: Any) -> None:
    """RES-10, CTL-20."""
    async with start() as cluster:
        quota = ApiError(403, "Forbidden", "exceeded quota")
        cluster.api.refuse = lambda method, path: quota if (method, path[-7:]) == ("POST", "/trials") else None
        cluster.api.put("experiments", build.experiment_dict(maxTrialCount=3))

        def stalled() -> list[dict[str, Any]]:
            conditions = (cluster.experiment().get("status") or {}).get("conditions") or []
            return [entry for entry in conditions if entry["type"] == "Stalled"]

        await cluster.until(stalled)
        assert "exceeded quota" in stalled()[0]["message"]
        assert cluster.condition()["type"] == "Created"
        cluster.api.refuse = lambda method, path: None
        await cluster.until_over()
        assert not stalled()


async def test_a_busy_algorithm_is_shown_and_waited_for(start: Any, build: Any) -> None:
    """RES-10, GRPC-5, CTL-18: what passes is no failure."""
    async with start() as cluster:
        cluster.services.algorithm.refusal = (grpc.StatusCode.UNAVAILABLE, "too busy")
        cluster.api.put("experiments", build.experiment_dict(maxTrialCount=3))

        def stalls() -> list[str]:
            conditions = (cluster.experiment().get("status") or {}).get("conditions") or []
            return [entry["message"] for entry in conditions if entry["type"] == "Stalled"]

        await cluster.until(stalls)
        assert "too busy" in stalls()[0]
        cluster.services.algorithm.refusal = None
        await cluster.until_over()
        assert cluster.condition()["type"] == "Succeeded" and not stalls()


@pytest.mark.parametrize("policy", ["LongRunning", "FromVolume"])
async def test_a_raised_budget_goes_on_where_it_stopped(start: Any, build: Any, policy: str) -> None:
    """§7, CTL-23."""
    async with start() as cluster:
        cluster.api.put("experiments", build.experiment_dict(maxTrialCount=3, resumePolicy=policy))
        await cluster.until_over()
        ended = cluster.condition("exp", "suggestions")["type"] if policy == "FromVolume" else "Succeeded"
        if policy == "FromVolume" and ended != "Succeeded":
            await cluster.until(lambda: cluster.condition("exp", "suggestions")["type"] == "Succeeded")
        cluster.api.change("experiments", "exp", {"spec": {"maxTrialCount": 5}})
        await cluster.until(lambda: cluster.experiment()["status"].get("trialsSucceeded") == 5)
        await cluster.until_over()
        conditions = {entry["type"]: entry["status"] for entry in cluster.experiment()["status"]["conditions"]}
        assert (conditions["Restarting"], conditions["Succeeded"]) == ("False", "True")
        assert len(cluster.api.all("trials")) == 5


async def test_a_trial_that_a_user_deletes_is_made_again_under_its_name(start: Any, build: Any) -> None:
    """§2.4."""
    async with start() as cluster:
        cluster.outcome = lambda job: None
        cluster.api.put("experiments", build.experiment_dict(maxTrialCount=3))
        await cluster.until(lambda: cluster.experiment().get("status", {}).get("trialsRunning") == 3)
        trial = cluster.api.all("trials")[0]["metadata"]
        cluster.api.delete("trials", trial["name"])

        def made_again() -> bool:
            found = cluster.api.get("trials", trial["name"])
            return found is not None and found["metadata"]["uid"] != trial["uid"]

        await cluster.until(made_again)
        cluster.outcome = lambda job: "Complete"
        await cluster.until_over()
        assert cluster.api.get("suggestions", "exp")["status"]["suggestionCount"] == 3


def a_start_file(folder: Path, workers: Sequence[int] = (1, 1, 1), qps: float = 0) -> list[str]:
    """The arguments that make the program start with these numbers."""
    path = folder / "katib-config.yaml"
    path.write_text(INIT.format(workers=workers, qps=qps))
    return [f"--katib-config={path}"]


async def test_an_algorithm_that_takes_its_time_holds_up_no_other_experiment(
    start: Any, build: Any, tmp_path: Path
) -> None:
    """CTL-7: even with one worker of each kind."""
    async with start(arguments=a_start_file(tmp_path)) as cluster:
        algorithm = cluster.services.algorithm
        algorithm.slow = "slow"
        cluster.api.put("experiments", build.experiment_dict("slow", maxTrialCount=3))
        await cluster.until(lambda: algorithm.requests)
        cluster.api.put("experiments", build.experiment_dict("quick", maxTrialCount=3))
        await cluster.until_over("quick")
        assert [request.experiment.name for request in algorithm.requests].count("slow") == 1
        assert {trial["metadata"]["labels"][names.LABEL_EXPERIMENT] for trial in cluster.api.all("trials")} == {"quick"}
        algorithm.hurry.set()
        await cluster.until_over("slow")


def test_how_many_are_looked_at_at_a_time_is_configured(memory_api: Any, tmp_path: Path) -> None:
    """CTL-7."""
    program = Program(memory_api, parse_options(a_start_file(tmp_path, workers=(2, 3, 5)), {}))
    assert [reconciler.workers for reconciler in program.reconcilers] == [2, 3, 5]
    plain = Program(memory_api, parse_options([], {}))
    assert [reconciler.workers for reconciler in plain.reconcilers] == [
        defaults.CONTROLLER_CONFIG_EXPERIMENT_WORKERS,
        defaults.CONTROLLER_CONFIG_SUGGESTION_WORKERS,
        defaults.CONTROLLER_CONFIG_TRIAL_WORKERS,
    ]


@pytest.mark.parametrize(("qps", "at_once"), [(0, 5), (10, 2)])
async def test_how_fast_the_api_server_is_asked_is_configured(
    memory_api: Any, tmp_path: Path, qps: float, at_once: int
) -> None:
    """CTL-7: without a number there is no limit."""
    clock = ManualClock()
    program = Program(memory_api, parse_options(a_start_file(tmp_path, qps=qps), {}), clock)
    asking = [asyncio.ensure_future(program.cluster.transport.request("GET", "/api/v1/configmaps")) for _ in range(5)]
    async with asyncio.timeout(20):
        while len(memory_api.requests) + len(clock.waiting) < 5:  # noqa: ASYNC110 - the requests are sent by others
            await asyncio.sleep(0)
    assert len(memory_api.requests) == at_once
    clock.advance(1)
    await asyncio.gather(*asking)
    await program.close()


async def test_what_has_not_changed_is_not_written(start: Any, build: Any) -> None:
    """E8, T4: objects that somebody has labelled are looked at again; their status stays as it is."""
    async with start() as cluster:
        cluster.api.put("experiments", build.experiment_dict(maxTrialCount=3))
        await cluster.until_over()
        await cluster.until(lambda: cluster.condition("exp", "suggestions")["type"] == "Succeeded")
        await cluster.until(lambda: not cluster.api.all("jobs"))
        await cluster.program.cluster.pens.drain()
        trials = [trial["metadata"]["name"] for trial in cluster.api.all("trials")]
        written = len(cluster.api.requests)
        for plural, name in [("experiments", "exp"), ("suggestions", "exp"), *(("trials", name) for name in trials)]:
            cluster.api.change(plural, name, {"metadata": {"labels": {"seen": "yes"}}})
        # The queues are fair: when a later Experiment is over, all of these have had their turn.
        cluster.api.put("experiments", build.experiment_dict("later", maxTrialCount=3))
        await cluster.until_over("later")
        paths = [path.split("/") for method, path in cluster.api.requests[written:] if method != "GET"]
        assert paths and not [path for path in paths if {"exp", *trials} & set(path)]


async def test_the_status_of_a_suggestion_stays_small_while_its_numbers_go_on(start: Any, build: Any) -> None:
    """RES-2, CTL-6."""
    async with start(f"{CONFIG}  suggestionWindow: 4\n") as cluster:
        cluster.api.put("experiments", build.experiment_dict())
        experiment = await cluster.until_over()
        suggestion = cluster.api.get("suggestions", "exp")
        assert (suggestion["spec"]["requests"], suggestion["status"]["suggestionCount"]) == (12, 12)
        assert len(suggestion["status"]["suggestions"]) == 4
        assert experiment["status"]["trialsSucceeded"] == len(cluster.api.all("trials")) == 12


async def test_a_trial_that_was_stopped_early_is_tidied_up_and_counted(start: Any, build: Any) -> None:
    """CTL-15, CTL-27: whoever has marked it."""
    async with start() as cluster:
        cluster.outcome = lambda job: None
        cluster.api.put("experiments", build.experiment_dict(maxTrialCount=3))
        await cluster.until(lambda: cluster.experiment().get("status", {}).get("trialsRunning") == 3)
        trial = cluster.api.all("trials")[0]
        name = trial["metadata"]["name"]
        stopped = build.condition("EarlyStopped", reason="TrialEarlyStopped")
        cluster.services.rows.rows["ns", name] = list(build.rows("0.4"))
        cluster.api.change("trials", name, {"status": {"conditions": [*trial["status"]["conditions"], stopped]}})
        await cluster.until(lambda: cluster.experiment()["status"].get("trialsEarlyStopped") == 1)
        await cluster.until(lambda: cluster.api.get("jobs", name) is None)
        status = cluster.api.get("trials", name)["status"]
        assert status["completionTime"] and status["observation"]["metrics"][0]["latest"] == "0.4"
        assert {entry["type"]: entry["status"] for entry in status["conditions"]}["Running"] == "False"
        text = cluster.program.metrics.render().decode()
        assert 'katib_trial_early_stopped_total{namespace="ns"} 1.0' in text


async def test_metrics_count_each_transition_once(start: Any, build: Any) -> None:
    async with start() as cluster:
        cluster.api.put("experiments", build.experiment_dict(maxTrialCount=4))
        await cluster.until_over()
        text = cluster.program.metrics.render().decode()
        for line in (
            'katib_experiment_created_total{namespace="ns"} 1.0',
            'katib_experiment_succeeded_total{namespace="ns"} 1.0',
            'katib_trial_created_total{namespace="ns"} 4.0',
            'katib_trial_succeeded_total{namespace="ns"} 4.0',
            'katib_trials_current{namespace="ns",status="Succeeded"} 4.0',
            'katib_experiments_current{namespace="ns",status="Succeeded"} 1.0',
        ):
            assert line in text


def test_the_builders_are_whole(build: SimpleNamespace) -> None:
    assert build.an_experiment().uid == build.a_trial().controller_owner.uid
