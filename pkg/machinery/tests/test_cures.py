"""A value of the wrong type: what its author is told to write in its place."""

from __future__ import annotations

from typing import Any

import pytest

from katib_machinery.cures import type_cure

CURES: dict[str, tuple[str, Any, str]] = {
    "a number for text": ("string", 0.001, 'write it in quotes: "0.001"'),
    "a truth value for text": ("string", True, 'write it in quotes: "true"'),
    "a list for text": ("string", ["a"], "write one text in quotes"),
    "a whole number in quotes": ("integer", "3", "write it without quotes: 3"),
    "a word for a number": ("integer", "twelve", "write a whole number without quotes"),
    "half a number": ("integer", 1.5, "write a whole number without quotes"),
    "a number in quotes": ("number", "0.90", "write it without quotes: 0.9"),
    "no number that JSON can hold": ("number", "nan", "write a number without quotes"),
    "a truth value in quotes": ("boolean", "Yes", "write it without quotes: true"),
    "a number for a truth value": ("boolean", 1, "write true or false, without quotes"),
    "one entry for a list": ("array", "relu", "write a list, such as [a, b]"),
    "text for a mapping": ("object", "a", "write a mapping, one `name: value` on each line"),
}


@pytest.mark.parametrize(("wanted", "value", "cure"), CURES.values(), ids=CURES.keys())
def test_a_wrong_type_is_told_with_what_to_write(wanted: str, value: Any, cure: str) -> None:
    assert type_cure(wanted, value) == cure
