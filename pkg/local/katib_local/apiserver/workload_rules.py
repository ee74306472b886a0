"""What Jobs, Deployments and ReplicaSets may not say, beside what their pods may not. Pure.

Every function yields pairs of field and text, as kube-apiserver words them; forms are known to be right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.errors import shown, unsupported
from katib_local.apiserver.metadata import (
    JOB_LABELS,
    SUBDOMAIN,
    SUBDOMAIN_WORDS,
    UID_LABELS,
    label_problems,
    qualified,
)
from katib_local.apiserver.selectors import match_selector, selector_problems

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
TEMPLATE = "spec.template"
FEW_RESTARTS = ("OnFailure", "Never")
MODES = ("NonIndexed", "Indexed")
ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
OPERATORS = ("In", "NotIn")
TRUTHS = ("False", "True", "Unknown")
REPLACEMENTS = ("Failed", "TerminatingOrFailed")
STRATEGIES = ("Recreate", "RollingUpdate")
JOB_COUNTS = (
    *("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"),
    *("backoffLimitPerIndex", "maxFailedIndexes"),
)
DEPLOYMENT_COUNTS = ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
MOST_INDEXES, MANY_FAILED, LONGEST_MANAGER = 100_000, 10_000, 63
MOST_RULES, MOST_CONDITIONS, MOST_CODES = 20, 20, 255
NO_MATCH = "`selector` does not match template `labels`"


def job_problems(job: Json, *, created: bool) -> Problems:
    """What is wrong with a Job; one that is `created` has the labels and the selector by which it knows its pods."""
    spec = job.get("spec") or {}
    if created and not spec.get("manualSelector"):
        yield from _ungenerated(job, spec)
    yield from _counts(spec, JOB_COUNTS)
    yield from _managed(spec.get("managedBy"))
    yield from _indexed(spec)
    policy = spec.get("podFailurePolicy")
    if policy is not None:
        yield from _failure_policy(spec, policy.get("rules") or [])
    yield from _success_policy(spec)
    replacements = REPLACEMENTS if policy is None else ("Failed",)
    yield from unsupported("spec.podReplacementPolicy", spec.get("podReplacementPolicy"), replacements)
    template = spec.get("template") or {}
    yield from template_problems(template)
    yield from _job_restarts((template.get("spec") or {}).get("restartPolicy"), policy is not None)
    selector = spec.get("selector")
    if selector is None:
        yield "spec.selector", "Required value"
    yield from _selecting(selector, template)


def _ungenerated(job: Json, spec: Json) -> Problems:
    """Labels or a selector that are some other Job's, as of one that was exported and is created again."""
    metadata = job["metadata"]
    labels = _labels(spec.get("template") or {})
    legacy = {UID_LABELS[1]: metadata["uid"], JOB_LABELS[1]: metadata["name"]}
    expected = {**legacy, UID_LABELS[0]: metadata["uid"], JOB_LABELS[0]: metadata["name"]}
    for key, value in expected.items():
        if labels.get(key) != value:
            yield f"{TEMPLATE}.metadata.labels[{key}]", f"Invalid value: {shown(labels)}: must be '{value}'"
    selector = spec.get("selector")
    if selector is not None and not match_selector(selector, expected):
        yield "spec.selector", f"Invalid value: {shown(selector)}: `selector` not auto-generated"


def _counts(spec: Json, names: tuple[str, ...]) -> Problems:
    for name in names:
        if (spec.get(name) or 0) < 0:
            yield f"spec.{name}", f"Invalid value: {spec[name]}: must be greater than or equal to 0"


def _managed(by: str | None) -> Problems:
    """Who looks after a job instead of the cluster: a name with a domain before it."""
    if by is None:
        return
    domain, slash, name = by.partition("/")
    if not (domain and slash and name):
        words = 'must be a domain-prefixed path (such as "acme.io/foo")'
        yield "spec.managedBy", f"Invalid value: {shown(by)}: {words}"
    elif not SUBDOMAIN.fullmatch(domain):
        yield "spec.managedBy", f"Invalid value: {shown(domain)}: {SUBDOMAIN_WORDS}"
    if len(by) > LONGEST_MANAGER:
        yield "spec.managedBy", f"Too long: may not be more than {LONGEST_MANAGER} bytes"


def _at_once(spec: Json) -> Problems:
    """How many pods with numbers there may be at one time, and how many of them may fail."""
    parallel, failed = spec.get("parallelism") or 0, spec.get("maxFailedIndexes") or 0
    if parallel > MOST_INDEXES:
        text = f"must be less than or equal to {MOST_INDEXES} when completion mode is Indexed"
        yield "spec.parallelism", f"Invalid value: {parallel}: {text}"
    if failed > MOST_INDEXES:
        yield "spec.maxFailedIndexes", f"Invalid value: {failed}: must be less than or equal to {MOST_INDEXES}"
    if (spec.get("completions") or 0) > MOST_INDEXES and spec.get("backoffLimitPerIndex") is not None:
        text = f"when completions are above {MOST_INDEXES} and used with backoff limit per index"
        if failed > MANY_FAILED:
            why = f"must be less than or equal to {MANY_FAILED} {text}"
            yield "spec.maxFailedIndexes", f"Invalid value: {failed}: {why}"


def _indexed(spec: Json) -> Problems:
    """What only a Job whose pods have numbers may say, and what such a Job has to."""
    mode, failed = spec.get("completionMode"), spec.get("maxFailedIndexes")
    if failed is not None and spec.get("backoffLimitPerIndex") is None:
        yield "spec.backoffLimitPerIndex", "Required value: when maxFailedIndexes is specified"
    yield from unsupported("spec.completionMode", mode, MODES)
    if mode == "Indexed":
        yield from _at_once(spec)
        if spec.get("completions") is None:
            yield "spec.completions", "Required value: when completion mode is Indexed"
        elif failed is not None and failed > spec["completions"]:
            yield "spec.maxFailedIndexes", f"Invalid value: {failed}: must be less than or equal to completions"
    elif mode in (None, "NonIndexed"):
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(name) is not None:
                yield f"spec.{name}", f"Invalid value: {spec[name]}: requires indexed completion mode"


def _failure_policy(spec: Json, rules: list[Json]) -> Problems:
    path, pod = "spec.podFailurePolicy.rules", (spec.get("template") or {}).get("spec") or {}
    containers = [entry.get("name") for field in ("containers", "initContainers") for entry in pod.get(field) or []]
    yield from _too_many(path, rules, MOST_RULES)
    for index, rule in enumerate(rules):
        place, codes, conditions = f"{path}[{index}]", rule.get("onExitCodes"), rule.get("onPodConditions") or []
        yield from _chosen(f"{place}.action", rule.get("action"), ACTIONS)
        if rule.get("action") == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            yield f"{place}.action", 'Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set'
        if codes is not None:
            yield from _exit_codes(codes, f"{place}.onExitCodes", containers)
        yield from _pod_conditions(conditions, f"{place}.onPodConditions")
        if codes is not None and conditions:
            yield place, "Invalid value: specifying both OnExitCodes and OnPodConditions is not supported"
        if codes is None and not conditions:
            yield place, "Invalid value: specifying one of OnExitCodes and OnPodConditions is required"


def _success_policy(spec: Json) -> Problems:
    policy = spec.get("successPolicy")
    if policy is None:
        return
    rules = policy.get("rules") or []
    if spec.get("completionMode") != "Indexed":
        fields = ("succeededIndexes", "succeededCount")
        held = [{f"{name[0].upper()}{name[1:]}": rule.get(name) for name in fields} for rule in rules]
        yield "spec.successPolicy", f"Invalid value: {_in_order({'Rules': held})}: requires indexed completion mode"
    elif not rules:
        text = "at least one rules must be specified when the successPolicy is specified"
        yield "spec.successPolicy.rules", f"Required value: {text}"
    else:
        yield from _too_many("spec.successPolicy.rules", rules, MOST_RULES)
        for index, rule in enumerate(rules):
            yield from _success_rule(rule, f"spec.successPolicy.rules[{index}]", spec.get("completions") or 0)


def _success_rule(rule: Json, path: str, completions: int) -> Problems:
    listed, count, named = rule.get("succeededIndexes"), rule.get("succeededCount"), 0
    if listed is None and count is None:
        yield path, "Required value: at least one of succeededCount or succeededIndexes must be specified"
    if listed is not None:
        try:
            named = _count_indexes(listed, completions)
        except ValueError as error:
            yield f"{path}.succeededIndexes", f'Invalid value: "{listed}": error parsing succeededIndexes: {error}'
    if count is None:
        return
    if count < 0:
        yield f"{path}.succeededCount", f"Invalid value: {count}: must be greater than or equal to 0"
    bounds = [(completions, "the number of specified completions")]
    if listed is not None:
        bounds.append((named, "the number of indexes in the specified succeededIndexes field"))
    for most, what in bounds:
        if count > most:
            yield f"{path}.succeededCount", f"Invalid value: {count}: must be less than or equal to {most} ({what})"


def _count_indexes(text: str, completions: int) -> int:
    """How many indexes a text like `0,2-4` names; raises ValueError for one that cannot be."""
    total, last = 0, -1
    for part in text.split(",") if text else ():
        first, end = _interval(part, completions)
        _rising(last, first)
        total, last = total + end - first + 1, end
    return total


def _interval(text: str, completions: int) -> tuple[int, int]:
    limits = text.split("-")
    if len(limits) > 2:
        what = "violates the requirement that an index interval can have at most two parts separated by '-'"
        raise ValueError(f'the fragment "{text}" {what}')
    numbers = [_index(limit, completions) for limit in limits]
    if len(numbers) == 2:
        _rising(*numbers)
    return numbers[0], numbers[-1]


def _index(text: str, completions: int) -> int:
    if not re.fullmatch(r"\+?[0-9]+", text):
        raise ValueError(f'cannot convert string to integer for index: "{text}"')
    if int(text) >= completions:
        raise ValueError(f'too large index: "{text}"')
    return int(text)


def _rising(previous: int, current: int) -> None:
    if previous >= current:
        raise ValueError(f"non-increasing order, previous: {previous}, current: {current}")


def _in_order(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _too_many(path: str, entries: list[Any], most: int) -> Problems:
    if len(entries) > most:
        yield path, f"Too many: {len(entries)}: must have at most {most} items"


def _chosen(path: str, value: str | None, supported: tuple[str, ...]) -> Problems:
    if value:
        yield from unsupported(path, value, supported)
    else:
        listed = " ".join(f'"{word}"' for word in supported)
        yield path, f"Required value: valid values: [{listed}]"


def _exit_codes(codes: Json, path: str, containers: list[Any]) -> Problems:
    name, values = codes.get("containerName"), codes.get("values") or []
    yield from _chosen(f"{path}.operator", codes.get("operator"), OPERATORS)
    if name is not None and name not in containers:
        why = "must be one of the container or initContainer names in the pod template"
        yield f"{path}.containerName", f'Invalid value: "{name}": {why}'
    if not values:
        yield f"{path}.values", "Invalid value: []: at least one value is required"
    yield from _too_many(f"{path}.values", values, MOST_CODES)
    for index, value in enumerate(values):
        if value == 0 and codes.get("operator") == "In":
            yield f"{path}.values[{index}]", "Invalid value: 0: must not be 0 for the In operator"
        if value in values[:index]:
            yield f"{path}.values[{index}]", f"Duplicate value: {value}"
    if values != sorted(values):
        yield f"{path}.values", f"Invalid value: {shown(values)}: must be ordered"


def _pod_conditions(conditions: list[Json], path: str) -> Problems:
    yield from _too_many(path, conditions, MOST_CONDITIONS)
    for index, condition in enumerate(conditions):
        yield from qualified(f"{path}[{index}].type", condition.get("type") or "")
        yield from _chosen(f"{path}[{index}].status", condition.get("status"), TRUTHS)


def _job_restarts(restarts: str | None, has_policy: bool) -> Problems:
    path = f"{TEMPLATE}.spec.restartPolicy"
    if restarts in (None, "", "Always"):
        yield path, 'Required value: valid values: "OnFailure", "Never"'
    elif restarts not in FEW_RESTARTS:
        yield from unsupported(path, restarts, FEW_RESTARTS)
    elif has_policy and restarts != "Never":
        yield path, f'Invalid value: "{restarts}": only "Never" is supported when podFailurePolicy is specified'


def template_problems(template: Json) -> Problems:
    """What is wrong with the labels of the pods that a workload makes."""
    yield from label_problems(_labels(template), f"{TEMPLATE}.labels")


def _labels(template: Json) -> Json:
    return (template.get("metadata") or {}).get("labels") or {}


def _selecting(selector: Json | None, template: Json) -> Problems:
    """A selector that is wrong in itself, or that does not find what is made by the template; None finds nothing."""
    wrong = [] if selector is None else list(selector_problems(selector, "spec.selector"))
    yield from wrong
    labels = _labels(template)
    if not wrong and (selector is None or not match_selector(selector, labels)):
        yield f"{TEMPLATE}.metadata.labels", f"Invalid value: {shown(labels or None)}: {NO_MATCH}"


def deployment_problems(spec: Json) -> Problems:
    """What is wrong with a Deployment; of a ReplicaSet, which has less, all but its own words for a wrong name."""
    selector, template = spec.get("selector"), spec.get("template") or {}
    yield from _counts(spec, DEPLOYMENT_COUNTS[:1])
    if selector is not None and not (selector.get("matchLabels") or selector.get("matchExpressions")):
        yield "spec.selector", "Invalid value: {}: empty selector is invalid for deployment"
    problems = list(_selecting(selector, template))
    yield from problems
    if any(field.startswith("spec.selector") for field, _ in problems):
        yield "spec.selector", f"Invalid value: {shown(selector)}: invalid label selector"
    yield from template_problems(template)
    pod = template.get("spec") or {}
    yield from unsupported(f"{TEMPLATE}.spec.restartPolicy", pod.get("restartPolicy"), ("Always",))
    if pod.get("activeDeadlineSeconds") is not None:
        text = "activeDeadlineSeconds in ReplicaSet is not Supported"
        yield f"{TEMPLATE}.spec.activeDeadlineSeconds", f"Forbidden: {text}"
    yield from _strategy(spec.get("strategy") or {})
    yield from _counts(spec, DEPLOYMENT_COUNTS[1:])
    limit = spec.get("progressDeadlineSeconds")
    if limit is not None and limit <= (spec.get("minReadySeconds") or 0):
        yield "spec.progressDeadlineSeconds", f"Invalid value: {limit}: must be greater than minReadySeconds"


def _strategy(strategy: Json) -> Problems:
    kind, rolling, path = strategy.get("type"), strategy.get("rollingUpdate"), "spec.strategy"
    if kind is not None and kind not in STRATEGIES:
        (cause,) = unsupported(path, kind, STRATEGIES)
        whole = _in_order({"Type": kind, "RollingUpdate": rolling})
        yield path, cause[1].replace(shown(kind), whole, 1)
    elif kind == "Recreate" and rolling is not None:
        text = "may not be specified when strategy `type` is 'Recreate'"
        yield f"{path}.rollingUpdate", f"Forbidden: {text}"
    elif rolling is not None and all(rolling.get(name) in (0, "0%") for name in ("maxSurge", "maxUnavailable")):
        held = shown(rolling["maxUnavailable"])
        yield f"{path}.rollingUpdate.maxUnavailable", f"Invalid value: {held}: may not be 0 when `maxSurge` is 0"
