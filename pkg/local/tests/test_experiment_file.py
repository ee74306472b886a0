"""Wrong files are named with file, line, field and cure."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from katib_local.caller import Caller
from katib_local.documents import InputError, find_line
from katib_local.experiment_file import parse_experiment_file, read_experiment_file
from katib_local.refusals import located_errors

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
    "a kind that is a list": (
        GOOD.replace("Experiment", "[Experiment]"),
        "x.yaml:2: kind ['Experiment'] is unknown here",
    ),
    "a name that is a number": (
        GOOD.replace("name: one", "name: 123"),
        'x.yaml:4: metadata.name: 123 is no text: write it in quotes: "123"',
    ),
    "a name that is a list": (
        GOOD.replace("name: one", "name: [a]"),
        "x.yaml:4: metadata.name: ['a'] is no text: write one text in quotes",
    ),
    "a label that is a number": (
        GOOD.replace("  name: one", "  name: one\n  labels: {stage: 1}"),
        'x.yaml:5: metadata.labels: stage: 1 is no text: write it in quotes: "1"',
    ),
    "a name that is a path": (
        GOOD.replace("name: one", "name: one/status"),
        'x.yaml:4: metadata.name: Invalid value: "one/status": must be 40 characters at most',
    ),
    "a name with a query": (
        GOOD.replace("name: one", "name: one?x=1"),
        'x.yaml:4: metadata.name: Invalid value: "one?x=1": must be 40 characters at most',
    ),
    "a name beyond ASCII": (
        GOOD.replace("name: one", "name: fäst"),
        'x.yaml:4: metadata.name: Invalid value: "fäst": must be 40 characters at most',
    ),
    "annotations that are a list": (
        GOOD.replace("  name: one", "  name: one\n  annotations: [a]"),
        "x.yaml:5: metadata.annotations: must be a mapping of names to text",
    ),
    "an empty spec": (
        "apiVersion: kubeflow.org/v1beta1\nkind: Experiment\nmetadata: {name: one}\nspec:\n",
        "x.yaml:4: spec: must be a mapping with objective",
    ),
    "a spec that is a list": (
        "apiVersion: kubeflow.org/v1beta1\nkind: Experiment\nmetadata: {name: one}\nspec: [1]\n",
        "x.yaml:4: spec: must be a mapping with objective",
    ),
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
    assert file.companions[0].value["metadata"] == {"name": "script", "namespace": "kubeflow"}


def test_an_experiment_without_a_namespace_goes_to_default() -> None:
    assert parse_experiment_file("x.yaml", GOOD).namespace == "default"


@pytest.mark.parametrize(
    "text",
    [
        f"{GOOD}---\n",
        f"{GOOD}---\n---\n",
        f"---\n# a comment\n---\n{GOOD}",
        f"# a comment\n---\n{GOOD}---\n# the end\n",
    ],
    ids=["trailing", "empty", "leading", "comments"],
)
def test_documents_without_content_are_passed_over(text: str) -> None:
    file = parse_experiment_file("x.yaml", text)
    assert file.name == "one" and not file.companions
    assert text.splitlines()[file.line("metadata.name") - 1] == "  name: one"


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


MISSPELT = {
    "a near word": (
        "spec.paralelTrialCount",
        "x.yaml:5: spec.paralelTrialCount: no such field; did you mean parallelTrialCount?",
    ),
    "below a list": (
        "spec.parameters[0].feasiblSpace",
        "x.yaml:7: spec.parameters[0].feasiblSpace: no such field; did you mean feasibleSpace?",
    ),
    "a mapping in place of a list": (
        "spec.parameters.x",
        "x.yaml:6: spec.parameters: must be a list: write an entry for each, "
        "`- {feasibleSpace: ..., name: ..., parameterType: ...}`",
    ),
    "no near word": ("spec.zzz", "x.yaml:5: spec.zzz: no such field; remove it"),
}


@pytest.mark.parametrize(("field", "line"), MISSPELT.values(), ids=MISSPELT.keys())
def test_a_misspelt_field_gets_its_line_and_the_near_word(field: str, line: str) -> None:
    file = parse_experiment_file("x.yaml", GOOD)
    message = (
        'Experiment in version "v1beta1" cannot be handled as a Experiment: strict decoding error: '
        f'unknown field "{field}", unknown field "spec.zzz" (of "one")'
    )
    assert located_errors(file, message).splitlines() == list(dict.fromkeys([line, MISSPELT["no near word"][1]]))


TEMPLATE = """apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: one}
spec:
  trialTemplate:
    trialSpec:
      # ${trialParameters.widht}
      spec:
        args:
          - |
            train
            --width=${trialParameters.widht}
"""
IN_A_CONFIG_MAP = """---
apiVersion: v1
kind: ConfigMap
metadata: {name: template}
data:
  job: |
    args: ["--depth=${trialParameters.dept}"]
"""


def test_a_misspelt_placeholder_is_told_with_the_line_on_which_it_is_written() -> None:
    file = parse_experiment_file("x.yaml", TEMPLATE + IN_A_CONFIG_MAP)
    message = (
        'spec.trialTemplate: Invalid value: "${trialParameters.widht}": the template does not hold ${trialParameters.width}; it '
        "holds ${trialParameters.widht}, ${trialParameters.dept}"
    )
    assert located_errors(file, message) == (
        'x.yaml:5: spec.trialTemplate: Invalid value: "${trialParameters.widht}": the template does not hold '
        "${trialParameters.width}; it holds ${trialParameters.widht} (line 12), ${trialParameters.dept} (line 19)"
    )


def test_what_is_wrong_in_the_template_gets_its_own_line() -> None:
    file = parse_experiment_file("x.yaml", TEMPLATE)
    message = 'spec.trialTemplate: Invalid value: "spec.{}": must be a list of strings'
    assert located_errors(file, message.format("args")) == f"x.yaml:9: {message.format('args')}"
    assert located_errors(file, message.format("more")) == f"x.yaml:8: {message.format('more')}"


def test_the_cure_of_a_change_that_is_refused_is_a_command_of_this_caller() -> None:
    file = parse_experiment_file("x.yaml", GOOD)
    message = "spec: Forbidden: begin anew: delete it with `kubectl delete experiment one -n default`"
    assert located_errors(file, message, Caller(Path("/my state"))) == (
        "x.yaml:5: spec: Forbidden: begin anew: delete it with "
        "`katib delete experiment one -n default '--state-dir=/my state'`"
    )


def test_a_value_of_the_wrong_type_is_shown_with_its_cure() -> None:
    """Kubernetes names only the type that it has; what stands in the file helps more."""
    file = parse_experiment_file("x.yaml", GOOD.replace("spec:", 'spec:\n  maxTrialCount: "3"', 1))
    told = 'spec.maxTrialCount in body must be of type integer: "string"'
    assert located_errors(file, f'spec.maxTrialCount: Invalid value: "string": {told}') == (
        'x.yaml:6: spec.maxTrialCount: Invalid value: "3": must be of type integer; write it without quotes: 3'
    )


def test_a_value_of_the_wrong_type_that_is_not_in_the_file_is_told_as_the_server_does() -> None:
    file = parse_experiment_file("x.yaml", GOOD)
    message = 'spec.other: Invalid value: "string": spec.other in body must be of type integer: "string"'
    assert located_errors(file, message) == f"x.yaml:5: {message}"


def test_a_policy_that_is_a_default_is_not_told_beside_other_errors() -> None:
    budget, policy = (
        "spec.maxTrialCount: Invalid value: 0: must be greater than 0",
        'spec.resumePolicy: Invalid value: "Never": ended',
    )
    file = parse_experiment_file("x.yaml", GOOD)
    assert located_errors(file, f"[{budget}, {policy}]") == f"x.yaml:5: {budget}"
    assert located_errors(file, policy) == f"x.yaml:5: {policy}"


def test_what_a_trial_runs_is_told_with_its_line() -> None:
    text = GOOD + """\
  trialTemplate:
    primaryContainerName: main
    trialSpec:
      kind: Job
      spec:
        template:
          spec:
            containers:
              - {name: helper, image: h}
              - name: main
                image: localhost/train:1
                command: [train, --rate]
                args: ["3"]
"""
    told = "x.yaml:21: what a trial runs: train --rate 3 (container main, image localhost/train:1)"
    assert parse_experiment_file("x.yaml", text).program() == told
    elsewhere = text.replace("kind: Job", "kind: Pizza").replace("containers:", "slices:")
    assert parse_experiment_file("x.yaml", elsewhere).program() == "x.yaml:10: what a trial runs"
