"""A field that does not say what it means stops the press."""

from collections.abc import Callable
from pathlib import Path

import pytest

from katib_codegen.lint import lint
from katib_codegen.load import load
from katib_codegen.model import Api, bundle

Change = Callable[[str, str, str], None]

PARALLEL = """        type: integer
        format: int32
        x-katib-unit: Trials
        default: 3
        examples: [4]
"""

SILENT = [
    pytest.param("        x-katib-unit: Trials\n        default: 3\n", "        default: 3\n", "without x-katib-unit", id="no unit"),
    pytest.param("        default: 3\n", "", "either a default or x-katib-absent", id="no default"),
    pytest.param("        default: 3\n", "        default: 3\n        x-katib-absent: x\n", "either a default", id="both"),
    pytest.param("        examples: [4]\n", "", "has no examples", id="no example"),
    pytest.param("        examples: [4]\n", "        examples: ['4']\n", "not of its type", id="example of another type"),
    pytest.param("        examples: [4]\n", "        examples: [4]\n        minimum: 1\n", "uses minimum", id="keyword"),
]  # fmt: skip


def test_the_sources_say_all_that_a_reader_needs(api: Api) -> None:
    assert lint(api) == []


@pytest.mark.parametrize(("old", "new", "complaint"), SILENT)
def test_a_field_without_words_is_found(workspace: Path, change: Change, old: str, new: str, complaint: str) -> None:
    assert old in PARALLEL
    change("experiment.yaml", PARALLEL, PARALLEL.replace(old, new))
    [found] = lint(bundle(load(workspace)))
    assert found.startswith("experiment.yaml: ExperimentSpec.parallelTrialCount ")
    assert complaint in found


def test_a_field_without_description_is_found(workspace: Path, change: Change) -> None:
    change("tuning.yaml", "description: Direction of the search.", "description: ' '")
    assert lint(bundle(load(workspace))) == ["tuning.yaml: ObjectiveSpec.type has no description"]


def test_an_example_that_is_no_known_value_is_found(workspace: Path, change: Change) -> None:
    change("tuning.yaml", "examples: [maximize]", "examples: [largest]")
    [found] = lint(bundle(load(workspace)))
    assert found.startswith("tuning.yaml: ObjectiveSpec.type has the example 'largest'")


def test_a_type_without_description_and_a_type_that_nothing_uses_are_found(workspace: Path, change: Change) -> None:
    change("tuning.yaml", "  ConditionStatus:", "  Forgotten: {type: string}\n  ConditionStatus:")
    assert lint(bundle(load(workspace))) == [
        "tuning.yaml: Forgotten has no description",
        "tuning.yaml: nothing refers to Forgotten; remove it",
    ]


FACTS = [
    pytest.param(
        "names.yaml", ', description: "End of', ', words: "End of', "suffixes.marker has no description", id="name"
    ),
    pytest.param(
        "permissions.yaml", ", why: Replicas elect", ", because: Replicas elect", "leases: why?", id="permission"
    ),
    pytest.param("webhooks.yaml", "description: Fills", "words: Fills", "experiment_defaulter has no", id="webhook"),
]


@pytest.mark.parametrize(("file", "old", "new", "complaint"), FACTS)
def test_a_fact_without_a_reason_is_found(
    workspace: Path, change: Change, file: str, old: str, new: str, complaint: str
) -> None:
    change(file, old, new)
    [found] = lint(bundle(load(workspace)))
    assert complaint in found
