"""Every mistake in a source stops the press with readable lines: file, place, what is wrong, what would be right."""

from collections.abc import Callable
from pathlib import Path

import pytest

from katib_codegen.__main__ import main

Change = Callable[[str, str, str], None]

GOLDEN = dict(
    block.removeprefix("# ").rstrip("\n").split("\n", 1)
    for block in Path(__file__).with_name("mistakes.txt").read_text().split("\n\n")
)
# What it is, and the edit that makes it: file, the text that is there, the text that takes its place.
MISTAKES = [
    (
        "a keyword misspelt",
        "experiment.yaml",
        "description: How many Trials may be",
        "descripton: How many Trials may be",
    ),
    ("a keyword misspelt below items", "experiment.yaml", "items: {type: string}", "items: {typ: string}"),
    (
        "an unknown x-katib keyword",
        "experiment.yaml",
        "        x-katib-unit: Trials\n        default: 3\n        examples: [4]\n",
        "        x-katib-units: Trials\n        default: 3\n        examples: [4]\n",
    ),
    (
        "a default of another type",
        "experiment.yaml",
        "        default: 3\n        examples: [4]\n",
        "        default: three\n        examples: [4]\n",
    ),
    (
        "an unknown type",
        "experiment.yaml",
        "        type: integer\n        format: int32\n        x-katib-unit: Trials\n        default: 3\n        examples: [4]\n",
        "        type: int\n        format: int32\n        x-katib-unit: Trials\n        default: 3\n        examples: [4]\n",
    ),
    (
        "no type",
        "experiment.yaml",
        "        type: integer\n        format: int32\n        x-katib-unit: Trials\n        default: 3\n        examples: [4]\n",
        "        format: int32\n        x-katib-unit: Trials\n        default: 3\n        examples: [4]\n",
    ),
    ("a reference to nothing", "experiment.yaml", "$ref: '#/$defs/NasConfig'", "$ref: '#/$defs/NasConf'"),
    ("a reference without #", "experiment.yaml", "$ref: '#/$defs/NasConfig'", "$ref: NasConfig"),
    (
        "a reference in a circle",
        "experiment.yaml",
        "        items: {$ref: '#/$defs/ParameterSpec'}\n        x-katib-absent: the operation has none",
        "        items: {$ref: '#/$defs/Operation'}\n        x-katib-absent: the operation has none",
    ),
    (
        "an array without items",
        "experiment.yaml",
        "        items: {$ref: '#/$defs/TrialParameterSpec'}\n",
        "        examples: [[a]]\n",
    ),
    ("no printer columns", "experiment.yaml", "  printerColumns:", "  printerColums:"),
    ("no plural", "experiment.yaml", "  plural: experiments\n", ""),
    ("a printer column to nowhere", "experiment.yaml", ".status.conditions[-1:].type", "status.conds"),
    ("a tab", "experiment.yaml", "  ParameterType:", "\tParameterType:"),
    ("a merge conflict", "experiment.yaml", "  ParameterType:", "<<<<<<< HEAD\n  ParameterType:"),
    (
        "a field that is a text",
        "experiment.yaml",
        "metadata:\n    description: Name",
        "metadata: text\n  meta2:\n    description: Name",
    ),
    ("a name without words", "names.yaml", "description:", "descriptio:"),
    ("a name that is no text", "names.yaml", 'value: "false", description: Value', "value: false, description: Value"),
    ("a section without a prefix", "names.yaml", "suffixes:", "sufixes:"),
    ("a webhook of an unknown name", "webhooks.yaml", "names.objects.controller", "names.objects.nothing"),
    ("a permission of an unknown name", "permissions.yaml", "names.objects.webhook_secret", "names.objects.nothing"),
    ("a kind without title", "experiment.yaml", "title: Experiment\n", ""),
    ("an example that is no known value", "experiment.yaml", "examples: [LongRunning]", "examples: [Longrunning]"),
    (
        "an example of another type inside",
        "experiment.yaml",
        "examples: [{training.kubeflow.org/job-role: master}]",
        "examples: [{training.kubeflow.org/job-role: 4}]",
    ),
    ("an enum value twice", "experiment.yaml", "enum: [kill, wait]", "enum: [kill, kill]"),
    ("an enum value without quotes", "tuning.yaml", "enum: ['True', 'False', Unknown]", "enum: ['True', no, Unknown]"),
    ("an enum value that names nothing", "experiment.yaml", "enum: [kill, wait]", "enum: [kill, wait, '+']"),
    ("two enum values of one name", "experiment.yaml", "enum: [kill, wait]", "enum: [kill, Kill, wait]"),
    (
        "an enum within a field",
        "katib_config.yaml",
        "description: Name under which Experiments ask for the algorithm.\n        type: string",
        "description: Name under which Experiments ask for the algorithm.\n        type: string\n        enum: [tpe]",
    ),
    ("no webhooks", "webhooks.yaml", "webhooks:\n", "webhoks:\n"),
    ("examples that are no list", "experiment.yaml", "examples: [wait]", "examples: wait"),
    (
        "a kind without group",
        "experiment.yaml",
        "x-kubernetes-group-version-kind: {group: kubeflow.org, version: v1beta1, kind: Experiment}\n",
        "",
    ),
]


@pytest.mark.parametrize(("mistake", "file", "old", "new"), MISTAKES, ids=[mistake[0] for mistake in MISTAKES])
def test_a_mistake_is_named_in_readable_lines(
    workspace: Path, change: Change, capsys: pytest.CaptureFixture[str], mistake: str, file: str, old: str, new: str
) -> None:
    change(file, old, new)
    assert main(["--root", str(workspace)]) == 2
    assert capsys.readouterr().err.rstrip("\n") == GOLDEN[mistake]
    assert not (workspace / "pkg").exists()


def test_every_golden_message_has_its_mistake() -> None:
    assert GOLDEN.keys() == {mistake[0] for mistake in MISTAKES}


def test_a_source_that_is_no_utf8_is_named(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (workspace / "apis/v1beta1/names.yaml").open("ab") as file:
        file.write(b"\xff")
    assert main(["--root", str(workspace)]) == 2
    assert capsys.readouterr().err.startswith("names.yaml: byte ")
