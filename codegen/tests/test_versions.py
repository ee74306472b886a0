"""Several versions side by side, and an API that the press has never heard of."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from katib_codegen.errors import SourceError
from katib_codegen.load import load_project
from katib_codegen.press import render_all, write
from katib_codegen.project import version_priority

ROOT = Path(__file__).parents[2]
PIZZA = Path(__file__).parent / "pizza"


def add_version(workspace: Path, name: str, *, stored: bool = False) -> None:
    """A copy of v1beta1 under another name."""
    shutil.copytree(workspace / "apis/v1beta1", workspace / "apis" / name)
    for path in (workspace / "apis" / name).glob("*.yaml"):
        path.write_text(path.read_text().replace("version: v1beta1", f"version: {name}"))
    project = workspace / "apis/project.yaml"
    text = project.read_text().replace("stored: true", f"stored: {str(not stored).lower()}")
    project.write_text(f"{text}  {name}: {{served: true, stored: {str(stored).lower()}}}\n")


def crd_of(printed: Mapping[str, bytes], path: str) -> Any:
    return yaml.safe_load(printed[path])


def test_two_versions_are_served_and_one_is_stored(workspace: Path) -> None:
    alone = render_all(workspace)
    add_version(workspace, "v1")
    both = render_all(workspace)
    crd = crd_of(both, "manifests/v1beta1/components/crd/trial.yaml")
    versions = crd["spec"]["versions"]
    assert [(entry["name"], entry["served"], entry["storage"]) for entry in versions] == [
        ("v1", True, False),
        ("v1beta1", True, True),
    ]
    assert versions[0]["schema"] == versions[1]["schema"]
    for product in ("models.py", "names.py", "api_pb2.py", "resources.py", "defaults.py"):
        assert f"pkg/apis/katib_apis/v1/{product}" in both
    assert "pkg/client/katib_client/v1/trial.py" in both
    assert not [path for path in both if path.startswith("manifests/v1/")]
    changed = {path for path in alone if both[path] != alone[path]}
    # The clients are of the stored version.
    assert "sdk/python/kubeflow/katib/api/trial_api.py" in both
    indexes = [
        "sdk/python/kubeflow/katib/models/__init__.py",
        "sdk/python/kubeflow_katib_api/kubeflow_katib_api/models/__init__.py",
    ]
    assert changed == {".gitattributes", *indexes, *(path for path in alone if "/crd" in path)}
    assert "sdk/python/kubeflow/katib/models/v1_trial.py" in both


def test_a_version_that_goes_takes_its_prints_along(workspace: Path) -> None:
    alone = render_all(workspace)
    write(workspace, alone)
    before = (workspace / "apis/project.yaml").read_text()
    add_version(workspace, "v1")
    write(workspace, render_all(workspace))
    assert (workspace / "pkg/apis/katib_apis/v1/models.py").exists()
    shutil.rmtree(workspace / "apis/v1")
    (workspace / "apis/project.yaml").write_text(before)
    gone = write(workspace, render_all(workspace)).orphaned
    assert "pkg/apis/katib_apis/v1/models.py" in gone and "pkg/client/katib_client/v1/trial.py" in gone
    assert not (workspace / "pkg/apis/katib_apis/v1").exists()
    assert not (workspace / "pkg/client/katib_client/v1").exists()
    assert all((workspace / path).read_bytes() == content for path, content in alone.items())


def test_another_version_may_be_the_stored_one(workspace: Path) -> None:
    add_version(workspace, "v1", stored=True)
    printed = render_all(workspace)
    crd = crd_of(printed, "manifests/v1/components/crd/trial.yaml")
    assert [entry["storage"] for entry in crd["spec"]["versions"]] == [True, False]
    assert "manifests/v1/components/controller/rbac.yaml" in printed
    assert not [path for path in printed if path.startswith("manifests/v1beta1/")]


def test_what_one_crd_says_once_all_versions_must_say_alike(workspace: Path) -> None:
    add_version(workspace, "v1")
    path = workspace / "apis/v1/trial.yaml"
    path.write_text(path.read_text().replace("categories: [all, kubeflow, katib]", "categories: [all]"))
    with pytest.raises(SourceError, match=r"apis/v1beta1/trial.yaml:12: Trial has categories .* and v1 has"):
        render_all(workspace)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("stored: true", "stored: false", "versions has 0 stored versions"),
        ("  v1beta1: {served: true, stored: true}", "  v1beta1: {served: yes please}", "must say served and stored"),
        ("  v1beta1:", "  v2:", "versions has v2, but there is no folder apis/v2"),
        ("  v1beta1:", "  v2:", "versions does not name apis/v1beta1; add"),
        ("  v1beta1:", "  beta:", "versions has 'beta', which is no version"),
        ("name: Katib\n", "", "has no name"),
        ("  clients: {", "  client: {", "has no packages.clients"),
        ("  sdk: {folder", "  sdk: {dir", "has no packages.sdk"),
        ("webhooks.yaml, ", "webhook.yaml, ", "has no facts"),
    ],
)
def test_a_wrong_project_file_is_told_with_its_cure(workspace: Path, old: str, new: str, fault: str) -> None:
    path = workspace / "apis/project.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(SourceError) as refused:
        load_project(workspace)
    assert any(
        re.match(r"apis/project\.yaml:\d+: ", line) and fault in line for line in str(refused.value).splitlines()
    )


def test_versions_are_ordered_as_kubernetes_orders_them() -> None:
    names = ["v1alpha1", "v1", "v10", "v2beta1", "v2", "v1beta2"]
    assert sorted(names, key=version_priority, reverse=True) == ["v10", "v2", "v1", "v2beta1", "v1beta2", "v1alpha1"]


def test_a_foreign_api_is_pressed_without_a_word_of_ours(tmp_path: Path) -> None:
    shutil.copytree(PIZZA, tmp_path, dirs_exist_ok=True)
    printed = render_all(tmp_path)
    assert set(printed) == {
        ".gitattributes",
        "docs/reference/v1/README.md",
        "docs/reference/v1/pizza.md",
        "docs/schemas/v1/all.json",
        "docs/schemas/v1/pizza.json",
        "docs/typescript/v1.ts",
        "manifests/v1/components/crd/pizza.yaml",
        "manifests/v1/components/crd-open/pizza.yaml",
        "pkg/apis/pizza_apis/v1/__init__.py",
        "pkg/apis/pizza_apis/v1/crds/pizza.yaml",
        "pkg/apis/pizza_apis/v1/defaults.py",
        "pkg/apis/pizza_apis/v1/enums.py",
        "pkg/apis/pizza_apis/v1/models.py",
        "pkg/apis/pizza_apis/v1/resources.py",
        "pkg/client/pizza_client/v1/__init__.py",
        "pkg/client/pizza_client/v1/pizza.py",
    }
    ours = ("kubeflow", "experiment", "suggestion", "trial", "katib_apis", "katib_client", "katibclientset")
    for path, content in printed.items():
        found = [word for word in ours if word in content.decode().lower()]
        assert not found, (path, found)
