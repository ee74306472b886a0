"""Which algorithms are served: ours, and those that are named when the service starts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import ClassVar

import pytest

from katib_suggestion import registry
from katib_suggestion.__main__ import main
from katib_suggestion.registry import RegistryError, build_registry
from katib_suggestion.search import Algorithm, Point, Search


@dataclass(frozen=True)
class Climb(Algorithm):
    name: ClassVar[str] = "climb"

    def propose(self, search: Search) -> Iterator[Point]:
        yield search.space.sample(search.dice)


@dataclass(frozen=True)
class Unfinished(Algorithm):
    name: ClassVar[str] = "unfinished"


@pytest.fixture(autouse=True)
def mine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the user's, named `mine`."""
    module = ModuleType("mine")
    vars(module).update(Climb=Climb, Unfinished=Unfinished, number=1)
    monkeypatch.setitem(sys.modules, "mine", module)


def test_a_class_is_served_under_its_name_or_the_one_that_is_given() -> None:
    found = build_registry(["mine:Climb", "hill=mine:Climb"])
    assert found.get_algorithm("climb") is found.get_algorithm("hill") is Climb
    assert {"random", "climb", "hill"} <= set(found.names)


def test_an_entry_point_is_served_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [EntryPoint("installed", "mine:Climb", "katib.algorithms")]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries if group == "katib.algorithms" else [])
    assert build_registry().get_algorithm("installed") is Climb


WRONG = {
    "mine": "'mine': write it as module:Class, for example my_search:HillClimbing",
    "nowhere:Climb": "nowhere:Climb: cannot import: No module named 'nowhere': is its folder in PYTHONPATH?",
    "mine:Clim": "mine:Clim: mine has no Clim: check the spelling",
    "mine:number": "mine:number: is no subclass of katib_suggestion.search.Algorithm or Scheduler",
    "mine:Unfinished": "mine:Unfinished: does not say propose: write that method",
    "random=mine:Climb": (
        "--algorithm random=mine:Climb: 'random' is already katib_suggestion.algorithms.random_search:RandomSearch: "
        "choose another name"
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_an_algorithm_that_cannot_be_served_is_named_at_the_start(text: str) -> None:
    with pytest.raises(RegistryError) as caught:
        build_registry([text])
    assert str(caught.value) == WRONG[text]


def test_a_class_without_a_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Climb, "name", "")
    with pytest.raises(RegistryError, match="has no name: set `name` in the class, or say NAME=mine:Climb"):
        build_registry(["mine:Climb"])


def test_the_program_ends_with_one_line_when_an_algorithm_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--listen-address=unix:/nowhere/s", "--algorithm=mine:Clim"]) == 1
    assert capsys.readouterr().err == "katib-suggestion: mine:Clim: mine has no Clim: check the spelling\n"
