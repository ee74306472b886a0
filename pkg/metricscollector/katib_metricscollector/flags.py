"""The collectors' command lines: flags with one or two dashes, as `-flag value` or `-flag=value` (collectors.md §2). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from katib_apis.v1beta1.enums import ComparisonType, FileFormat
from katib_machinery.scalars import parse_duration

TRUE_WORDS = {"1", "t", "T", "true", "True", "TRUE"}

HELP = """\
usage: katib-file-metrics-collector -t TRIAL -m METRICS -s-db HOST:PORT -path FILE -format TEXT|JSON [flags]

Echoes a trial's metrics file, waits until training has ended, and reports its metrics to the DB manager.

  -t NAME            trial
  -m NAMES           metric names joined by ";", the objective first
  -o-type TYPE       minimize or maximize
  -s-db HOST:PORT    DB manager (unix:/path works too)
  -path FILE         metrics file; marker files stand beside it
  -format FORMAT     TEXT or JSON
  -f FILTERS         RE2 expressions with two groups (name, value) joined by ";"; default: NAME=NUMBER
  -filter REGEX      one more expression, not split; repeatable
  -p DURATION        pause between looks at the training process (default 1s)
  -timeout DURATION  give up waiting after this long (default 0: never)
  -w BOOL            wait for every process of the training, not only the main one (default true)
  -stop-rule RULE    early-stopping rule "name;value;comparison;startStep"; repeatable
  -s-earlystop ADDR  early-stopping service
  -help, -version    say this, or the version
"""


class FlagError(ValueError):
    """The command line cannot be used; the message names the flag."""


@dataclass(frozen=True)
class StopRule:
    """Met when the metric compares so with the value, from the startStep-th report on (0: from the first)."""

    name: str
    value: float
    comparison: str
    start_step: int


@dataclass(frozen=True)
class Flags:
    """A parsed command line."""

    trial: str = ""
    metrics: tuple[str, ...] = ()
    objective_type: str = ""
    db_manager: str = ""
    path: str = ""
    format: str = FileFormat.TEXT
    filters: tuple[str, ...] = ()
    poll: float = 1.0
    timeout: float = 0.0
    wait_all: bool = True
    rules: tuple[StopRule, ...] = ()
    early_stopping: str = ""

    @property
    def objective(self) -> str:
        return self.metrics[0] if self.metrics else ""


@dataclass
class _Given:
    """Flags as they come: the last of a single one wins, repeatable ones add up."""

    single: dict[str, str] = field(default_factory=dict)
    filters: list[str] = field(default_factory=list)
    rules: list[StopRule] = field(default_factory=list)


SINGLE = {"t", "m", "o-type", "s-db", "path", "format", "f", "p", "timeout", "w", "s-earlystop"}


def parse_flags(arguments: Sequence[str]) -> Flags:
    """Parse a command line; raises FlagError."""
    given = _Given()
    for name, value in _pairs(arguments):
        if name == "filter":
            given.filters.append(value)
        elif name == "stop-rule":
            given.rules.append(parse_stop_rule(value))
        else:
            given.single[name] = value
    single = given.single
    chosen = single.get("format", "")
    if chosen not in tuple(FileFormat):
        raise FlagError(f"-format is {chosen!r}: it must be {' or '.join(FileFormat)}")
    metrics = tuple(name for name in single.get("m", "").split(";") if name)
    if not metrics:
        raise FlagError("-m names no metric: give their names joined by ';', the objective first")
    if not single.get("path"):
        raise FlagError("-path is missing: name the metrics file")
    return Flags(
        trial=single.get("t", ""),
        metrics=metrics,
        objective_type=single.get("o-type", ""),
        db_manager=single.get("s-db", ""),
        path=single["path"],
        format=chosen,
        filters=(*(text for text in single.get("f", "").split(";") if text), *given.filters),
        poll=parse_seconds("-p", single.get("p", "1s")),
        timeout=parse_seconds("-timeout", single.get("timeout", "0")),
        wait_all=single.get("w", "true") in TRUE_WORDS,
        rules=tuple(given.rules),
        early_stopping=single.get("s-earlystop", ""),
    )


def _pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    words = iter(arguments)
    for word in words:
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("-") or name not in {*SINGLE, "filter", "stop-rule"}:
            raise FlagError(f"{word!r} is no flag of this program; -help lists them")
        if not equals:
            found = next(words, None)
            if found is None:
                raise FlagError(f"-{name} needs a value")
            value = found
        yield name, value


def parse_stop_rule(text: str) -> StopRule:
    """A rule "name;value;comparison;startStep"; raises FlagError."""
    parts = text.split(";")
    if len(parts) != 4:
        raise FlagError(f"-stop-rule {text!r}: it must have four parts, name;value;comparison;startStep")
    name, value, comparison, step = parts
    if comparison not in tuple(ComparisonType):
        raise FlagError(f"-stop-rule {text!r}: {comparison!r} is no comparison; it must be equal, less or greater")
    try:
        return StopRule(name, float(value), comparison, int(step))
    except ValueError as error:
        raise FlagError(f"-stop-rule {text!r}: value and startStep must be numbers") from error


def parse_seconds(flag: str, text: str) -> float:
    """Seconds of a duration such as 1s, 500ms or 1m30s, to the microsecond; raises FlagError."""
    try:
        seconds = parse_duration(text).total_seconds()
    except ValueError:
        seconds = -1.0
    if seconds < 0:
        raise FlagError(f"{flag} is {text!r}: it must be a duration such as 1s or 500ms")
    return seconds
