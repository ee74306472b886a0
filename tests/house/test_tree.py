"""The house is what it says: tree, docs' references, printed marks, versions."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from house.sources import ROOT, hand_written, nodes, tracked

FORBIDDEN_NAMES = {"utils", "helpers", "common", "base", "consts", "misc", "handler", "manager", "impl"}
KATIB_API = "sdk/python/kubeflow_katib_api/pyproject.toml"
LINK = re.compile(r"\[[^\]]*\]\(([^)#:\s]+)(?:#[^)]*)?\)")
PATH_IN_TEXT = re.compile(r"`((?:apis|codegen|pkg|docs|hack|tests|examples|manifests|\.ci)/[\w./*{},-]+)`")


def members() -> list[Path]:
    return tracked("pkg/*/pyproject.toml", "codegen/pyproject.toml", "sdk/python/pyproject.toml", KATIB_API)


@pytest.mark.parametrize("member", members(), ids=lambda path: path.parent.name)
def test_every_member_is_a_distribution_with_readme_types_and_the_one_version(member: Path) -> None:
    project = tomllib.loads(member.read_text())
    folder = member.parent
    name = project["project"]["name"]
    package = folder / (name.replace("-", "/") if folder == ROOT / "sdk/python" else name.replace("-", "_"))
    assert (package / "py.typed").exists()
    assert (folder / "README.md").read_text().startswith("# ")
    assert "version" in project["project"]["dynamic"]
    assert project["project"]["requires-python"] == ">=3.11"
    # Programs ask for kubeflow_katib_api by the number of Katib's own release.
    version = package / "__init__.py" if member == ROOT / KATIB_API else ROOT / "VERSION"
    assert (folder / project["tool"]["hatch"]["version"]["path"]).resolve() == version


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [path for path in hand_written() if path.stem in FORBIDDEN_NAMES]


def test_every_module_says_what_it_is_for() -> None:
    modules = ((path, nodes(path)[0]) for path in hand_written())
    assert not [
        path for path, tree in modules if isinstance(tree, ast.Module) and tree.body and not ast.get_docstring(tree)
    ]


def test_no_printed_file_is_without_its_mark() -> None:
    folders = ("pkg/apis/katib_apis/v1beta1", "pkg/client/katib_client/v1beta1", "sdk/python/kubeflow*/*/models")
    prints = tracked(*(f"{folder}/*.py" for folder in folders))
    assert prints
    assert not [path for path in prints if "DO NOT EDIT" not in path.read_text()[:200]]


def test_pinned_versions_name_no_address() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[\w.\[\]-]+==[\w.+!-]+( ; .+)?", line) for line in lines if line)
    assert not tracked("*.lock")


def test_no_function_outgrows_a_screen() -> None:
    """House size: none over 60 lines, at most six parameters."""
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in hand_written()
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert not long


@pytest.mark.parametrize("page", tracked("*.md"), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_page_points_to_exists(page: Path) -> None:
    text = page.read_text()
    links = [
        target for target in LINK.findall(text) if not (page.parent / target).exists() and not (ROOT / target).exists()
    ]
    paths = [target for target in PATH_IN_TEXT.findall(text) if not _exists(target)]
    assert not links and not paths


def _exists(target: str) -> bool:
    plain = re.sub(r"\{[^}]*\}", "*", target).rstrip(".,")
    return bool(list(ROOT.glob(plain.rstrip("/"))))


def test_only_main_modules_and_the_laptop_read_the_environment() -> None:
    readers = [
        str(path.relative_to(ROOT))
        for path in hand_written()
        if path.is_relative_to(ROOT / "pkg")
        and "tests" not in path.parts
        and re.search(r"\bos\.(environ|getenv)\b", path.read_text())
    ]
    allowed = re.compile(
        r"__main__\.py$|^pkg/local/|^pkg/machinery/katib_machinery/kube|^pkg/machinery/katib_machinery/config"
    )
    assert not [reader for reader in readers if not allowed.search(reader)]


def test_a_decision_depends_on_nothing_but_its_arguments() -> None:
    forbidden = {"asyncio", "logging", "os", "random", "secrets", "time", "aiohttp", "grpc"}
    pure = [
        path
        for path in hand_written()
        if path.name in ("decide.py", "desired.py") or path.is_relative_to(ROOT / "pkg/domain/katib_domain")
    ]
    guilty = {str(path.relative_to(ROOT)): names & forbidden for path in pure if (names := _imported(path)) & forbidden}
    assert pure and not guilty


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names
