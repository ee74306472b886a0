"""The habits are whole: `check` names the true cure of each failure, and pre-commit runs the press's parts of it."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def habits() -> ModuleType:
    spec = importlib.util.spec_from_file_location("habits", ROOT / "noxfile.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def noxfile(habits: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The habits, for a tree that has the sources and nothing else."""
    shutil.copytree(ROOT / "apis", tmp_path / "apis")
    shutil.copytree(ROOT / "codegen/released", tmp_path / "codegen/released")
    monkeypatch.setattr(habits, "ROOT", tmp_path)
    return habits


def said_about_the_press(noxfile: ModuleType) -> dict[str, str]:
    """What `check` says of the two parts that read the sources, and what they print."""
    results = [part() for part in noxfile.check_parts()[1:3]]
    return {name: output for name, good, _, output in results if not good}


def test_a_stale_print_is_cured_by_generate(noxfile: ModuleType) -> None:
    assert list(said_about_the_press(noxfile)) == ["printed files: run nox -s generate"]


def test_a_broken_promise_is_cured_by_what_its_line_says(noxfile: ModuleType) -> None:
    schema = noxfile.ROOT / "apis/v1beta1/trial.yaml"
    schema.write_text(schema.read_text().replace("      retainRun:", "      keepLogs:"))
    assert "promises of the last release: do what each line says, or allow it in codegen/released/allowed.yaml" in (
        said_about_the_press(noxfile)
    )


@pytest.mark.parametrize(("file", "text"), [("trial.yaml", "type: [\n"), ("api.proto", "message {\n")])
def test_a_source_that_cannot_be_read_is_cured_in_its_file(noxfile: ModuleType, file: str, text: str) -> None:
    with (noxfile.ROOT / "apis/v1beta1" / file).open("a") as source:
        source.write(text)
    said = said_about_the_press(noxfile)
    assert "printed files: mend what each line above names, then run nox -s check again" in said
    for name, output in said.items():
        assert f"apis/v1beta1/{file}:" in output
        assert "generate" not in name + output and "allowed.yaml" not in name + output


def test_pre_commit_runs_what_check_runs_of_the_press() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = {hook["entry"].partition(" ")[2]: hook for hook in repository["hooks"]}
    assert "files" not in hooks["-m katib_codegen --check"], "a print may be left over anywhere"
    assert hooks["-m katib_codegen.released"]["files"] == "^(apis|codegen)/"
    assert {"check", "--check --quiet"} <= hooks.keys()
