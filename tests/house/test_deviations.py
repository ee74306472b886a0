"""docs/deviations.md keeps its word: every row's tests exist and name the row's numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/deviations.md"
NUMBER = re.compile(r"\b[A-Z]+-?[0-9]+\b")
COLUMNS = 5


@dataclass(frozen=True)
class Row:
    """One deviation: the numbers of the contract that it is about, and the files of the tests that show it."""

    where: str
    numbers: tuple[str, ...]
    files: tuple[str, ...]


def parse_row(line: str) -> Row:
    """Read a line of the table."""
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    assert len(cells) == COLUMNS, f"{PAGE.name}: {COLUMNS} columns are wanted: {line}"
    files = [part.strip().strip("`") for part in cells[-1].split(",")]
    return Row(cells[0], tuple(NUMBER.findall(cells[0])), tuple(files))


def rows() -> list[Row]:
    """All rows below the table's head."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    return [parse_row(line) for line in lines[2:]]


def cites(text: str, number: str) -> bool:
    """Whether a text has that number, and not only as a part of another."""
    return re.search(rf"(?<![\w-]){re.escape(number)}(?!\w)", text) is not None


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.where)
def test_the_tests_of_a_deviation_exist_and_name_its_numbers(row: Row) -> None:
    missing = [file for file in row.files if not (ROOT / file).is_file() or not Path(file).name.startswith("test_")]
    assert not missing, f"no such test: {missing}: mend the last column of the row"
    texts = {file: (ROOT / file).read_text() for file in row.files}
    uncited = [number for number in row.numbers if not any(cites(text, number) for text in texts.values())]
    assert not uncited, f"{', '.join(row.files)} cites no {uncited}: name it in the docstring of the test that shows it"
    idle = [file for file, text in texts.items() if row.numbers and not any(cites(text, n) for n in row.numbers)]
    assert not idle, f"{idle} cites none of {row.numbers}: name one there, or take the file out of the row"


def test_no_number_stands_in_two_rows() -> None:
    numbers = [number for row in rows() for number in row.numbers]
    assert sorted(set(numbers)) == sorted(numbers), "say it in one row"


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("(CTL-1)", True),
        ("CTL-1, CTL-2", True),
        ("CTL-10", False),
        ("XCTL-1", False),
        ("§5: CTL-1.", True),
        ("", False),
    ],
)
def test_a_number_is_cited_by_itself(text: str, cited: bool) -> None:
    assert cites(text, "CTL-1") is cited
