"""collectors.md §2: the command line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from katib_metricscollector.flags import FlagError, StopRule, parse_flags

CONTRACT = "-t t1 -m accuracy;loss -o-type maximize -s-db h:6789 -path /var/log/katib/metrics.log -format TEXT -w false"


def test_the_flags_of_the_webhook_are_understood() -> None:
    flags = parse_flags(CONTRACT.split())
    assert flags.metrics == ("accuracy", "loss")
    assert (flags.trial, flags.objective, flags.wait_all, flags.poll) == ("t1", "accuracy", False, 1.0)


@pytest.mark.parametrize("form", ["-format=JSON", "--format=JSON", "-format JSON", "--format JSON"])
def test_one_or_two_dashes_and_both_ways_of_giving_a_value(form: str) -> None:
    assert parse_flags([*form.split(), "-m", "loss", "-path", "f"]).format == "JSON"


def test_filters_that_hold_a_semicolon_are_given_one_by_one() -> None:
    """COL-11."""
    flags = parse_flags([*CONTRACT.split(), "-f", "a;b", "-filter", "c;d", "-filter", "e"])
    assert flags.filters == ("a", "b", "c;d", "e")


def test_stop_rules_add_up() -> None:
    flags = parse_flags([*CONTRACT.split(), "-stop-rule", "loss;0.5;greater;3", "-stop-rule=acc;1;less;0"])
    assert flags.rules == (StopRule("loss", 0.5, "greater", 3), StopRule("acc", 1.0, "less", 0))


@pytest.mark.parametrize(
    ("text", "seconds"), {"0": 0.0, "500ms": 0.5, "1m30s": 90.0, "1.h": 3600.0, "250µs": 0.00025, "+2s": 2.0}.items()
)
def test_durations_are_those_of_go(text: str, seconds: float) -> None:
    flags = parse_flags([*CONTRACT.split(), f"-p={text}", "-timeout", text])
    assert (flags.poll, flags.timeout) == (seconds, seconds)


WRONG = {
    "-format XML": "-format is 'XML': it must be TEXT or JSON",
    "-format TEXT": "-m names no metric",
    "-format TEXT -m a": "-path is missing",
    "-odd 1": "'-odd' is no flag of this program",
    "-t": "-t needs a value",
    "-stop-rule a;b": "it must have four parts",
    "-stop-rule a;1;near;1": "'near' is no comparison",
    "-stop-rule a;x;less;1": "value and startStep must be numbers",
    "-format TEXT -m a -path f -p soon": "-p is 'soon': it must be a duration",
    "-format TEXT -m a -path f -p -1s": "-p is '-1s': it must be a duration",
    "-format TEXT -m a -path f -timeout 1": "-timeout is '1': it must be a duration",
}


@pytest.mark.parametrize(("line", "message"), WRONG.items())
def test_a_wrong_flag_is_named(line: str, message: str) -> None:
    with pytest.raises(FlagError) as caught:
        parse_flags(line.split())
    assert message in str(caught.value)


def test_help_version_and_errors_of_the_program() -> None:
    def program(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "katib_metricscollector", *words], capture_output=True, text=True)

    assert program("--help").stdout.startswith("usage: katib-file-metrics-collector")
    assert program("-version").stdout.startswith("katib-file-metrics-collector 0")
    wrong = program("-odd")
    assert wrong.returncode == 255 and len(wrong.stderr.splitlines()) == 1


def test_a_waiting_collector_has_loaded_nothing_heavy() -> None:
    """It starts once per trial, beside the training."""
    code = "import sys, katib_metricscollector.__main__; print(sorted(set(sys.argv[1:]) & set(sys.modules)))"
    heavy = ["aiohttp", "asyncio", "grpc", "google", "kubernetes", "numpy", "pydantic", "sqlalchemy", "yaml"]
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
