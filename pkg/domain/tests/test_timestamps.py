"""db-manager.md §5 and the grammar of collectors.md §3."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_domain.timestamps import TimestampError, format_rfc3339, is_rfc3339, parse_rfc3339

RETURNED = {
    "2016-12-31T20:02:05.123456Z": "2016-12-31T20:02:05.123456Z",
    "2024-01-01T00:00:00.1234567Z": "2024-01-01T00:00:00.123456Z",
    "2019-02-03T04:05:06+09:00": "2019-02-02T19:05:06Z",
    "2024-01-01T00:00:00.120Z": "2024-01-01T00:00:00.12Z",
    "2024-01-01T00:00:00,5-01:30": "2024-01-01T01:30:00.5Z",
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00Z",
}


@pytest.mark.parametrize(("reported", "returned"), RETURNED.items())
def test_times_are_truncated_to_microseconds_and_returned_in_utc(reported: str, returned: str) -> None:
    assert format_rfc3339(parse_rfc3339(reported)) == returned


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-01-01",
        "2024-01-01 00:00:00Z",
        "2024-01-01t00:00:00Z",
        "2024-01-01T00:00:00z",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00:60Z",
        "2024-01-01T24:00:00Z",
        "2024-02-30T00:00:00Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00+24:00",
        "0001-01-01T00:00:00+01:00",
        "٢024-01-01T00:00:00Z",
    ],
)
def test_anything_else_is_no_time_stamp(text: str) -> None:
    assert not is_rfc3339(text)
    with pytest.raises(TimestampError):
        parse_rfc3339(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_time_survives_a_round_trip(time: datetime) -> None:
    assert parse_rfc3339(format_rfc3339(time)) == time
