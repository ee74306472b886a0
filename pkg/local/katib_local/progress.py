"""What `katib run` shows: the live line and the table at the end. Pure: values to text."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.enums import (
    ConditionStatus,
    ExperimentConditionType,
    MetricStrategyType,
    ObjectiveType,
    TrialConditionType,
)
from katib_local.attempts import Retry, Waits

Json = Mapping[str, Any]
SHOWN = 10
_POD = re.compile(r"\bpod \S+: ")
_RETRIED = re.compile(r"were tried again\. (?:pod \S+: )?(.+)", re.DOTALL)
_USUAL = {ObjectiveType.MAXIMIZE: MetricStrategyType.MAX, ObjectiveType.MINIMIZE: MetricStrategyType.MIN}


def condition(document: Json | None, kind: ExperimentConditionType | TrialConditionType) -> Json | None:
    """The condition of a type, when its status is True."""
    conditions = ((document or {}).get("status") or {}).get("conditions") or []
    return next(
        (entry for entry in conditions if entry.get("type") == kind and entry.get("status") == ConditionStatus.TRUE),
        None,
    )


def finished(experiment: Json | None) -> bool:
    return bool(
        condition(experiment, ExperimentConditionType.SUCCEEDED)
        or condition(experiment, ExperimentConditionType.FAILED)
    )


def best_value(experiment: Json) -> str | None:
    """The objective's value of the best trial so far, as it was reported."""
    optimal = (experiment.get("status") or {}).get("currentOptimalTrial") or {}
    return _objective_value(experiment, optimal.get("observation")) if optimal.get("bestTrialName") else None


def render_progress(
    experiment: Json, elapsed: timedelta, waits: Waits | None = None, now: datetime | None = None
) -> str:
    """One line: counts, best so far, time. Without `now` it changes only when something happens."""
    status = experiment.get("status") or {}
    total = (experiment.get("spec") or {}).get("maxTrialCount")
    stopped = status.get("trialsEarlyStopped") or 0
    failed = sum(status.get(key) or 0 for key in ("trialsFailed", "trialMetricsUnavailable", "trialsKilled"))
    active = (status.get("trialsRunning") or 0) + (status.get("trialsPending") or 0)
    metric = experiment["spec"].get("objective", {}).get("objectiveMetricName", "")
    best = best_value(experiment)
    parts = [
        f"{status.get('trialsSucceeded') or 0}{f' of {total}' if total else ''} succeeded",
        *([f"{stopped} stopped early"] if stopped else []),
        *_active(active, waits or Waits(), now),
        f"{failed} failed",
        f"best {metric} {best}" if best is not None else f"no {metric} yet",
        render_span(elapsed),
    ]
    stalled = condition(experiment, ExperimentConditionType.STALLED)
    return ", ".join(parts) + (f" | waiting: {stalled.get('message', '')}" if stalled else "")


def _active(count: int, waits: Waits, now: datetime | None) -> Iterator[str]:
    """Trials that are not over: those that run, those that wait for room, those that wait for their next attempt."""
    pauses = [retry.at for retry in waits.retries if retry.at is not None]
    yield f"{max(0, count - len(waits.lacking) - len(pauses))} running"
    for word, waiting in Counter(waits.lacking).items():
        yield f"{waiting} waiting for {word}"
    if pauses:
        yield f"{len(pauses)} to be tried again{f' in {render_span(min(pauses) - now)}' if now else ''}"


def render_span(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    return f"{seconds // 60}m{seconds % 60:02d}s" if seconds >= 60 else f"{seconds}s"


def render_result(experiment: Json, trials: Sequence[Json]) -> str:
    """The table of the best trials."""
    rows = ranked(experiment, trials)
    if not rows:
        return ""
    metric = experiment["spec"]["objective"]["objectiveMetricName"]
    parameters = list(dict.fromkeys(name for row in rows for name in row.parameters))
    head = ["TRIAL", metric.upper(), *parameters, "TIME"]
    body = [
        [row.name, row.text, *(row.parameters.get(name, "") for name in parameters), row.span] for row in rows[:SHOWN]
    ]
    more = f"\n(and {len(rows) - SHOWN} more)" if len(rows) > SHOWN else ""
    return render_table(head, body) + more


@dataclass(frozen=True)
class Row:
    """A trial with a value."""

    name: str
    text: str
    value: float | None
    """None for a text, such as the architecture that darts has found."""
    parameters: Mapping[str, str]
    span: str


def ranked(experiment: Json, trials: Sequence[Json]) -> list[Row]:
    """Trials that have a number for the objective, best first, then by name; if none has one, those that have a text."""
    sign = -1.0 if experiment["spec"]["objective"].get("type") == ObjectiveType.MAXIMIZE else 1.0
    rows = [row for row in (_row(experiment, trial) for trial in trials) if row is not None]
    numbers = [row for row in rows if row.value is not None]
    return sorted(numbers or rows, key=lambda row: (sign * (row.value or 0.0), row.name))


def _row(experiment: Json, trial: Json) -> Row | None:
    text = _objective_value(experiment, (trial.get("status") or {}).get("observation"))
    value: float | None = None
    with contextlib.suppress(ValueError):
        value = float(text or "nan")
    if text is None or value != value:
        return None
    assignments = trial["spec"].get("parameterAssignments") or []
    parameters = {entry["name"]: str(entry.get("value", "")) for entry in assignments}
    return Row(trial["metadata"]["name"], text, value, parameters, _duration(trial))


def _objective_value(experiment: Json, observation: Json | None) -> str | None:
    objective = experiment["spec"]["objective"]
    metric = objective["objectiveMetricName"]
    strategies = {entry.get("name"): entry.get("value") for entry in objective.get("metricStrategies") or []}
    strategy = strategies.get(metric) or _USUAL.get(objective.get("type"), MetricStrategyType.LATEST)
    for entry in (observation or {}).get("metrics") or []:
        if entry.get("name") == metric:
            value = entry.get(strategy)
            value = entry.get(MetricStrategyType.LATEST) if value in (None, "", names.VALUE_UNAVAILABLE) else value
            return None if value in (None, "", names.VALUE_UNAVAILABLE) else str(value)
    return None


def _duration(trial: Json) -> str:
    status = trial.get("status") or {}
    if not status.get("startTime") or not status.get("completionTime"):
        return ""
    start, end = (datetime.fromisoformat(status[key]) for key in ("startTime", "completionTime"))
    return render_span(end - start)


def render_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, two blanks between them; a line's end within a cell is written as \\n."""
    head, rows = [_plain(cell) for cell in head], [[_plain(cell) for cell in row] for row in rows]
    widths = [max(len(str(row[column])) for row in [head, *rows]) for column in range(len(head))]
    lines = (
        "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]
    )
    return "\n".join(line.rstrip() for line in lines)


def _plain(cell: object) -> str:
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(cell))


def render_failures(trials: Sequence[Json]) -> list[tuple[str, str]]:
    """Why trials failed: one line per different reason, with the trial that said it first and how many said so.

    The pod's own name does not make another reason.
    """
    reasons: dict[str, list[str]] = {}
    for trial in trials:
        if message := _failure(trial):
            reasons.setdefault(_POD.sub("", message), []).append(trial["metadata"]["name"])
    return [
        (trials[0], f"{trials[0]}{f' and {len(trials) - 1} more' if len(trials) > 1 else ''}: {message}")
        for message, trials in reasons.items()
    ]


def _failure(trial: Json) -> str:
    found = condition(trial, TrialConditionType.FAILED) or condition(trial, TrialConditionType.METRICS_UNAVAILABLE)
    return str(found.get("message", "")) if found else ""


def render_end(message: str, trials: Sequence[Json]) -> str:
    """Why an Experiment has failed, without what it repeats of a trial: that is told beside the trial."""
    repeated = (f". Trial {trial['metadata']['name']}: {_failure(trial)}" for trial in trials)
    return next((message.removesuffix(tail) for tail in repeated if message.endswith(tail)), message)


def retry_reasons(events: Sequence[Json], trials: Collection[str]) -> dict[str, str]:
    """Why pods of these trials failed, as JobRetried events tell it: reason to the trial that said it first.

    The pod's own name and the count of failures do not make another reason.
    """
    reasons: dict[str, str] = {}
    for event in events:
        trial = str((event.get("involvedObject") or {}).get("name"))
        found = _RETRIED.search(str(event.get("message", "")))
        if trial in trials and found:
            reasons.setdefault(found[1], trial)
    return reasons


def render_attempts(retry: Retry) -> str:
    """How long a trial that fails may go on, and how to end that sooner."""
    return (
        f"attempt {retry.failed} of {retry.most} has failed (backoffLimit {retry.most - 1}), and each pause is twice the one "
        "before it: Ctrl-C stops here; backoffLimit: 0 in the template's Job (spec.trialTemplate.trialSpec.spec) gives a trial "
        "up at its first failure"
    )
