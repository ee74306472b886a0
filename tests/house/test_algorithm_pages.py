"""docs/algorithms.md has a section for every algorithm, with its curve and a row for every setting."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from katib_suggestion.registry import Registry

PAGES = Path(__file__).parents[2] / "docs"
PAGE = (PAGES / "algorithms.md").read_text()
SECTIONS = {
    name: body
    for title, body in re.findall(r"^## (.+)\n((?:(?!## ).*\n?)*)", PAGE, re.MULTILINE)
    for name in title.split(", ")
}


@pytest.mark.parametrize("name", Registry().names)
def test_an_algorithm_has_a_section_with_its_curve_and_all_its_settings(name: str) -> None:
    section = SECTIONS[name]
    assert "**When.**" in section and "**Cost.**" in section
    assert (
        f"](figures/{name}.svg)" in section and (PAGES / f"figures/{name}.svg").is_file()
    ), "draw what the bench measured"
    fields = [field.name for field in dataclasses.fields(Registry().get_algorithm(name))]
    assert [setting for setting in fields if f"`{setting}`" not in section] == []
