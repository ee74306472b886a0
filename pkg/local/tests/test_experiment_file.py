"""Wrong files are named with file, line, field and cure."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from katib_local.experiment_file import InputError, find_line, parse_experiment_file, read_experiment_file
from katib_local.run import located_errors

GOOD = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: one
spec:
  parameters:
    - name: a
      feasibleSpace:
        min: "1"
"""
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: script}\ndata: {a: b}\n"

WRONG = {
    "yaml that does not parse": ("kind: [\n", "x.yaml:2: is not YAML: "),
    "a tab": ("kind:\n\tExperiment\n", "x.yaml:2: is not YAML: "),
    "unknown kind": (
        GOOD.replace("Experiment", "Experimnt"),
        "x.yaml:2: kind 'Experimnt' is unknown here; `katib run` takes Experiment, ConfigMap, Secret",
    ),
    "no kind": ("a: 1\n", "x.yaml:1: has no kind; `katib run` takes"),
    "no mapping": ("- 1\n", "x.yaml:1: is not a Kubernetes object"),
    "old version": (
        GOOD.replace("v1beta1", "v1alpha3"),
        "x.yaml:1: apiVersion 'kubeflow.org/v1alpha3' is not served; an Experiment has kubeflow.org/v1beta1",
    ),
    "no name": (GOOD.replace("  name: one", "  labels: {}"), "x.yaml:3: metadata.name is missing"),
    "another namespace": (
        GOOD.replace("  name: one", "  name: one\n  namespace: team"),
        "x.yaml:5: metadata.namespace 'team' is not ready for trials on this machine; use default or kubeflow",
    ),
    "empty": ("", "x.yaml: has no Experiment; `katib run` takes a file with exactly one"),
    "two": (f"{GOOD}---\n{GOOD}", "x.yaml: has 2 Experiments"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_file_is_refused_with_its_line_and_cure(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_experiment_file("x.yaml", text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_experiment_file(tmp_path / "none.yaml")


def test_what_cannot_be_read_as_text_is_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Is a directory; name a YAML file"):
        read_experiment_file(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"kind: \xff")
    with pytest.raises(InputError, match=r"is not UTF-8 text \(byte 6\)"):
        read_experiment_file(tmp_path / "binary.yaml")


def test_what_the_experiment_needs_goes_to_its_namespace() -> None:
    file = parse_experiment_file(
        "x.yaml",
        f"{CONFIG_MAP}---\n{GOOD.replace('name: one', 'name: one, namespace: kubeflow').replace('metadata:', 'metadata: {').replace('kubeflow' + chr(10) + 'spec', 'kubeflow}' + chr(10) + 'spec')}",
    )
    assert file.namespace == "kubeflow"
    assert file.companions[0]["metadata"] == {"name": "script", "namespace": "kubeflow"}


def test_an_experiment_without_a_namespace_goes_to_default() -> None:
    assert parse_experiment_file("x.yaml", GOOD).namespace == "default"


LINES = {
    "spec": 5,
    "spec.parameters": 6,
    "spec.parameters[0].name": 7,
    "spec.parameters[0].feasibleSpace.min": 9,
    "spec.parameters[0].feasibleSpace.max": 8,
    "spec.parameters[4].name": 6,
    "spec.objective": 5,
    "status": 1,
}


@pytest.mark.parametrize(("field", "line"), LINES.items())
def test_a_field_is_found_on_its_line_and_a_missing_one_at_its_parent(field: str, line: int) -> None:
    assert find_line(yaml.compose(GOOD, Loader=yaml.SafeLoader), field) == line


def test_every_refused_field_gets_its_line() -> None:
    file = parse_experiment_file("x.yaml", GOOD)
    message = (
        'admission webhook "validator.experiment.katib.kubeflow.org" denied the request: '
        "[spec.objective: Required value: say what to optimise, spec.parameters[0].feasibleSpace.min: Invalid value: 1: a, b]"
    )
    assert located_errors(file, message).splitlines() == [
        "x.yaml:5: spec.objective: Required value: say what to optimise",
        "x.yaml:9: spec.parameters[0].feasibleSpace.min: Invalid value: 1: a, b",
    ]
