"""Log lines for machines and for people."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from katib_machinery.logs import configure_logging


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_is_one_json_object_with_the_records_extras() -> None:
    stream = io.StringIO()
    configure_logging("debug", stream=stream)
    logging.getLogger("katib.test").info("took %d ms\nand ümlauts", 5, extra={"key": "ns/a"})
    (line,) = stream.getvalue().splitlines()
    document = json.loads(line)
    assert document.pop("ts").endswith("Z")
    assert document == {"level": "info", "logger": "katib.test", "msg": "took 5 ms\nand ümlauts", "key": "ns/a"}


def test_an_exception_is_in_its_line() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream)
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("katib.test").exception("failed")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: broken" in json.loads(line)["error"]


def test_people_get_plain_text_and_only_what_the_level_asks_for() -> None:
    stream = io.StringIO()
    configure_logging("warning", form="text", stream=stream)
    logging.getLogger("katib.test").info("quiet")
    logging.getLogger("katib.test").warning("loud")
    (line,) = stream.getvalue().splitlines()
    assert line.endswith("WARNING katib.test: loud")
