"""Algorithms of the user's own on a laptop."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import yaml

from katib_local import algorithms
from katib_local.algorithms import GROUP, find_algorithms
from katib_local.laptop import render_config
from katib_local.programs import Ports
from katib_local.state import StateError
from katib_suggestion import registry

CLIMB = """
from katib_suggestion.search import Algorithm

class Climb(Algorithm):
    name = "climb"

    def propose(self, search):
        yield search.space.sample(search.dice)
"""


def test_a_class_in_the_folder_is_found_and_a_wrong_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "climbing_here.py").write_text(CLIMB)
    assert find_algorithms(["climbing_here:Climb"], tmp_path) == ("climb",)
    with pytest.raises(StateError, match="climbing_here has no Clim: check the spelling"):
        find_algorithms(["climbing_here:Clim"], tmp_path)
    del sys.modules["climbing_here"]


def test_an_installed_algorithm_that_is_broken_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared service then says what is wrong with it; whoever asks for another one is not held up."""
    entries = [EntryPoint(name, "nowhere:Climb", GROUP) for name in ("broken", "NO name")]
    for module in (algorithms, registry):
        monkeypatch.setattr(module, "entry_points", lambda group: entries)
    assert find_algorithms([], Path()) == ("broken",)


def test_the_laptop_looks_for_installed_algorithms_where_the_service_does() -> None:
    """The constant stands twice because importing the service would slow every start down."""
    assert GROUP == registry.GROUP


def test_the_shared_service_serves_what_the_configuration_has_no_entry_for() -> None:
    text = "runtime: {suggestions: [{algorithmName: mine, image: a}], metricsCollectors: []}"
    rendered = yaml.safe_load(render_config(text, Ports(1, 2, 3), ["mine", "climb"]))
    assert rendered["runtime"]["suggestions"] == [
        {"algorithmName": "mine", "image": "a"},
        {"algorithmName": "climb", "endpoint": "katib-suggestion.kubeflow:6789", "trialHistory": "full"},
    ]
    assert rendered["runtime"]["metricsCollectors"] == []
