"""The sources, and copies of them that a test may break."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from katib_codegen.load import load
from katib_codegen.model import Api, bundle

ROOT = Path(__file__).parents[2]

Change = Callable[[str, str, str], None]


@pytest.fixture(scope="session")
def api() -> Api:
    return bundle(load(ROOT))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of the sources, and nothing printed."""
    shutil.copytree(ROOT / "apis", tmp_path / "apis")
    return tmp_path


@pytest.fixture
def change(workspace: Path) -> Change:
    """Edits one source of the copy: file, the text that is there, the text that takes its place."""

    def edit(file: str, old: str, new: str) -> None:
        path = workspace / "apis/v1beta1" / file
        text = path.read_text()
        assert old in text, f"{file} holds no {old!r}"
        path.write_text(text.replace(old, new, 1))

    return edit
