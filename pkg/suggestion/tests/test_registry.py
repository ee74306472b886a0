"""Which algorithms are served: ours, and those that are named when the service starts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import ClassVar

import pytest

from katib_suggestion import registry
from katib_suggestion.__main__ import main
from katib_suggestion.early_stopping.__main__ import main as early_stopping
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
    "BAD name=mine:Climb": (
        "--algorithm BAD name=mine:Climb: 'BAD name' is no algorithmName: use lower-case letters, digits and '-' between "
        "them, 63 at most"
    ),
    f"{'a' * 64}=mine:Climb": (
        f"--algorithm {'a' * 64}=mine:Climb: '{'a' * 64}' is no algorithmName: use lower-case letters, digits and '-' "
        "between them, 63 at most"
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


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("mine:Clim", "mine:Clim: mine has no Clim: check the spelling"),
        ("BAD name=mine:Climb", WRONG["BAD name=mine:Climb"]),
    ],
)
def test_the_program_ends_with_one_line_when_an_algorithm_is_wrong(
    text: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--listen-address=unix:/nowhere/s", f"--algorithm={text}"]) == 2
    assert capsys.readouterr().err == f"katib-suggestion: {line}\n"


@pytest.mark.parametrize("program", [main, early_stopping])
def test_the_programs_end_with_one_line_when_there_is_no_such_port(
    program: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    """gRPC alone would listen on another one."""
    with pytest.raises(SystemExit, match="2"):
        program(["--listen-address", "localhost:99999"])
    (line,) = capsys.readouterr().err.splitlines()
    assert "--listen-address: 'localhost:99999': ports go up to 65535: choose a lower one" in line
