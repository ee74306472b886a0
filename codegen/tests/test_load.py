"""What is wrong with a source is said so that its author finds the place."""

from pathlib import Path

import pytest

from katib_codegen.errors import SourceError
from katib_codegen.load import load


@pytest.mark.parametrize("name", ["names.yaml", "permissions.yaml", "webhooks.yaml", "api.proto"])
def test_a_missing_source_is_named(workspace: Path, name: str) -> None:
    (workspace / "apis/v1beta1" / name).unlink()
    with pytest.raises(SourceError, match=f"{name} is missing"):
        load(workspace)


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("v1beta1/stove.yml", "nobody reads this file; call it stove.yaml if it holds schemas, or remove it"),
        ("v1beta1/extra.txt", "nobody reads this file; call it extra.yaml if it holds schemas, or remove it"),
        ("v1beta1/other.proto", "nobody reads this file; call it other.yaml if it holds schemas, or remove it"),
        ("stove.yaml", "nobody reads this file; move it into the folder of a version, or remove it"),
    ],
)
def test_a_file_that_nobody_reads_is_named_with_the_cure(workspace: Path, name: str, cure: str) -> None:
    (workspace / "apis" / name).write_text("title: Stove\n")
    with pytest.raises(SourceError) as refused:
        load(workspace)
    assert str(refused.value) == f"apis/{name}:1: {cure}"


def test_a_folder_that_nobody_reads_is_named(workspace: Path) -> None:
    (workspace / "apis/v1beta1/old").mkdir()
    with pytest.raises(SourceError, match=r"^apis/v1beta1/old:1: nobody reads this folder; remove it$"):
        load(workspace)


def test_a_source_that_the_project_does_not_name_is_named(workspace: Path) -> None:
    project = workspace / "apis/project.yaml"
    project.write_text(project.read_text().replace(", api.proto]", "]"))
    cure = "nobody reads this file; name it under facts in apis/project.yaml, or remove it"
    with pytest.raises(SourceError, match=rf"^apis/v1beta1/api\.proto:1: {cure}$"):
        load(workspace)


@pytest.mark.parametrize("name", ["README.md", ".trial.yaml.swp", "trial.yaml~"])
def test_notes_for_people_and_what_editors_leave_are_no_sources(workspace: Path, name: str) -> None:
    for folder in ("apis", "apis/v1beta1"):
        (workspace / folder / name).write_text("title: Stove\n")
    assert load(workspace)


def test_a_directory_that_is_no_workspace_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file under"):
        load(tmp_path)
