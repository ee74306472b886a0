"""collectors.md §3, §4, §4.1: what a line reports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_domain.metric_logs import (
    JsonLineError,
    MetricRow,
    parse_filters,
    parse_json_line,
    parse_text_line,
    reported_rows,
)

NO_TIME = "0001-01-01T00:00:00Z"
NAMES = ["accuracy", "loss", "Score", "acc", "a|b-c", "x"]

TEXT = {
    "loss=0.3": [("loss", "0.3")],
    "accuracy=.98": [("accuracy", ".98")],
    "Score=-7.53e-05": [("Score", "-7.53e-05")],
    "Score=1E0 x=2": [("Score", "1E0"), ("x", "2")],
    "2024-01-01T00:00:00Z epoch 1: loss=0.1, acc = 95%": [("loss", "0.1"), ("acc", "95")],
    "loss=0.1,acc=0.9": [("loss", "0.1"), ("acc", "0.9")],
    "loss=1.": [("loss", "1")],
    "loss=+1e3": [("loss", "+1e3")],
    "train/loss=0.5": [("loss", "0.5")],
    "a|b-c=3": [("a|b-c", "3")],
    "loss:0.3": [],
    "loss=nan": [],
    "loss = inf": [],
    "loss==0.5": [],
    "loss=--1": [("loss", "-")],
    "loss=1_000": [("loss", "1")],
    "nothing=1": [],
    "loss=0.5\r": [("loss", "0.5")],
}


@pytest.mark.parametrize(("line", "pairs"), TEXT.items())
def test_the_default_filter_finds_what_katib_finds_without_empty_values(
    line: str, pairs: list[tuple[str, str]]
) -> None:
    """COL-8: a row with an empty value is dropped."""
    rows = parse_text_line(line, NAMES, parse_filters([])[0])
    assert [(row.name, row.value) for row in rows] == pairs


BRACES = r"{metricName: ([\w|-]+), metricValue: ((-?\d+)(\.\d+)?)}"
BRACED = {
    "2024-03-04T17:55:08Z INFO     {metricName: accuracy, metricValue: 0.8078};{metricName: loss, metricValue: 0.5183}": [
        MetricRow("2024-03-04T17:55:08Z", "accuracy", "0.8078"),
        MetricRow("2024-03-04T17:55:08Z", "loss", "0.5183"),
    ],
    "{metricName: loss, metricValue: 0.8671}": [MetricRow(NO_TIME, "loss", "0.8671")],
    "invalid INFO     {metricName: loss, metricValue: 0.3634}": [MetricRow(NO_TIME, "loss", "0.3634")],
    "{metricName: accuracy, metricValue: .333}": [],
    "{metricName: accuracy, metricValue: - 345.333}": [],
    "{metricName: accuracy, metricValue: 888.}": [],
    "{metricName: accuracy, metricValue: 1": [],
}


@pytest.mark.parametrize(("line", "rows"), BRACED.items())
def test_a_filter_of_the_users_own_finds_names_values_and_times(line: str, rows: list[MetricRow]) -> None:
    assert parse_text_line(line, ["accuracy", "loss"], parse_filters([BRACES])[0]) == rows


def test_a_wrong_filter_is_reported_and_the_others_are_used() -> None:
    """COL-16."""
    patterns, problems = parse_filters(["(", r"(\w+)=1", r"(\w+)=(\d+)"])
    assert [pattern.text for pattern in patterns] == [r"(\w+)=(\d+)"]
    assert "no RE2 expression" in problems[0] and "1 capture groups; two are needed" in problems[1]


JSON = {
    '{"loss": "0.22", "timestamp": 1638422847.28721}': [MetricRow("2021-12-02T05:27:27.28721Z", "loss", "0.22")],
    '{"acc": "0.93", "timestamp": 1638422847.287801}': [MetricRow("2021-12-02T05:27:27.287801Z", "acc", "0.93")],
    '{"acc": "0.93", "timestamp": 1638422847}': [MetricRow("2021-12-02T05:27:27Z", "acc", "0.93")],
    '{"loss": "0.14", "timestamp": "2021-12-02T14:27:50.000035161Z"}': [
        MetricRow("2021-12-02T14:27:50.000035161Z", "loss", "0.14")
    ],
    '{"loss": "0.10"}': [MetricRow(NO_TIME, "loss", "0.10")],
    '{"loss": "0.10", "timestamp": "yesterday"}': [MetricRow(NO_TIME, "loss", "0.10")],
    '{"loss": "0.10", "timestamp": true}': [MetricRow(NO_TIME, "loss", "0.10")],
    '{"loss": 0.10, "acc": 1}': [MetricRow(NO_TIME, "acc", "1"), MetricRow(NO_TIME, "loss", "0.10")],
    '{"loss": null, "acc": true}': [],
    '{"loss": ""}': [],
    '{"loss": "half \\ud800"}': [MetricRow(NO_TIME, "loss", "half ?")],
    "": [],
}


@pytest.mark.parametrize(("line", "rows"), JSON.items())
def test_json_reports_strings_and_numbers_as_they_are_written(line: str, rows: list[MetricRow]) -> None:
    """COL-5, COL-7."""
    assert parse_json_line(line, ["acc", "loss"]) == rows


@pytest.mark.parametrize("line", ["{", "[1]", "loss=1", '"text"', "[" * 100_000])
def test_a_line_that_is_no_object_is_an_error_of_that_line(line: str) -> None:
    """COL-6: so that only that line is skipped."""
    with pytest.raises(JsonLineError):
        parse_json_line(line, ["loss"])


@pytest.mark.parametrize(("value", "kept"), [("0.5", True), ("nan", False), ("-inf", False), ("Genotype(a)", True)])
def test_without_a_usable_objective_one_row_says_unavailable(value: str, kept: bool) -> None:
    """§4.1 and COL-8; text values count (DARTS)."""
    rows = [MetricRow(NO_TIME, "acc", "1"), MetricRow(NO_TIME, "loss", value)]
    assert reported_rows(rows, "loss") == (rows if kept else [MetricRow(NO_TIME, "loss", "unavailable")])


@given(st.text())
def test_no_line_of_text_is_too_odd(line: str) -> None:
    for row in parse_text_line(line, NAMES, parse_filters([])[0]):
        assert row.name in NAMES and row.value


@given(st.text())
def test_no_line_of_json_is_too_odd(line: str) -> None:
    try:
        rows = parse_json_line(line, NAMES)
    except JsonLineError:
        return
    assert all(row.value for row in rows)
