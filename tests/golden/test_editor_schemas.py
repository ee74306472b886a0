"""What an editor says of a file while it is typed: every example passes, every wrong file that a schema can see fails.

The messages stand in `editor_messages.txt`. `python tests/golden/test_editor_schemas.py` writes that file anew; its diff
is reviewed like code.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from builders import EXPERIMENT
from golden.test_refused_experiments import ACCEPTED, BASE, CASES, COLLECTOR, GONE, SPACE, a_collector, changed

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).with_name("editor_messages.txt")
SCHEMAS = ROOT / "docs/schemas/v1beta1"
CONFIG = ROOT / "pkg/local/katib_local/katib_config.yaml"
Json = dict[str, Any]

CONFIGURATION = "what is configured stands in the KatibConfig of the cluster or laptop"
ALGORITHM = "what an algorithm needs is its own matter: another image may serve the name"
TWO_FIELDS = "JSON Schema cannot compare the values of two fields"
TEMPLATE = "a template is free: what it holds is its kind's matter, and Kubernetes' own schemas are not copied"
RE2 = "JSON Schema cannot read a regular expression"
UNSEEN = {
    "5 more failures than trials": TWO_FIELDS,
    "6 more at once than in all": TWO_FIELDS,
    "13 the metric again": TWO_FIELDS,
    "16 an unknown algorithm": CONFIGURATION,
    "a setting twice": TWO_FIELDS,
    "18 unknown early stopping": CONFIGURATION,
    "30 a reference twice": TWO_FIELDS,
    "31 a reference to nothing": TWO_FIELDS,
    "a parameter that no trial parameter refers to": TWO_FIELDS,
    "32 a parameter without a placeholder": TEMPLATE,
    "32 a misspelt placeholder": TEMPLATE,
    "33 a placeholder without a parameter": TEMPLATE,
    "37 a Job with an unknown field": TEMPLATE,
    "37 a Job with a wrong type": TEMPLATE,
    "37 a Job with a number in quotes": TEMPLATE,
    "37 a command with a number": TEMPLATE,
    "37 a command that is one text": TEMPLATE,
    "37 a variable that is no text": TEMPLATE,
    "WH-8, CTL-10 a primary container that is not there": TEMPLATE,
    "WH-4 min above max": TWO_FIELDS,
    "WH-4 architectures of parameters": ALGORITHM,
    "WH-4 compromises of one metric": ALGORITHM,
    "46 a kind that is not configured": CONFIGURATION,
    "57 no expression (WH-16)": RE2,
    "57 a look-ahead (WH-16)": RE2,
}
# What only typing brings about: admission never sees it, since the API server prunes or refuses it before.
TYPED: dict[str, Json] = {
    "a field misspelt": {"spec__maxTrialCounts": 3},
    "a field in the wrong place": {"maxTrialCount": 3},
    "a number for a text": {f"{SPACE}__min": 0.1},
    "a text for a number": {"spec__maxTrialCount": "four"},
    "nothing after spec": {"spec": None},
    "nothing after objective": {"spec__objective": None},
    "no apiVersion": {"apiVersion": GONE},
    "a wrong apiVersion": {"apiVersion": "kubeflow.org/v1alpha3"},
    "no name": {"metadata__name": GONE},
    "an event directory that is a file": {
        COLLECTOR: a_collector("TensorFlowEvent", {"fileSystemPath": {"kind": "File", "path": "/events"}})
    },
    "a port by its name": {COLLECTOR: a_collector("PrometheusMetric", {"httpGet": {"port": "http", "path": "/m"}})},
}
FINE: dict[str, Json] = {
    "numbers with exponents and blanks": {SPACE: {"min": " 1e-5", "max": "+.5E0 ", "step": "1.e-6"}},
    "a whole number with an exponent": {
        "spec__parameters__0": {"name": "n", "parameterType": "int", "feasibleSpace": {"min": "-1.0", "max": "1e3"}}
    },
    "a logarithm of a double": {SPACE: {"min": "0.0001", "max": "1", "distribution": "logUniform"}},
    "settings with nothing after them": {"spec__algorithm__algorithmSettings": None},
    "a name that the API server makes": {"metadata": {"generateName": "digits-"}},
    "what Kubernetes keeps": {"metadata__creationTimestamp": None, "status": {"completionTime": None}},
    "a collector by its kind alone": {COLLECTOR: a_collector("File")},
    "a filter": {COLLECTOR: a_collector("StdOut", {"filter": {"metricsFormat": [r"([\w|-]+)\s*=\s*(\d+)"]}})},
    "nothing but its port": {COLLECTOR: a_collector("PrometheusMetric", {"httpGet": {"port": 0}})},
    "bounds of a parameter in an operation": {
        "spec__parameters": GONE,
        "spec__nasConfig": {"operations": [{"operationType": "conv", "parameters": BASE["spec"]["parameters"]}]},
    },
    "a template of any kind": {
        "spec__trialTemplate__trialSpec__kind": "Pizza",
        "spec__trialTemplate__trialSpec__toppings": [{}, 1],
        "spec__trialTemplate__successCondition": "status.baked",
        "spec__trialTemplate__failureCondition": "status.burnt",
    },
}


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads((SCHEMAS / name).read_text()), validate_formats=True)


def complaints(document: Any, schema: str = "experiment.json") -> list[str]:
    """What an editor shows: the place, and what is wrong there."""
    errors = validator(schema).iter_errors(document)
    return sorted({f"{path(error)}: {own_words(schema, error) or error.message}" for error in errors})


def path(error: jsonschema_rs.ValidationError) -> str:
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
    return steps.removeprefix(".") or "the file"


def own_words(schema: str, error: jsonschema_rs.ValidationError) -> str:
    """The rule's words, which editors show in place of their own."""
    place = root = json.loads((SCHEMAS / schema).read_text())
    for step in error.schema_path[:-1]:
        place = place[step]
        if step == "$ref":
            place = root["$defs"][place.rsplit("/", 1)[1]]
    return str(place.get("patternErrorMessage" if error.schema_path[-1] == "pattern" else "errorMessage", ""))


def wrong() -> dict[str, Json]:
    seen = {name: changed(BASE, **changes) for name, changes in CASES.items() if name not in UNSEEN}
    return seen | {name: changed(BASE, **changes) for name, changes in TYPED.items()}


def messages() -> str:
    """Every wrong file with what an editor says of it, as the golden file has them."""
    return "".join(
        f"{name}\n" + "".join(f"    {text}\n" for text in complaints(document)) for name, document in wrong().items()
    )


def test_every_error_reads_as_agreed() -> None:
    assert messages() == GOLDEN.read_text(), f"read the difference; to agree to it: python {Path(__file__).name}"


@pytest.mark.parametrize("name", wrong())
def test_every_wrong_file_that_a_schema_can_see_fails(name: str) -> None:
    assert complaints(wrong()[name])
    assert complaints(wrong()[name], "all.json")


@pytest.mark.parametrize("name", UNSEEN)
def test_what_no_schema_can_see_passes_and_is_refused_by_admission_alone(name: str) -> None:
    assert complaints(changed(BASE, **CASES[name])) == [], "an editor sees it now: take it from the list"


def files() -> list[Path]:
    return [*sorted((ROOT / "examples").rglob("*.yaml")), CONFIG]


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_every_example_passes(file: Path) -> None:
    for document in yaml.safe_load_all(file.read_text()):
        stem = {"Experiment": "experiment", "KatibConfig": "katib_config"}[document["kind"]]
        assert complaints(document, f"{stem}.json") == [] and complaints(document, "all.json") == []


@pytest.mark.parametrize("name", FINE)
def test_what_admission_accepts_passes(name: str) -> None:
    assert complaints(changed(BASE, **FINE[name])) == []


def test_what_tests_of_other_rooms_start_from_passes() -> None:
    assert complaints(BASE) == [] and complaints(yaml.safe_load(EXPERIMENT.replace("NAME", "x"))) == []
    for before, changes in ACCEPTED.values():
        assert complaints(changed(changed(BASE, **before), **changes)) == []


def test_a_wrong_configuration_is_named_by_its_place() -> None:
    config = yaml.safe_load(CONFIG.read_text())
    config["runtime"]["suggestions"][0]["algoritmName"] = "tpe"
    config["init"]["controller"]["trialResources"] = ["Job"]
    found = complaints(config, "katib_config.json")
    assert [text.split(":")[0] for text in found] == ["init.controller.trialResources[0]", "runtime.suggestions[0]"]
    assert "algoritmName" in found[1]


@pytest.mark.parametrize("kind", ["Experiment", "Suggestion", "Trial", "KatibConfig"])
def test_the_kind_of_a_file_chooses_what_it_is_judged_by(kind: str) -> None:
    found = complaints({"apiVersion": "kubeflow.org/v1beta1", "kind": kind, "wrong": 1}, "all.json")
    assert any("'wrong'" in text for text in found)
    assert any('"spec"' in text for text in found) == (kind != "KatibConfig")


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    [found] = complaints({"apiVersion": "kubeflow.org/v1beta1", "kind": "Experimant"}, "all.json")
    assert found.startswith('kind: "Experimant" is not one of "Experiment"')


@pytest.mark.parametrize("file", sorted(SCHEMAS.glob("*.json")), ids=lambda file: file.name)
def test_every_schema_is_one_stands_alone_and_begins_with_its_mark(file: Path) -> None:
    schema = json.loads(file.read_text())
    jsonschema_rs.meta.validate(schema)
    assert next(iter(schema)) == "$comment" and schema["$comment"].endswith("DO NOT EDIT.")
    references = {line.split('"')[3] for line in file.read_text().splitlines() if '"$ref"' in line}
    assert references == {f"#/$defs/{name}" for name in schema["$defs"]}


if __name__ == "__main__":
    GOLDEN.write_text(messages())
