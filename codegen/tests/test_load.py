"""What is wrong with a source is said so that its author finds the place."""

from collections.abc import Callable
from pathlib import Path

import pytest

from katib_codegen.errors import SourceError
from katib_codegen.load import load
from katib_codegen.model import bundle

Change = Callable[[str, str, str], None]

WRONG = [
    pytest.param("names.yaml", "labels:", "labels: [", "names.yaml", id="no YAML"),
    pytest.param("names.yaml", "annotations:", "labels:", "'labels' stands here twice", id="a key twice"),
    pytest.param("tuning.yaml", "#/$defs/AlgorithmSetting'", "#/$defs/Missing'", "refers to Missing", id="dangling"),
    pytest.param("trial.yaml", "kubernetes.yaml#/$defs/Time", "k8s.yaml#/$defs/Time", "no file of ours", id="no file"),
    pytest.param("trial.yaml", "  TrialCondition:", "  Metric:", "is defined in", id="one name for two types"),
    pytest.param("kubernetes.yaml", "core.v1.EnvVar}", "core.v1.EnvVariable}", "has no type", id="no such type there"),
]


@pytest.mark.parametrize(("file", "old", "new", "message"), WRONG)
def test_a_broken_source_is_named(workspace: Path, change: Change, file: str, old: str, new: str, message: str) -> None:
    change(file, old, new)
    with pytest.raises(SourceError, match=message):
        bundle(load(workspace))


@pytest.mark.parametrize("name", ["names.yaml", "permissions.yaml", "webhooks.yaml", "api.proto"])
def test_a_missing_source_is_named(workspace: Path, name: str) -> None:
    (workspace / "apis/v1beta1" / name).unlink()
    with pytest.raises(SourceError, match=f"{name} is missing"):
        load(workspace)


def test_a_directory_that_is_no_workspace_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file under"):
        load(tmp_path)
