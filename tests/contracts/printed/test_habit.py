"""The habit of this repository: edit one file, press, commit. Done here in a copy of the sources."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from laptops import eventually

from katib_codegen.press import render_all
from katib_codegen.tree import write
from katib_local.kubectl import find_kubectl
from katib_local.testing import ApiServer

ROOT = Path(__file__).parents[3]
FIELD = """\
      costCentre:
        description: Who pays for the machines.
        type: string
        x-katib-absent: nobody is asked
        examples: [research]
"""
KIND = """\
$schema: https://json-schema.org/draft/2020-12/schema
$id: budget.yaml
title: Budget
description: What a team may spend on its Experiments.
type: object
x-kubernetes-group-version-kind: {group: kubeflow.org, version: v1beta1, kind: Budget}
x-katib-resource:
  plural: budgets
  singular: budget
  scope: Namespaced
  categories: [katib]
  subresources: []
  printerColumns:
    - {name: Team, type: string, jsonPath: .spec.team}
properties:
  apiVersion: {description: Version of this schema., type: string, x-katib-absent: the API server refuses the object, examples: [kubeflow.org/v1beta1]}
  kind: {description: Kind of this object., type: string, x-katib-absent: the API server refuses the object, examples: [Budget]}
  metadata:
    description: Name, namespace and all else that Kubernetes keeps about an object.
    $ref: kubernetes.yaml#/$defs/ObjectMeta
    x-katib-absent: the API server refuses the object
    examples: [{name: vision, namespace: default}]
  spec:
    description: Who may spend what.
    $ref: '#/$defs/BudgetSpec'
    x-katib-absent: nobody may spend anything
$defs:
  BudgetSpec:
    description: Who may spend what.
    type: object
    properties:
      team: {description: Whose budget it is., type: string, x-katib-absent: everybody's, examples: [vision]}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of the sources, pressed."""
    shutil.copytree(ROOT / "apis", tmp_path / "apis")
    write(tmp_path, render_all(tmp_path))
    return tmp_path


def explained(server: ApiServer, path: str) -> str:
    """What kubectl says of a field, as soon as the server has published it."""
    command = [find_kubectl() or "kubectl", f"--kubeconfig={server.kubeconfig}", "explain", path]
    told: str = eventually(lambda: subprocess.run(command, capture_output=True, text=True).stdout)
    return told


def test_a_field_is_added_in_one_file(workspace: Path, api_server: ApiServer) -> None:
    source = workspace / "apis/v1beta1/experiment.yaml"
    head, rest = source.read_text().split("  ExperimentSpec:\n", 1)
    first = "    properties:\n      parameters:\n"
    before, after = rest.split(first, 1)
    source.write_text(f"{head}  ExperimentSpec:\n{before}    properties:\n{FIELD}      parameters:\n{after}")
    changed = write(workspace, render_all(workspace))
    assert not changed.missing and not changed.orphaned
    holders = {path for path in changed.changed if "costCentre" in (workspace / path).read_text()}
    assert holders >= {
        "pkg/apis/katib_apis/v1beta1/models.py",
        "manifests/v1beta1/components/crd/experiment.yaml",
        "sdk/python/kubeflow/katib/models/v1beta1_experiment_spec.py",
        "docs/openapi/v1beta1.json",
        "docs/reference/v1beta1/experiment.md",
    }
    openapi = json.loads((workspace / "docs/openapi/v1beta1.json").read_text())
    assert "costCentre" in json.dumps(openapi["components"]["schemas"])
    api_server.install(yaml.safe_load_all((workspace / "manifests/v1beta1/components/crd/experiment.yaml").read_text()))
    assert "Who pays for the machines." in explained(api_server, "experiment.spec.costCentre")


def test_a_kind_is_added_with_one_file(workspace: Path, api_server: ApiServer) -> None:
    (workspace / "apis/v1beta1/budget.yaml").write_text(KIND)
    changed = write(workspace, render_all(workspace))
    assert not changed.orphaned
    for path in (
        "pkg/client/katib_client/v1beta1/budget.py",
        "manifests/v1beta1/components/crd/budget.yaml",
        "sdk/python/kubeflow/katib/models/v1beta1_budget.py",
        "docs/reference/v1beta1/budget.md",
    ):
        assert path in changed.missing
    api_server.install(yaml.safe_load_all((workspace / "manifests/v1beta1/components/crd/budget.yaml").read_text()))
    assert "Whose budget it is." in explained(api_server, "budget.spec.team")
