"""Jobs and Deployments that cannot be, and how a Status says so: every cause in the words of a real server."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.servers import MERGE, STRATEGIC, Answer, Json, Server, by_version

JOBS = "/apis/batch/v1/namespaces/default/jobs"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
POLICY, RULE, CODES = (
    "spec.podFailurePolicy.rules",
    "spec.podFailurePolicy.rules[0]",
    "spec.podFailurePolicy.rules[0].onExitCodes",
)
LABELS, RESTARTS = "spec.template.metadata.labels", "spec.template.spec.restartPolicy"
NO_MATCH = "`selector` does not match template `labels`"
UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NAME_PART = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def pods(restarts: str, **spec: Any) -> Json:
    containers = [{"name": "a", "image": "i:1"}]
    return {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers, "restartPolicy": restarts, **spec}}


def a_job(*, restarts: str = "Never", **spec: Any) -> Json:
    return {"metadata": {"name": "x"}, "spec": {"template": pods(restarts), **spec}}


def a_deployment(template: Json | None = None, **spec: Any) -> Json:
    whole = {"selector": {"matchLabels": {"a": "b"}}, "template": template or pods("Always"), **spec}
    return {"metadata": {"name": "x"}, "spec": whole}


def failing(rule: Json, restarts: str = "Never", **spec: Any) -> Json:
    return a_job(restarts=restarts, podFailurePolicy={"rules": [{"action": "FailJob", **rule}]}, **spec)


def by_codes(**codes: Any) -> Json:
    return {"onExitCodes": {"operator": "In", "values": [1], **codes}}


def causes_of(answer: Answer) -> list[str]:
    """The causes of a refusal, in any order, with `uid` for each uid."""
    assert (answer.code, answer.body["reason"]) == (422, "Invalid"), answer.body
    causes = answer.body["details"]["causes"]
    return sorted(UID.sub("uid", f"{cause['field']}: {cause['message']}") for cause in causes)


OWN: Json = {"matchLabels": {"a": "b"}}
INDEXED: Json = {"completionMode": "Indexed", "completions": 2}
SUCCESS = "spec.successPolicy.rules[0]"
NO_INDEXES = f'{SUCCESS}.succeededIndexes: Invalid value: "{{}}": error parsing succeededIndexes: {{}}'


def succeeding(indexes: str | None = None, count: int | None = None) -> Json:
    rule = {"succeededIndexes": indexes, "succeededCount": count}
    named = {key: value for key, value in rule.items() if value is not None}
    return a_job(successPolicy={"rules": [named]}, completionMode="Indexed", completions=4)


WRONG_JOBS: dict[str, tuple[Json, list[str]]] = {
    "a selector of its own": (
        a_job(selector=OWN),
        [
            'spec.selector: Invalid value: {"matchLabels":{"a":"b","batch.kubernetes.io/controller-uid":"uid"}}: '
            "`selector` not auto-generated"
        ],
    ),
    "labels of another job": (
        {"metadata": {"name": "x"}, "spec": {"template": {**pods("Never"), "metadata": {"labels": {"job-name": "y"}}}}},
        [
            f'{LABELS}[job-name]: Invalid value: {{"batch.kubernetes.io/controller-uid":"uid",'
            '"batch.kubernetes.io/job-name":"x","controller-uid":"uid","job-name":"y"}: must be \'x\''
        ],
    ),
    "no selector though it brings one": (
        a_job(manualSelector=True),
        ["spec.selector: Required value", f'{LABELS}: Invalid value: {{"a":"b"}}: {NO_MATCH}'],
    ),
    "a selector of others": (
        a_job(manualSelector=True, selector={"matchLabels": {"c": "d"}}),
        [f'{LABELS}: Invalid value: {{"a":"b"}}: {NO_MATCH}'],
    ),
    "pods that always restart": (
        a_job(restarts="Always"),
        [f'{RESTARTS}: Required value: valid values: "OnFailure", "Never"'],
    ),
    "an action that there is not": (
        failing({**by_codes(), "action": "Foo"}),
        [f'{RULE}.action: Unsupported value: "Foo": supported values: "Count", "FailIndex", "FailJob", "Ignore"'],
    ),
    "no action": (
        failing({**by_codes(), "action": None}),
        [f'{RULE}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]'],
    ),
    "a rule of nothing": (
        failing({}),
        [f"{RULE}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"],
    ),
    "a rule of both": (
        failing({**by_codes(), "onPodConditions": [{"type": "DisruptionTarget"}]}),
        [f"{RULE}: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported"],
    ),
    "success among failures": (
        failing(by_codes(values=[0])),
        [f"{CODES}.values[0]: Invalid value: 0: must not be 0 for the In operator"],
    ),
    "no exit codes": (
        failing(by_codes(values=[])),
        [f"{CODES}.values: Invalid value: []: at least one value is required"],
    ),
    "exit codes in no order": (
        failing(by_codes(values=[3, 1])),
        [f"{CODES}.values: Invalid value: [3,1]: must be ordered"],
    ),
    "an exit code twice": (failing(by_codes(values=[1, 1])), [f"{CODES}.values[1]: Duplicate value: 1"]),
    "256 exit codes": (
        failing(by_codes(values=list(range(1, 257)))),
        [f"{CODES}.values: Too many: 256: must have at most 255 items"],
    ),
    "an operator that there is not": (
        failing(by_codes(operator="Exists")),
        [f'{CODES}.operator: Unsupported value: "Exists": supported values: "In", "NotIn"'],
    ),
    "no operator": (
        failing(by_codes(operator=None)),
        [f'{CODES}.operator: Required value: valid values: ["In" "NotIn"]'],
    ),
    "exit codes of no container": (
        failing(by_codes(containerName="nope")),
        [
            f'{CODES}.containerName: Invalid value: "nope": must be one of the container or initContainer names in the '
            "pod template"
        ],
    ),
    "an index of a job that has none": (
        failing({**by_codes(), "action": "FailIndex"}),
        [f'{RULE}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set'],
    ),
    "a condition that cannot be": (
        failing({"onPodConditions": [{"type": "Disruption Target", "status": "Maybe"}]}),
        [
            f'{RULE}.onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
            f'{RULE}.onPodConditions[0].type: Invalid value: "Disruption Target": {NAME_PART}',
        ],
    ),
    "21 rules": (
        a_job(podFailurePolicy={"rules": [{"action": "FailJob", **by_codes()}] * 21}),
        [f"{POLICY}: Too many: 21: must have at most 20 items"],
    ),
    "a policy whose pods restart": (
        failing(by_codes(), restarts="OnFailure"),
        [f'{RESTARTS}: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified'],
    ),
    "a policy whose pods are replaced early": (
        failing(by_codes(), podReplacementPolicy="TerminatingOrFailed"),
        ['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'],
    ),
    "a replacement that there is not": (
        a_job(podReplacementPolicy="Foo"),
        ['spec.podReplacementPolicy: Unsupported value: "Foo": supported values: "Failed", "TerminatingOrFailed"'],
    ),
    "a limit for each of no indexes": (
        a_job(backoffLimitPerIndex=1),
        ["spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"],
    ),
    "failed indexes without a limit for each": (
        a_job(maxFailedIndexes=1, **INDEXED),
        ["spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"],
    ),
    "indexes without an end": (
        a_job(completionMode="Indexed", parallelism=1),
        ["spec.completions: Required value: when completion mode is Indexed"],
    ),
    "success by no rule": (
        a_job(successPolicy={"rules": []}, **INDEXED),
        [
            "spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is "
            "specified"
        ],
    ),
    "success of no indexes": (
        a_job(successPolicy={"rules": [{"succeededCount": 1}]}),
        [
            'spec.successPolicy: Invalid value: {"Rules":[{"SucceededIndexes":null,"SucceededCount":1}]}: requires '
            "indexed completion mode"
        ],
    ),
    "success by a rule of nothing": (
        succeeding(),
        [f"{SUCCESS}: Required value: at least one of succeededCount or succeededIndexes must be specified"],
    ),
    "success of what is no index": (
        succeeding("0,a"),
        [NO_INDEXES.format("0,a", 'cannot convert string to integer for index: "a"')],
    ),
    "success of an index that there is not": (
        succeeding("1-4"),
        [NO_INDEXES.format("1-4", 'too large index: "4"')],
    ),
    "success of indexes from here to there to there": (
        succeeding("0-1-2"),
        [
            NO_INDEXES.format(
                "0-1-2",
                'the fragment "0-1-2" violates the requirement that an index interval can have at most two parts '
                "separated by '-'",
            )
        ],
    ),
    "success of indexes in no order": (
        succeeding("2,0-1"),
        [NO_INDEXES.format("2,0-1", "non-increasing order, previous: 2, current: 0")],
    ),
    "success of indexes from the last to the first": (
        succeeding("3-1"),
        [NO_INDEXES.format("3-1", "non-increasing order, previous: 3, current: 1")],
    ),
    "success of more indexes than there are": (
        succeeding(count=5),
        [
            f"{SUCCESS}.succeededCount: Invalid value: 5: must be less than or equal to 4 (the number of specified "
            "completions)"
        ],
    ),
    "success of more indexes than are named": (
        succeeding("0,2-3", 4),
        [
            f"{SUCCESS}.succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of indexes in the "
            "specified succeededIndexes field)"
        ],
    ),
    "success of less than nothing": (
        succeeding(count=-1),
        [f"{SUCCESS}.succeededCount: Invalid value: -1: must be greater than or equal to 0"],
    ),
    "21 rules of success": (
        a_job(successPolicy={"rules": [{"succeededCount": 1}] * 21}, **INDEXED),
        ["spec.successPolicy.rules: Too many: 21: must have at most 20 items"],
    ),
}


@pytest.mark.parametrize("case", WRONG_JOBS)
def test_a_job_that_cannot_be(server: Server, case: str) -> None:
    document, expected = WRONG_JOBS[case]
    assert causes_of(server.call("POST", JOBS, document, dryRun="All")) == sorted(expected)


RIGHT_JOBS: dict[str, Json] = {
    "a selector that it brings": a_job(manualSelector=True, selector=OWN),
    "a policy of exit codes": failing(by_codes(containerName="a")),
    "a policy of no rules": a_job(podFailurePolicy={"rules": []}),
    "success of one index": a_job(successPolicy={"rules": [{"succeededCount": 1}]}, **INDEXED),
}


@pytest.mark.parametrize("case", RIGHT_JOBS)
def test_a_job_that_can_be(server: Server, case: str) -> None:
    server.good("POST", JOBS, RIGHT_JOBS[case], dryRun="All")


def test_a_policy_of_failures_has_defaults(server: Server) -> None:
    spec = server.good("POST", JOBS, failing({"onPodConditions": [{"type": "A"}]}), dryRun="All").body["spec"]
    (rule,) = spec["podFailurePolicy"]["rules"]
    assert (rule["onPodConditions"], spec["podReplacementPolicy"]) == ([{"type": "A", "status": "True"}], "Failed")


def test_a_job_that_brings_its_selector_is_given_no_labels(server: Server) -> None:
    document = a_job(manualSelector=True, selector=OWN)
    spec = server.good("POST", JOBS, document, dryRun="All").body["spec"]
    assert (spec["selector"], spec["template"]["metadata"]["labels"]) == (OWN, {"a": "b"})


@pytest.mark.parametrize("own", [{}, {"a": "b"}, {"c": "d"}])
def test_a_job_that_has_no_labels_has_those_of_its_pods(server: Server, own: Json) -> None:
    document = {**a_job(), "metadata": {"name": "x", "labels": own}}
    job = server.good("POST", JOBS, document, dryRun="All").body
    of_pods = job["spec"]["template"]["metadata"]["labels"]
    assert of_pods["a"] == "b" and of_pods["job-name"] == "x"
    assert job["metadata"]["labels"] == (own or of_pods)


SUCCESS: Json = {"rules": [{"succeededCount": 1}]}
BOUND: dict[str, tuple[Json, Json]] = {
    "another controller": ({"managedBy": "a.b/c"}, {"managedBy": "a.b/d"}),
    "a first controller": ({}, {"managedBy": "a.b/c"}),
    "no controller": ({"managedBy": "a.b/c"}, {"managedBy": None}),
    "other rules of success": ({"successPolicy": SUCCESS}, {"successPolicy": {"rules": [{"succeededCount": 2}]}}),
    "first rules of success": ({}, {"successPolicy": SUCCESS}),
    "no rules of success": ({"successPolicy": SUCCESS}, {"successPolicy": None}),
}


@pytest.mark.parametrize("case", BOUND)
def test_a_job_keeps_who_runs_it_and_when_it_succeeds(server: Server, fresh: Callable[[], str], case: str) -> None:
    before, change = BOUND[case]
    name, (field,) = fresh(), change
    server.good("POST", JOBS, {**a_job(**INDEXED, parallelism=0, **before), "metadata": {"name": name}})
    answer = server.call("PATCH", f"{JOBS}/{name}", {"spec": change}, MERGE)
    (cause,) = causes_of(answer)
    assert cause.startswith(f"spec.{field}: Invalid value: ") and cause.endswith(": field is immutable")
    same = server.good("PATCH", f"{JOBS}/{name}", {"spec": {**before, "backoffLimit": 1}}, MERGE)
    assert same.body["spec"]["backoffLimit"] == 1


# What of an indexed Job with 2 parts, both worked for, is changed; and why it is refused, if it is.
TANDEM = "Invalid value: {}: can only be modified in tandem with spec.parallelism"
RESIZED: dict[str, tuple[Json, str]] = {
    "its parts alone": ({"completions": 3}, TANDEM.format(3)),
    "how many work alone": ({"parallelism": 1}, ""),
    "both to one number": ({"completions": 3, "parallelism": 3}, ""),
    "both to two numbers": ({"completions": 4, "parallelism": 3}, TANDEM.format(4)),
}


@pytest.mark.parametrize("case", RESIZED)
def test_an_indexed_job_changes_its_parts_with_its_workers(server: Server, fresh: Callable[[], str], case: str) -> None:
    change, refusal = RESIZED[case]
    name = fresh()
    job = a_job(completionMode="Indexed", completions=2, parallelism=2, suspend=True)
    server.good("POST", JOBS, {**job, "metadata": {"name": name}})
    answer = server.call("PATCH", f"{JOBS}/{name}", {"spec": change}, MERGE)
    if refusal:
        assert (answer.code, answer.causes) == (422, {("spec.completions", "FieldValueInvalid", refusal)})
    else:
        assert {field: answer.body["spec"][field] for field in change} == change


AT = "2026-01-01T00:00:00Z"
SUSPENDED = [{"type": "Suspended", "status": "True", "lastProbeTime": AT, "lastTransitionTime": AT}]
LATE_STATES: dict[str, tuple[Json, Json, bool]] = {
    "it has not begun": ({"suspend": True}, {}, True),
    "its pods have gone": ({"suspend": True}, {"startTime": AT, "conditions": SUSPENDED}, True),
    "a pod ends": ({"suspend": True}, {"terminating": 1}, True),
    "it is about to be suspended": ({"suspend": True}, {"startTime": AT}, False),
    "it has a pod": ({"suspend": True}, {"active": 1}, False),
    "it has a pod though it is suspended": ({"suspend": True}, {"active": 1, "conditions": SUSPENDED}, False),
    "it runs": ({"suspend": False}, {}, False),
}


@pytest.mark.parametrize("case", LATE_STATES)
def test_what_pods_ask_for_and_where_they_go_may_change_while_their_job_waits(
    server: Server, fresh: Callable[[], str], case: str
) -> None:
    (spec, status, may), name = LATE_STATES[case], fresh()
    job = {**a_job(managedBy="example.com/nobody", **spec), "metadata": {"name": name}}
    server.good("POST", JOBS, job)
    server.good("PATCH", f"{JOBS}/{name}/status", {"status": status}, MERGE)
    changes: tuple[Json, ...] = (
        {"containers": [{"name": "a", "resources": {"requests": {"cpu": "2"}}}]},
        {"nodeSelector": {"a": "b"}},
    )
    told = [
        server.call("PATCH", f"{JOBS}/{name}", {"spec": {"template": {"spec": change}}}, STRATEGIC)
        for change in changes
    ]
    first = may and by_version(server, newest=True, oldest=False)
    second = by_version(server, newest=may, oldest=spec["suspend"] and "startTime" not in status)
    assert [answer.code for answer in told] == [200 if taken else 422 for taken in (first, second)]
    fields = [[cause["field"] for cause in answer.body["details"]["causes"]] for answer in told if answer.code == 422]
    assert all(field == ["spec.template"] for field in fields)


def test_what_pods_run_does_not_change_while_their_job_waits(server: Server, fresh: Callable[[], str]) -> None:
    name = fresh()
    server.good("POST", JOBS, {**a_job(suspend=True), "metadata": {"name": name}})
    change = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "i:2"}]}}}}
    answer = server.call("PATCH", f"{JOBS}/{name}", change, STRATEGIC)
    fields = [cause["field"] for cause in answer.body["details"]["causes"]]
    assert (answer.code, fields) == (422, [by_version(server, newest="spec.template.spec", oldest="spec.template")])


def test_a_job_is_not_replaced_by_its_bare_manifest(server: Server, fresh: Callable[[], str]) -> None:
    """The manifest lacks what the server has written: whoever replaces a Job begins with what he reads."""
    name = fresh()
    document = {**a_job(parallelism=0), "metadata": {"name": name}}
    server.good("POST", JOBS, document)
    answer = server.call("PUT", f"{JOBS}/{name}", document)
    first, *others = dict.fromkeys(causes_of(answer))  # 1.34 says one of them twice
    assert first == "spec.selector: Invalid value: null: field is immutable"
    assert others[:2] == ["spec.selector: Required value", f'{LABELS}: Invalid value: {{"a":"b"}}: {NO_MATCH}']
    assert others[2].startswith("spec.template: Invalid value: ") and others[2].endswith("field is immutable")
    whole = server.good("GET", f"{JOBS}/{name}").body
    spec = {field: value for field, value in whole["spec"].items() if field not in ("completionMode", "suspend")}
    assert (
        server.good("PUT", f"{JOBS}/{name}", {**whole, "spec": {**spec, "parallelism": 0}}).body["spec"]
        == whole["spec"]
    )
    server.good("PATCH", f"{JOBS}/{name}", {"spec": {"backoffLimit": 1}}, MERGE)
    server.good("DELETE", f"{JOBS}/{name}", {"propagationPolicy": "Background"})


def test_an_exported_job_is_not_created_again(server: Server, fresh: Callable[[], str]) -> None:
    name = fresh()
    server.good("POST", JOBS, {**a_job(parallelism=0), "metadata": {"name": name}})
    exported = server.good("GET", f"{JOBS}/{name}").body
    server.good("DELETE", f"{JOBS}/{name}", {"propagationPolicy": "Background"})
    spec = {"template": exported["spec"]["template"], "parallelism": 0}
    causes = causes_of(server.call("POST", JOBS, {"metadata": {"name": name}, "spec": spec}))
    unmatched, *others = causes
    keys = ("batch.kubernetes.io/controller-uid", "controller-uid")
    assert unmatched.startswith(f"{LABELS}: Invalid value: ") and unmatched.endswith(NO_MATCH)
    assert [cause.partition(": ")[0] for cause in others] == [f"{LABELS}[{key}]" for key in keys]
    assert all(cause.endswith(": must be 'uid'") for cause in others)


ONE: Json = {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}
WRONG_DEPLOYMENTS: dict[str, tuple[Json, list[str]]] = {
    "pods that end": (
        a_deployment(pods("Never")),
        [f'{RESTARTS}: Unsupported value: "Never": supported values: "Always"'],
    ),
    "pods with a deadline": (
        a_deployment(pods("Always", activeDeadlineSeconds=5)),
        [
            "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported",
        ],
    ),
    "nothing": (
        {"metadata": {"name": "x"}},
        [
            "spec.selector: Required value",
            "spec.template.spec.containers: Required value",
            f"{LABELS}: Invalid value: null: {NO_MATCH}",
        ],
    ),
    "labels of others": (
        a_deployment(selector={"matchLabels": {"a": "c"}}),
        [f'{LABELS}: Invalid value: {{"a":"b"}}: {NO_MATCH}'],
    ),
    "an empty selector": (
        a_deployment(selector={}),
        ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
    ),
    "an operator that there is not": (
        a_deployment(selector={"matchExpressions": [{"key": "a", "operator": "Foo"}]}),
        [
            'spec.selector.matchExpressions[0].operator: Invalid value: "Foo": not a valid selector operator',
            'spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"Foo"}]}: invalid label selector',
        ],
    ),
    "values of nothing": (
        a_deployment(selector={"matchExpressions": [{"key": "a", "operator": "In"}]}),
        [
            "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
            'spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"In"}]}: invalid label selector',
        ],
    ),
    "values of what is there or not": (
        a_deployment(selector={"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}),
        [
            "spec.selector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or "
            "'DoesNotExist'",
            'spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"Exists","values":["b"]}]}: '
            "invalid label selector",
        ],
    ),
    "a key that cannot be": (
        a_deployment(selector={"matchLabels": {"a b": "b"}}),
        [
            f'spec.selector.matchLabels: Invalid value: "a b": {NAME_PART}',
            'spec.selector: Invalid value: {"matchLabels":{"a b":"b"}}: invalid label selector',
        ],
    ),
    "a strategy that there is not": (
        a_deployment(strategy={"type": "Foo"}),
        [
            'spec.strategy: Unsupported value: {"Type":"Foo","RollingUpdate":null}: supported values: "Recreate", '
            '"RollingUpdate"'
        ],
    ),
    "steps of what is made anew": (
        a_deployment(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
        ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
    ),
    "steps of nothing": (
        a_deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
        ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
    ),
    "less than nothing": (
        a_deployment(replicas=-1, revisionHistoryLimit=-1, minReadySeconds=-1, progressDeadlineSeconds=-1),
        [
            *(
                f"spec.{field}: Invalid value: -1: must be greater than or equal to 0"
                for field in ("replicas", "revisionHistoryLimit", "minReadySeconds", "progressDeadlineSeconds")
            ),
            "spec.progressDeadlineSeconds: Invalid value: -1: must be greater than minReadySeconds",
        ],
    ),
    "late before it is ready": (
        a_deployment(minReadySeconds=700),
        ["spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"],
    ),
    "a label that cannot be": (
        a_deployment({**pods("Always"), "metadata": {"labels": {"a": "b", "c": "d e"}}}),
        [f'spec.template.labels: Invalid value: "d e": {LABEL_VALUE}'],
    ),
}


@pytest.mark.parametrize("case", WRONG_DEPLOYMENTS)
def test_a_deployment_that_cannot_be(server: Server, case: str) -> None:
    document, expected = WRONG_DEPLOYMENTS[case]
    assert causes_of(server.call("POST", DEPLOYMENTS, document, dryRun="All")) == sorted(expected)


@pytest.mark.parametrize(
    "document", [a_deployment(), a_deployment(selector=ONE), a_deployment(strategy={"type": "Recreate"})]
)
def test_a_deployment_that_can_be(server: Server, document: Json) -> None:
    server.good("POST", DEPLOYMENTS, document, dryRun="All")
