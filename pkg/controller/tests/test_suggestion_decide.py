"""What next for a Suggestion, what a reply makes of it, and its children: controllers.md §7, grpc.md §6."""

import itertools
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from katib_apis.v1beta1 import api_pb2, names
from katib_apis.v1beta1.models import EarlyStoppingConfig, EarlyStoppingSpec, SuggestionConfig
from katib_controller.suggestion.decide import Children, World, decide
from katib_controller.suggestion.desired import (
    ServiceConfigError,
    desired_claim,
    desired_deployment,
    desired_role,
    desired_service,
    desired_volume,
)
from katib_controller.suggestion.question import (
    Invalid,
    NoAnswer,
    Present,
    Service,
    Suggest,
    Suggested,
    Valid,
    Validate,
    read_reply,
)
from katib_controller.suggestion.record import record_reply
from katib_domain.revise import revised
from katib_machinery.objects import Unstructured
from katib_machinery.plan import Ask, Create, Delete, Emit, Plan, Update, UpdateStatus

SHARED = SuggestionConfig.from_dict({"algorithmName": "random", "endpoint": "service.ns:6789"})
OWN = SuggestionConfig.from_dict({"algorithmName": "random", "image": "example/random", "env": [{"name": "A"}]})


def picked(plan: Plan, kind: type) -> list[Any]:
    return [action for action in plan.actions if isinstance(action, kind)]


def status_of(plan: Plan) -> Any:
    return picked(plan, UpdateStatus)[-1].obj.status


def shown(plan: Plan) -> list[str]:
    return [f"{condition.type}={condition.status}" for condition in status_of(plan).conditions]


@pytest.fixture
def world(build: SimpleNamespace) -> Any:
    """Builds worlds with a shared service."""

    def building(**fields: Any) -> World:
        given = {"suggestion": build.a_suggestion(), "experiment": build.an_experiment(), "config": SHARED}
        return World(**{**given, **fields})

    return building


def a_deployment(build: Any, suggestion: Any, *conditions: Any) -> Unstructured:
    raw = desired_deployment(suggestion, OWN, None, probes=True).to_dict()
    return Unstructured(build.merged(raw, {"status": {"conditions": list(conditions)}}))


def children(build: Any, suggestion: Any, *conditions: Any) -> Children:
    claim = desired_claim(suggestion, OWN)
    return Children(a_deployment(build, suggestion, *conditions), desired_service(suggestion, None), claim)


def test_a_shared_service_needs_no_deployment_and_shows_the_same_conditions(world: Any, build: Any) -> None:
    """CTL-29."""
    fresh = build.a_suggestion(status=None)
    plan = decide(world(suggestion=fresh), build.now)
    assert not picked(plan, Create)
    assert shown(plan) == ["Created=True", "DeploymentReady=True"]
    assert isinstance(picked(plan, Ask)[0].question, Validate)
    validated = record_reply(picked(plan, UpdateStatus)[0].obj, Valid(), build.now)
    assert shown(validated) == ["Created=True", "DeploymentReady=True", "Running=True"]


def test_an_own_service_is_created_and_waited_for(world: Any, build: Any) -> None:
    """S4 to S8."""
    fresh = build.a_suggestion(status=None)
    plan = decide(world(suggestion=fresh, config=OWN), build.now)
    assert [action.obj.kind for action in picked(plan, Create)] == ["Service", "Deployment"]
    assert shown(plan) == ["Created=True", "DeploymentReady=False"]
    waiting = picked(plan, UpdateStatus)[0].obj
    view = world(suggestion=waiting, config=OWN, children=children(build, waiting))
    later = decide(view, build.now + timedelta(seconds=10))
    assert not picked(later, Create) and not picked(later, Ask)
    assert later.requeue is not None and later.requeue.after == timedelta(seconds=50)
    ready = world(suggestion=waiting, config=OWN, children=children(build, waiting, build.condition("Available")))
    assert shown(decide(ready, build.now)) == ["Created=True", "DeploymentReady=True"]


def test_a_new_suggestion_says_that_it_was_created_whatever_is_missing(world: Any, build: Any) -> None:
    """S2: in one write with what follows."""
    plan = decide(world(suggestion=build.a_suggestion(status=None), config=None, config_problem="no entry"), build.now)
    assert status_of(plan).start_time == build.now
    assert shown(plan) == ["Stalled=True", "Created=True"]
    later = decide(world(suggestion=picked(plan, UpdateStatus)[0].obj), build.now + timedelta(seconds=9))
    assert status_of(later).start_time == build.now


VOLUME = {"persistentVolumeSpec": {"capacity": {"storage": "1Gi"}}}


@pytest.mark.parametrize(
    ("policy", "more", "kinds"),
    [
        ("FromVolume", VOLUME, ["PersistentVolume", "PersistentVolumeClaim", "Service", "Deployment"]),
        ("FromVolume", {}, ["PersistentVolumeClaim", "Service", "Deployment"]),
        ("LongRunning", VOLUME, ["Service", "Deployment"]),
        ("Never", VOLUME, ["Service", "Deployment"]),
    ],
)
def test_a_volume_comes_first_where_the_state_is_to_be_kept(
    world: Any, build: Any, policy: str, more: dict[str, Any], kinds: list[str]
) -> None:
    """S3."""
    config = SuggestionConfig.from_dict({**OWN.to_dict(), **more})
    suggestion = build.a_suggestion(spec={"resumePolicy": policy}, status=None)
    plan = decide(world(suggestion=suggestion, config=config), build.now)
    assert [action.obj.kind for action in picked(plan, Create)] == kinds


CHECKPOINTS = {"algorithmName": "pbt", "algorithmSettings": [{"name": "suggestion_trial_dir", "value": "/checkpoints"}]}


@pytest.mark.parametrize(
    ("policy", "algorithm", "more", "kinds"),
    [
        ("FromVolume", CHECKPOINTS, {}, ["PersistentVolumeClaim"]),
        ("FromVolume", CHECKPOINTS, VOLUME, ["PersistentVolume", "PersistentVolumeClaim"]),
        ("FromVolume", {"algorithmName": "random"}, VOLUME, []),
        ("Never", CHECKPOINTS, VOLUME, []),
    ],
)
def test_trials_of_a_shared_service_get_the_volume_that_they_mount(
    world: Any, build: Any, policy: str, algorithm: Any, more: dict[str, Any], kinds: list[str]
) -> None:
    """S3, D-37a: without the claim their pods would wait for ever; where nothing mounts it, it would be of no use."""
    config = SuggestionConfig.from_dict({**SHARED.to_dict(), **more})
    suggestion = build.a_suggestion(spec={"resumePolicy": policy, "algorithm": algorithm}, status=None)
    view = world(suggestion=suggestion, config=config)
    plan = decide(view, build.now)
    assert [action.obj.kind for action in picked(plan, Create)] == kinds
    assert isinstance(picked(plan, Ask)[0].question, Validate)
    there = world(suggestion=suggestion, config=config, children=Children(claim=desired_claim(suggestion, config)))
    assert not picked(decide(there, build.now), Create)


@pytest.mark.parametrize(
    ("answer", "conditions", "following"),
    [
        (Valid(), ["Running=True"], [Suggest]),
        (Invalid("no"), ["Failed=True"], []),
        (NoAnswer("busy"), ["Stalled=True"], [Validate]),
    ],
)
def test_nothing_is_suggested_before_the_experiment_was_found_valid(
    world: Any, build: Any, answer: Any, conditions: list[str], following: list[type]
) -> None:
    """S10: what is found invalid has failed, and that is no error of ours."""
    plan = decide(world(suggestion=build.a_suggestion(status=None)), build.now)
    assert [type(action.question) for action in picked(plan, Ask)] == [Validate]
    told = record_reply(picked(plan, UpdateStatus)[0].obj, answer, build.now)
    known = ["Created=True", "DeploymentReady=True"]
    assert [text for text in shown(told) if text not in known] == conditions
    after = decide(world(suggestion=picked(told, UpdateStatus)[0].obj), build.now)
    assert [type(action.question) for action in picked(after, Ask)] == following


def test_a_service_that_does_not_get_ready_is_a_stall(world: Any, build: Any) -> None:
    """RES-10."""
    waiting = picked(decide(world(suggestion=build.a_suggestion(status=None), config=OWN), build.now), UpdateStatus)[
        0
    ].obj
    failure = build.condition("ReplicaFailure", reason="FailedCreate", message="exceeded quota")
    view = world(suggestion=waiting, config=OWN, children=children(build, waiting, failure))
    plan = decide(view, build.now + timedelta(minutes=2))
    assert "exceeded quota" in picked(plan, Emit)[0].message
    assert shown(plan) == ["Created=True", "Stalled=True", "DeploymentReady=False"]


@pytest.mark.parametrize("policy", ["Never", "FromVolume", "LongRunning"])
def test_what_the_experiments_end_does(world: Any, build: Any, policy: str) -> None:
    """E3, §7, RES-6: no configuration is needed to clean up."""
    suggestion = build.a_suggestion(spec={"resumePolicy": policy})
    over = build.an_experiment({"status": {"conditions": [build.condition("Succeeded")]}})
    view = world(
        suggestion=suggestion,
        experiment=over,
        config=None,
        config_problem="no entry",
        children=children(build, suggestion, build.condition("Available")),
    )
    plan = decide(view, build.now)
    if policy == "LongRunning":
        assert not picked(plan, Delete) and shown(plan)[-1] == "Running=True"
        return
    assert [action.obj.kind for action in picked(plan, Delete)] == ["Deployment", "Service"]
    assert shown(plan) == ["Created=True", "Running=False", "DeploymentReady=False", "Succeeded=True"]
    volume = "suggestion volume is not deleted" in status_of(plan).conditions[-1].message
    assert volume is (policy == "FromVolume")
    going = {"metadata": {"deletionTimestamp": "2026-01-01T12:00:00Z"}}
    gone = Unstructured(build.merged(view.children.deployment.raw, going))
    after = replace(view, suggestion=picked(plan, UpdateStatus)[0].obj, children=Children(gone, None))
    assert not picked(decide(after, build.now), Delete)


def test_what_has_succeeded_only_loses_its_service(world: Any, build: Any) -> None:
    """S1: also when the program ended between the mark and the deletions."""
    over = build.an_experiment({"status": {"conditions": [build.condition("Succeeded")]}})
    first = decide(world(experiment=over, config=OWN), build.now)
    ended = picked(first, UpdateStatus)[0].obj
    view = world(suggestion=ended, experiment=over, config=OWN, children=children(build, ended))
    plan = decide(view, build.now)
    assert [type(action) for action in plan.actions] == [Delete, Delete, UpdateStatus]
    assert [action.obj.kind for action in picked(plan, Delete)] == ["Deployment", "Service"]
    assert status_of(plan) == ended.status
    assert not picked(decide(replace(view, children=Children()), build.now), Delete)


def test_a_restart_from_the_volume_validates_again(world: Any, build: Any) -> None:
    over = build.an_experiment({"status": {"conditions": [build.condition("Succeeded")]}})
    suggestion = build.a_suggestion(spec={"resumePolicy": "FromVolume"})
    ended = picked(decide(world(suggestion=suggestion, experiment=over), build.now), UpdateStatus)[0].obj
    plan = decide(world(suggestion=ended, config=OWN), build.now)
    assert [action.obj.kind for action in picked(plan, Create)] == ["PersistentVolumeClaim", "Service", "Deployment"]
    assert shown(plan) == ["Created=True", "Running=False", "DeploymentReady=False"]
    conditions = {condition.type: condition for condition in status_of(plan).conditions}
    assert conditions["Running"].reason == "Experiment is restarting"


def test_a_failed_suggestion_stays_failed_and_loses_its_children(world: Any, build: Any) -> None:
    """CTL-18."""
    suggestion = build.a_suggestion(status={"conditions": [build.condition("Created"), build.condition("Failed")]})
    view = world(suggestion=suggestion, config=OWN, children=children(build, suggestion))
    plan = decide(view, build.now)
    assert [action.obj.kind for action in picked(plan, Delete)] == ["Deployment", "Service"]
    assert status_of(plan) == suggestion.status and not picked(plan, Ask)


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"requests": 3, "assignments": []}, (3, 3)),
        ({"requests": 5, "assignments": ["a", "b"]}, (3, 5)),
        ({"requests": 2, "assignments": ["a", "b"]}, None),
    ],
)
def test_how_many_assignments_are_asked_for(
    world: Any, build: Any, fields: dict[str, Any], asked: tuple[int, int] | None
) -> None:
    """S11: §6 of grpc.md."""
    view = world(suggestion=build.a_suggestion(**fields), present=Present(frozenset({"a", "b"})))
    questions = [action.question for action in picked(decide(view, build.now), Ask)]
    assert [(question.current, question.total) for question in questions] == ([asked] if asked else [])


@pytest.mark.parametrize(
    "fields",
    [{"asking": True}, {"short": True}, {"not_before": timedelta(seconds=9)}],
)
def test_when_nothing_is_asked(world: Any, build: Any, fields: dict[str, Any]) -> None:
    """GRPC-1, GRPC-2, GRPC-5."""
    if "not_before" in fields:
        fields = {"not_before": build.now + fields["not_before"]}
    plan = decide(world(**fields), build.now)
    assert not picked(plan, Ask)
    if "not_before" in fields:
        assert plan.requeue is not None and plan.requeue.after == timedelta(seconds=9)


def test_lowered_requests_drop_the_newest_assignments_without_a_trial(world: Any, build: Any) -> None:
    """CTL-1."""
    suggestion = build.a_suggestion(["a", "b", "c", "d"], requests=2)
    plan = decide(world(suggestion=suggestion, present=Present(frozenset({"a", "c"}))), build.now)
    assert [entry.name for entry in status_of(plan).suggestions] == ["a", "c"]
    assert status_of(plan).suggestion_count == 2
    kept = decide(world(suggestion=suggestion, present=Present(frozenset("abcd"))), build.now)
    assert status_of(kept).suggestion_count == 4


def assignments(*names_: str) -> tuple[Any, ...]:
    from katib_apis.v1beta1.models import TrialAssignment

    return tuple(TrialAssignment(name=name) for name in names_)


def test_a_reply_is_appended_and_settings_are_merged(build: Any) -> None:
    suggestion = build.a_suggestion(["a"], status={"algorithmSettings": [{"name": "x", "value": "1"}]})
    settings_ = (type(suggestion.status.algorithm_settings[0]).from_dict({"name": "x", "value": "2"}),)
    plan = record_reply(suggestion, Suggested(assignments("b", "c"), settings_, asked=2, surplus=1), build.now)
    status = status_of(plan)
    assert [entry.name for entry in status.suggestions] == ["a", "b", "c"] and status.suggestion_count == 3
    assert status.algorithm_settings[0].value == "2"
    assert picked(plan, UpdateStatus)[0].urgent
    assert picked(plan, Emit)[0].reason == names.EVENT_SUGGESTIONS_DROPPED


def test_a_reply_that_was_stored_unheard_is_not_stored_twice(build: Any) -> None:
    """The write arrived, its answer was lost: the reply is recorded again over what it led to."""
    reply = Suggested(assignments("exp-b", "exp-c"), asked=2)
    once = status_of(record_reply(build.a_suggestion(["exp-a"]), reply, build.now))
    again = status_of(record_reply(revised(build.a_suggestion(), {"status": once}), reply, build.now))
    assert again == once and again.suggestion_count == 3


def test_the_window_drops_the_oldest_with_a_trial_only(build: Any) -> None:
    """CTL-6: the count goes on."""
    suggestion = build.a_suggestion(["a", "b", "c"])
    reply = Suggested(assignments("d"), asked=1, used=frozenset({"b", "c"}), window=2)
    status = status_of(record_reply(suggestion, reply, build.now))
    assert [entry.name for entry in status.suggestions] == ["a", "d"] and status.suggestion_count == 4


@pytest.mark.parametrize(
    ("reply", "ended"),
    [
        (Suggested(asked=1, used=frozenset({"a"})), True),
        (Suggested(asked=1, used=frozenset({"a"}), active=1), False),
        (Suggested(asked=1), False),
        (Suggested(assignments("b"), asked=2, used=frozenset({"a"})), False),
    ],
)
def test_no_assignment_while_nothing_is_under_way_is_the_end(build: Any, reply: Suggested, ended: bool) -> None:
    """CTL-5, D-05."""
    status = status_of(record_reply(build.a_suggestion(["a"]), reply, build.now))
    stalls = [condition for condition in status.conditions if condition.type == "Stalled"]
    assert [stall.reason for stall in stalls] == ([names.REASON_SUGGESTION_END_REACHED] if ended else [])
    assert status.conditions[-1].type == "Running"


def test_a_service_without_an_answer_stalls_and_an_invalid_experiment_fails(build: Any) -> None:
    """GRPC-5, RES-7: what stands in a message is data."""
    stalled = record_reply(build.a_suggestion(), NoAnswer("it said %s {x}"), build.now)
    assert picked(stalled, Emit)[0].message == "it said %s {x}"
    assert shown(stalled)[-2:] == ["Stalled=True", "Running=True"]
    again = record_reply(picked(stalled, UpdateStatus)[0].obj, NoAnswer("it said %s {x}"), build.now)
    assert not picked(again, Emit)
    failed = record_reply(picked(stalled, UpdateStatus)[0].obj, Invalid("bad"), build.now)
    assert shown(failed)[-1] == "Failed=True"
    assert status_of(failed).conditions[-1].message == "Validation failed: bad"


def a_question(build: Any, current: int = 2, **fields: Any) -> Suggest:
    suggestion = build.a_suggestion(**fields)
    return Suggest(build.an_experiment(), suggestion, Service("e"), current=current, total=3, window=1000)


def a_reply(*values: str, **fields: Any) -> api_pb2.GetSuggestionsReply:
    return api_pb2.GetSuggestionsReply(
        parameter_assignments=[
            api_pb2.GetSuggestionsReply.ParameterAssignments(
                assignments=[api_pb2.ParameterAssignment(name="rate", value=value)], **fields
            )
            for value in values
        ]
    )


def fresh() -> Any:
    return (f"exp-{number}" for number in itertools.count())


def test_more_than_was_asked_for_is_cut(build: Any) -> None:
    """GRPC-2."""
    read = read_reply(a_question(build), a_reply("1", "2", "3"), [], Present(), fresh())
    assert isinstance(read, Suggested)
    assert [entry.name for entry in read.assignments] == ["exp-0", "exp-1"] and read.surplus == 1


def test_a_services_name_is_made_legal_and_the_original_goes_along(build: Any) -> None:
    """RES-4."""
    read = read_reply(a_question(build), a_reply("1", trial_name="Exp_" + "x" * 70), [], Present(), fresh())
    assert isinstance(read, Suggested)
    assert len(read.assignments[0].name or "") <= 63
    assert (read.assignments[0].labels or {})[names.ANNOTATION_SUGGESTED_NAME].startswith("Exp_")


def test_a_name_that_is_taken_is_not_used_again(build: Any) -> None:
    question = a_question(build, assignments=["exp-0"])
    read = read_reply(question, a_reply("1", "2"), [], Present(frozenset({"exp-1"})), fresh())
    assert isinstance(read, Suggested)
    assert [entry.name for entry in read.assignments] == ["exp-2", "exp-3"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([], "lacks parameter rate"),
        (["rate", "speed"], "has unknown parameter speed"),
        (["rate", "rate"], "repeats parameter rate"),
    ],
)
def test_wrong_parameters_are_named(build: Any, given: list[str], problem: str) -> None:
    """GRPC-16."""
    reply = api_pb2.GetSuggestionsReply()
    pairs = [api_pb2.ParameterAssignment(name=name, value="1") for name in given]
    reply.parameter_assignments.add(assignments=pairs)
    read = read_reply(a_question(build), reply, [], Present(), fresh())
    assert isinstance(read, Invalid) and problem in read.message


def test_the_deployment_of_an_own_service(build: Any) -> None:
    """§9, RES-3, RES-5."""
    metadata = {"labels": {"team": "a"}, "annotations": {names.ANNOTATION_LAST_APPLIED: "{}", "b": "c"}}
    suggestion = build.a_suggestion(metadata=metadata)
    raw = desired_deployment(suggestion, OWN, None, probes=True).raw
    template = raw["spec"]["template"]
    assert raw["metadata"]["name"] == "exp-random" and template["metadata"]["annotations"] == {"b": "c"}
    assert set(raw["metadata"]["annotations"]) == {"b", names.ANNOTATION_CONFIGURATION}
    assert raw["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]
    assert template["metadata"]["labels"][names.LABEL_DEPLOYMENT] == "exp-random"
    assert template["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    container = template["spec"]["containers"][0]
    assert container["name"] == "suggestion" and container["image"] == "example/random"
    assert set(container) == {"name", "image", "env", "ports", "securityContext", "readinessProbe", "livenessProbe"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["readinessProbe"]["grpc"] == {"port": 6789, "service": "manager.v1beta1.Suggestion"}
    assert container["livenessProbe"]["failureThreshold"] == 12


def test_a_changed_configuration_is_followed_when_nothing_is_asked(world: Any, build: Any) -> None:
    """CTL-19."""
    suggestion = build.a_suggestion(["a", "b", "c"])
    live = children(build, suggestion, build.condition("Available"))
    newer = SuggestionConfig.from_dict({**OWN.to_dict(), "image": "example/random:2"})
    view = world(suggestion=suggestion, config=newer, children=live, present=Present(frozenset("abc")))
    updated = picked(decide(view, build.now), Update)[0].obj
    assert updated.raw["spec"]["template"]["spec"]["containers"][0]["image"] == "example/random:2"
    assert updated.raw["status"] == live.deployment.raw["status"]
    assert not picked(decide(replace(view, config=OWN), build.now), Update)
    assert not picked(decide(replace(view, asking=True), build.now), Update)
    busy = replace(view, suggestion=build.a_suggestion(["a", "b", "c"], requests=4))
    assert not picked(decide(busy, build.now), Update)
    followed = replace(view, children=replace(live, deployment=updated))
    assert not picked(decide(followed, build.now), Update)


def test_the_configuration_goes_over_our_defaults(build: Any) -> None:
    """RES-3."""
    config = SuggestionConfig.from_dict(
        {
            "image": "i",
            "name": "mine",
            "securityContext": {"runAsUser": 5},
            "livenessProbe": {"x": 1},
            "serviceAccountName": "robot",
        }
    )
    pod = desired_deployment(build.a_suggestion(), config, None, probes=True).raw["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert (container["name"], container["securityContext"]["runAsUser"]) == ("mine", 5)
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["livenessProbe"] == {"x": 1} and pod["serviceAccountName"] == "robot"
    bare = desired_deployment(build.a_suggestion(), config, None, probes=False).raw["spec"]["template"]["spec"]
    assert "readinessProbe" not in bare["containers"][0]


@pytest.mark.parametrize("port", [{"name": "suggestion-api", "containerPort": 1}, {"containerPort": 6789}])
def test_the_services_port_is_taken(build: Any, world: Any, port: dict[str, Any]) -> None:
    config = SuggestionConfig.from_dict({"image": "i", "ports": [port]})
    with pytest.raises(ServiceConfigError, match="6789"):
        desired_deployment(build.a_suggestion(), config, None, probes=True)
    plan = decide(world(config=config), build.now)
    assert "6789" in picked(plan, Emit)[0].message


def test_early_stopping_brings_a_companion_an_account_and_its_least_role(world: Any, build: Any) -> None:
    """S5, ES-01."""
    stopping = {"earlyStopping": {"algorithmName": "medianstop"}}
    suggestion = build.a_suggestion(spec=stopping, status=None)
    config = EarlyStoppingConfig.from_dict({"algorithmName": "medianstop", "image": "example/median"})
    plan = decide(world(suggestion=suggestion, config=OWN, stopping=config), build.now)
    kinds = ["Service", "ServiceAccount", "Role", "RoleBinding", "Deployment"]
    assert [action.obj.kind for action in picked(plan, Create)] == kinds
    pod = picked(plan, Create)[-1].obj.raw["spec"]["template"]["spec"]
    assert [container["name"] for container in pod["containers"]] == ["suggestion", "early-stopping"]
    assert pod["serviceAccountName"] == "exp-random"
    assert [port["port"] for port in desired_service(suggestion, config).raw["spec"]["ports"]] == [6789, 6788]
    assert [rule["verbs"] for rule in desired_role(suggestion).raw["rules"]] == [["get"], ["patch"]]
    assert isinstance(suggestion.spec.early_stopping, EarlyStoppingSpec)


def test_early_stopping_that_is_served_for_all_brings_nothing(world: Any, build: Any) -> None:
    """ES-01: no RBAC per Experiment, and no companion."""
    suggestion = build.a_suggestion(spec={"earlyStopping": {"algorithmName": "medianstop"}}, status=None)
    config = EarlyStoppingConfig.from_dict({"algorithmName": "medianstop", "endpoint": "stop.kubeflow:6788"})
    plan = decide(world(suggestion=suggestion, config=OWN, stopping=config), build.now)
    assert [action.obj.kind for action in picked(plan, Create)] == ["Service", "Deployment"]
    pod = picked(plan, Create)[-1].obj.raw["spec"]["template"]["spec"]
    assert [container["name"] for container in pod["containers"]] == ["suggestion"]
    assert "serviceAccountName" not in pod
    assert [port["port"] for port in desired_service(suggestion, config).raw["spec"]["ports"]] == [6789]


def test_a_volume_keeps_the_state(build: Any) -> None:
    suggestion = build.a_suggestion(spec={"resumePolicy": "FromVolume"})
    config = SuggestionConfig.from_dict({"image": "i", "persistentVolumeSpec": {"capacity": {"storage": "1Gi"}}})
    pod = desired_deployment(suggestion, config, None, probes=True).raw["spec"]["template"]["spec"]
    assert pod["volumes"][0]["persistentVolumeClaim"] == {"claimName": "exp-random"}
    assert pod["containers"][0]["volumeMounts"] == [{"name": "suggestion-volume", "mountPath": "/opt/katib/data"}]
    volume = desired_volume(suggestion, config).raw
    assert volume["metadata"] == {"name": "exp-random-ns"}
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    assert desired_claim(suggestion, config).raw["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_nothing_is_done_for_what_is_being_deleted(world: Any, build: Any) -> None:
    """CTL-26."""
    leaving = {"metadata": {"deletionTimestamp": "2026-01-01T12:00:00Z"}}
    assert decide(world(suggestion=build.a_suggestion(**leaving), config=OWN), build.now) == Plan()
    assert decide(world(experiment=build.an_experiment(leaving), config=OWN), build.now) == Plan()
    assert decide(world(experiment=None, config=OWN), build.now) == Plan()


@settings(max_examples=80, deadline=None)
@given(
    count=st.integers(0, 6),
    requests=st.integers(0, 8),
    used=st.integers(0, 6),
    over=st.booleans(),
    own=st.booleans(),
    asking=st.booleans(),
    policy=st.sampled_from(["Never", "LongRunning", "FromVolume"]),
)
def test_the_same_world_has_the_same_plan_and_a_still_one_comes_to_rest(
    build: SimpleNamespace, count: int, requests: int, used: int, over: bool, own: bool, asking: bool, policy: str
) -> None:
    """Issue §8; an ended Experiment's Suggestion asks for nothing."""
    given = [f"exp-{number}" for number in range(count)]
    suggestion = build.a_suggestion(given, requests, spec={"resumePolicy": policy})
    over_status = {"status": {"conditions": [build.condition("Succeeded")]}} if over else {}
    view = World(
        suggestion,
        build.an_experiment(over_status),
        config=OWN if own else SHARED,
        children=children(build, suggestion, build.condition("Available")) if own else Children(),
        present=Present(frozenset(given[:used])),
        asking=asking,
    )
    plan = decide(view, build.now)
    assert plan == decide(view, build.now)
    assert not (over and picked(plan, Ask)) and not (asking and picked(plan, Ask))
    names_ = {entry.name for entry in status_of(plan).suggestions or ()}
    assert set(given[:used]) <= names_
    rest = decide(replace(view, suggestion=picked(plan, UpdateStatus)[0].obj), build.now + timedelta(hours=1))
    assert status_of(rest) == status_of(plan)
