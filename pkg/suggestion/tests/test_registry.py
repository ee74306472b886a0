"""Which algorithms are served: ours, and those that are named when the service starts."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import grpc
import pytest
from contracts.algorithms.questions import a_question, an_experiment, serving

from katib_apis.v1beta1 import api_pb2
from katib_suggestion import registry
from katib_suggestion.__main__ import main
from katib_suggestion.answers import answer_validation
from katib_suggestion.early_stopping.__main__ import main as early_stopping
from katib_suggestion.problem import RefusedError
from katib_suggestion.registry import RegistryError, build_registry
from katib_suggestion.search import Algorithm, Point, Search
from katib_suggestion.settings import parse_settings


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


def install(folder: Path, name: str, value: str, module: str = "") -> None:
    """A package with one entry point, as an installer leaves it behind, and its module of the same name."""
    dist = folder / f"{name.replace('-', '_')}-1.2.dist-info"
    dist.mkdir()
    (dist / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (dist / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{name} = {value}\n")
    (folder / f"{name}.py").write_text(module)


BROKEN = {
    "raises": ("raises:Climb", "raise ValueError('no\\nluck')", "cannot import: ValueError: no luck: mend the module"),
    "ends": ("ends:Climb", "import sys; sys.exit('bye')", "cannot import: SystemExit: bye: mend the module"),
    "unread": ("unread:Climb", "def", "cannot import: SyntaxError: invalid syntax"),
    "lacks": ("lacks:Climb", "import numpi", "cannot import: No module named 'numpi': install numpi"),
    "gone": (
        "gone_from_here:Climb",
        "",
        "cannot import: No module named 'gone_from_here': is its folder in PYTHONPATH?",
    ),
    "empty": ("empty:Climb", "", "empty has no Climb: check the spelling"),
    "other": ("other:Climb", "class Climb: pass", "is no subclass of katib_suggestion.search.Algorithm or Scheduler"),
    "half": ("half", "", "'half': write it as module:Class, for example my_search:HillClimbing"),
}


def test_an_installed_algorithm_that_is_broken_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning names it, and so does the refusal of an Experiment that asks for it."""
    for name, (value, module, _) in BROKEN.items():
        install(tmp_path, name, value, module)
    monkeypatch.syspath_prepend(tmp_path)
    found = build_registry()
    assert found.names == sorted(registry.BUILT_IN)
    for name, (_, _, cause) in BROKEN.items():
        start = f"entry point '{name}' of {name} 1.2 of group katib.algorithms: "
        (line,) = (entry for entry in caplog.messages if entry.startswith(start))
        assert cause in line and line.endswith("; it is not served")
        with pytest.raises(RegistryError, match=re.escape(start)):
            found.get_algorithm(name)
        request = api_pb2.ValidateAlgorithmSettingsRequest(experiment=an_experiment(name))
        with pytest.raises(RefusedError) as caught:
            answer_validation(request, found)
        told = f"spec.algorithm.algorithmName: '{name}' cannot be served: {start}"
        assert str(caught.value).startswith(told) and cause in str(caught.value)
    answer_validation(api_pb2.ValidateAlgorithmSettingsRequest(experiment=an_experiment("tpe")), found)


def test_the_service_starts_beside_a_broken_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, *("raises", *BROKEN["raises"][:2]))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with serving(tmp_path) as service:
        assert len(service.points(a_question(an_experiment("random")))) == 3
        with pytest.raises(grpc.RpcError, match=r"'raises' cannot be served: entry point 'raises'.* no luck"):
            service.validate(an_experiment("raises"))
    assert "WARNING katib_suggestion.registry entry point 'raises' of raises 1.2" in (tmp_path / "log").read_text()


def test_names_that_are_taken_cost_only_who_takes_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Ours stay; of two packages with one name nobody can say which is meant."""
    pairs = [("random", "mine:Climb"), ("hill", "mine:Climb"), *(("twice", f"mine:{kind}") for kind in "ABC")]
    entries = [EntryPoint(name, value, registry.GROUP) for name, value in pairs]
    vars(sys.modules["mine"]).update(A=Climb, B=Climb, C=Climb)
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    found = build_registry()
    assert found.places == {**registry.BUILT_IN, "hill": "mine:Climb"}
    assert set(found.broken) == {"twice"} and "'twice' is already mine:A" in found.broken["twice"]
    assert [("'random' is already" in line, "'twice' is already" in line) for line in caplog.messages] == [
        (True, False),
        (False, True),
    ]
    given = build_registry(["twice=mine:Climb"])
    assert given.get_algorithm("twice") is Climb and not given.broken


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


FIELDS = {
    "sizes: list[int] = setting((1, 2))": (
        "field sizes: list[int] is no type of a setting: take int, float, str, bool, or one of them | None; or make it a "
        "ClassVar"
    ),
    "sizes: 'list' = setting(())": "field sizes: list is no type of a setting: take int,",
    "rate: int | str = setting(1)": "field rate: int | str is no type of a setting: take int,",
    "rate: 'Rate' = setting(1)": "the types of its fields cannot be read: name 'Rate' is not defined: import what they name",
    "name: str = 'climb'": "field name: this name means something else: choose another, or leave out the type",
    "pace: float = setting(0.1)\n    def __init__(self): pass": (
        "field pace: is no parameter of __init__: leave __init__ to the dataclass"
    ),
}
CLASS = """
from dataclasses import dataclass, field
from typing import ClassVar
from katib_suggestion.search import Algorithm
from katib_suggestion.settings import setting
@dataclass(frozen=True)
class Climb(Algorithm):
    {}
    def propose(self, search):
        yield search.space.sample(search.dice)
"""


def a_class(fields: str, text: str = CLASS) -> None:
    """Put a class with these fields where `mine:Climb` is."""
    exec(text.format(fields), vars(sys.modules["mine"]))


@pytest.mark.parametrize("fields", FIELDS)
def test_a_field_that_cannot_be_a_setting_is_named_at_the_start(fields: str) -> None:
    a_class(fields)
    with pytest.raises(RegistryError) as caught:
        build_registry(["climb=mine:Climb"])
    assert str(caught.value).startswith(f"mine:Climb: {FIELDS[fields]}")


def test_settings_of_a_class_that_is_no_dataclass_are_missed_at_the_start() -> None:
    bare = CLASS.replace("@dataclass(frozen=True)\n", "")
    a_class("pace: float = setting(0.1)", bare)
    with pytest.raises(RegistryError, match="mine:Climb: field pace: is not read: write @dataclass"):
        build_registry(["climb=mine:Climb"])
    a_class("pace: ClassVar[float] = 0.1", bare)
    build_registry(["climb=mine:Climb"])


def test_plain_fields_are_settings_with_any_value_of_their_type() -> None:
    a_class(
        "pace: float = 0.1; steps: int | None = None; word: str = field(default_factory=lambda: 'a'); wide: bool = False\n"
        "    kept: tuple[int, ...] = field(default=(), init=False)"
    )
    kind = build_registry(["climb=mine:Climb"]).get_algorithm("climb")
    default, _, errors = parse_settings(kind, [])
    assert repr(default) == "Climb(pace=0.1, steps=None, word='a', wide=False, kept=())" and not errors
    found, _, errors = parse_settings(kind, [("pace", "-2"), ("steps", "3"), ("word", ""), ("wide", "true")])
    assert repr(found) == "Climb(pace=-2.0, steps=3, word='', wide=True, kept=())" and not errors
    wrong = parse_settings(kind, [("pace", "fast"), ("kept", "1")])[2]
    assert wrong == [
        "setting pace: 'fast' is not a number",
        "setting 'kept': no such setting (given '1'); known are pace, random_state, seed, steps, wide, word: "
        "take one of them or remove it",
    ]


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


PICKY = CLASS + """
    def __post_init__(self):
        if self.low >= self.high:
            raise ValueError(self.words)
"""


@pytest.mark.parametrize(
    ("words", "told"), [("low: must be below high: lower it", "low: must be below"), ("", "ValueErr")]
)
def test_settings_that_a_class_refuses_together_are_told_to_the_user(
    words: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """U-08: as INVALID_ARGUMENT, because Katib's controller goes on after any other code."""
    fields = f"low: int = setting(1); high: int = setting(5); words: ClassVar[str] = {words!r}"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "mine.py").write_text(PICKY.format(fields))
    with serving(tmp_path, "--algorithm", "climb=mine:Climb") as service:
        service.validate(an_experiment("climb", settings={"low": "4"}))
        with pytest.raises(grpc.RpcError) as caught:
            service.validate(an_experiment("climb", settings={"low": "5"}))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    place = "spec.algorithm.algorithmSettings: Climb refuses them: "
    assert str(caught.value.details()).startswith(place + told)
