"""Several versions side by side, and an API that the press has never heard of."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from katib_codegen.errors import SourceError
from katib_codegen.load import load_project
from katib_codegen.press import render_all
from katib_codegen.project import version_priority
from katib_codegen.tree import write

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


def rewrite(path: Path, changes: Mapping[str, str]) -> None:
    text = path.read_text()
    for old, new in changes.items():
        assert old in text, f"{path} holds no {old!r}"
        text = text.replace(old, new, 1)
    path.write_text(text)


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


SECOND_PROTO = {
    "package api.v1.beta1;": "package api.v1;",
    "message GraphConfig {": "message GraphConfig {\n  string style = 100;",
}
SECOND_SCHEMA = """\
      style:
        description: How it is drawn.
        type: string
        x-katib-absent: as it comes
        examples: [sparse]
      numLayers:
"""
BOTH = """
from katib_apis.v1 import api_pb2 as new, api_pb2_grpc as new_stubs, converters as from_new, models as new_models
from katib_apis.v1beta1 import api_pb2 as old, api_pb2_grpc as old_stubs, converters as from_old, models as old_models

graph = new_models.GraphConfig.from_dict({"numLayers": 3, "style": "sparse"})
assert from_new.from_graph_config(new.GraphConfig.FromString(from_new.to_graph_config(graph).SerializeToString())) == graph
before = old_models.GraphConfig.from_dict({"numLayers": 3})
sent = from_old.to_graph_config(before).SerializeToString()
assert from_old.from_graph_config(old.GraphConfig.FromString(sent)) == before
assert from_new.to_graph_config(new_models.GraphConfig.from_dict({"numLayers": 3})).SerializeToString() == sent
print(old.DESCRIPTOR.name, old.GraphConfig.DESCRIPTOR.full_name, len(old.GraphConfig.DESCRIPTOR.fields))
print(new.DESCRIPTOR.name, new.GraphConfig.DESCRIPTOR.full_name, len(new.GraphConfig.DESCRIPTOR.fields))
print(old_stubs.SuggestionStub.__module__, new_stubs.SuggestionStub.__module__)
"""


def press_and_import_both(workspace: Path) -> str:
    """What BOTH prints where both versions are printed."""
    write(workspace, render_all(workspace))
    shutil.copy(ROOT / "pkg/apis/katib_apis/__init__.py", workspace / "pkg/apis/katib_apis")
    return subprocess.run(
        [sys.executable, "-c", BOTH],
        cwd=workspace / "pkg/apis",
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_two_versions_of_the_messages_are_used_in_one_process(workspace: Path) -> None:
    add_version(workspace, "v1")
    # Nothing converts between versions that differ, so one of them is not served.
    rewrite(workspace / "apis/project.yaml", {"v1: {served: true": "v1: {served: false"})
    rewrite(workspace / "apis/v1/api.proto", SECOND_PROTO)
    rewrite(workspace / "apis/v1/experiment.yaml", {"      numLayers:\n": SECOND_SCHEMA})
    assert press_and_import_both(workspace).splitlines() == [
        "api.proto api.v1.beta1.GraphConfig 3",
        "v1/api.proto api.v1.GraphConfig 4",
        "katib_apis.v1beta1.api_pb2_grpc katib_apis.v1.api_pb2_grpc",
    ]


def test_two_versions_with_the_same_proto_file_share_its_messages(workspace: Path) -> None:
    add_version(workspace, "v1")
    both = render_all(workspace)
    prints = [both[f"pkg/apis/katib_apis/{version}/api_pb2.py"].split(b"\n", 1)[1] for version in ("v1", "v1beta1")]
    assert prints[0] == prints[1] and b"AddSerializedFile(b'\\n\\tapi.proto" in prints[0]


def test_a_version_whose_proto_file_cannot_be_read_is_named(workspace: Path) -> None:
    add_version(workspace, "v1")
    (workspace / "apis/v1beta1/api.proto").unlink()
    (workspace / "apis/v1beta1/api.proto").symlink_to("/proc/self/mem")
    with pytest.raises(SourceError, match=r"^apis/v1beta1/api\.proto:1: it cannot be read"):
        render_all(workspace)


def test_another_proto_file_needs_another_package(workspace: Path) -> None:
    add_version(workspace, "v1")
    rewrite(workspace / "apis/v1/api.proto", {"message GraphConfig {": "message GraphConfig {\n  string style = 100;"})
    with pytest.raises(
        SourceError,
        match=r"(?m)^apis/v1/api\.proto:7: the package api\.v1\.beta1 is the one of v1beta1, .* such as api\.v1, or",
    ):
        render_all(workspace)


def test_two_versions_cannot_call_different_messages_alike(workspace: Path) -> None:
    add_version(workspace, "v1")
    rewrite(workspace / "apis/v1/api.proto", SECOND_PROTO)
    rewrite(workspace / "apis/project.yaml", {"stored: false}": "stored: false, messages: api.proto}"})
    with pytest.raises(
        SourceError, match=r"(?m)^apis/v1/api\.proto:1: .* called api\.proto, .* take `messages` from v1 in"
    ):
        render_all(workspace)


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


LABEL = "      label: {description: Words., type: string, x-katib-absent: none, examples: [a]}\n"


@pytest.mark.parametrize(
    ("version", "fault"),
    [
        ("v1", "Pizza.spec.label is in v1 and not in v1beta1, and nothing converts: what it holds is lost"),
        ("v1beta1", "Pizza.spec.label is in v1beta1 and not in v1, and nothing converts: what it holds is lost"),
    ],
)
def test_a_field_that_one_of_two_versions_lacks_is_refused(tmp_path: Path, version: str, fault: str) -> None:
    shutil.copytree(PIZZA.parent / "mistakes/apis", tmp_path / "apis")
    add_version(tmp_path, "v1")
    pizza = tmp_path / "apis" / version / "pizza.yaml"
    rewrite(pizza, {"      slices:\n": f"{LABEL}      slices:\n"})
    with pytest.raises(SourceError) as refused:
        render_all(tmp_path)
    where = "apis/v1/pizza.yaml:"
    cure = "add it to apis/v1beta1" if version == "v1" else "add it to apis/v1"
    [line] = str(refused.value).splitlines()
    assert line.startswith(where) and f"{fault}; {cure}, or take it out of both" in line


def test_versions_may_differ_in_what_loses_nothing_and_in_what_is_not_served(tmp_path: Path) -> None:
    shutil.copytree(PIZZA.parent / "mistakes/apis", tmp_path / "apis")
    add_version(tmp_path, "v1")
    pizza = tmp_path / "apis/v1/pizza.yaml"
    rewrite(pizza, {"maximum: 16": "maximum: 12", "enum: [wheat, rye]": "enum: [wheat, spelt, rye]"})
    assert render_all(tmp_path)
    rewrite(pizza, {"        type: integer\n        format: int32\n": "        type: integer\n        format: int64\n"})
    assert render_all(tmp_path)
    rewrite(pizza, {"items: {type: string}": "items: {type: boolean}", "[[well done]]": "[[true]]"})
    with pytest.raises(SourceError, match=r"Pizza\.spec\.wishes\[\] is of another type in v1 than in v1beta1"):
        render_all(tmp_path)
    rewrite(tmp_path / "apis/project.yaml", {"v1: {served: true": "v1: {served: false"})
    assert render_all(tmp_path), "nobody writes what is not served"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("stored: true", "stored: false", "versions has 0 stored versions"),
        ("served: true, stored: true", "served: yes please", "must say served and stored"),
        ("messages: api.proto", "messages: katib.proto", "versions.v1beta1 calls its messages 'katib.proto'; write"),
        ("  v1beta1:", "  v2:", "versions has v2, but there is no folder apis/v2"),
        ("  v1beta1:", "  v2:", "versions does not name apis/v1beta1; add"),
        ("  v1beta1:", "  beta:", "versions has 'beta', which is no version"),
        ("name: Katib\n", "", "has no name"),
        ("  clients: {", "  client: {", "packages.client means nothing here; write clients"),
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


# The press itself, what its prints run on, and the dialect's keywords.
ITS_OWN_NAMES = re.compile(r"katib[_-]codegen|katib_machinery|Katib(Model|Object)\b|x-katib-[a-z-]+")


def test_the_press_knows_no_word_of_ours() -> None:
    press = ROOT / "codegen/katib_codegen"
    sources = [path for pattern in ("*.py", "*.j2") for path in sorted(press.rglob(pattern))]
    assert len(sources) > 70
    for path in sources:
        text = ITS_OWN_NAMES.sub("", f"{path.relative_to(press)}\n{path.read_text()}")
        found = [line for line in text.splitlines() if re.search("katib|kubeflow", line, re.IGNORECASE)]
        assert not found, path


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
