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


def test_a_directory_that_is_no_workspace_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file under"):
        load(tmp_path)
