"""A text of the sources may hold any character that a reader sees: every product says it as it stands there."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from katib_codegen.press import render_all

SMALL = Path(__file__).parent / "mistakes/apis"
TEXT = 'It is """ here, a back\\slash, \\N{x} \\, */ /* ` --> {{ x }} {% raw %} "quoted"'
# The style of the SDK that programs know has other quotes.
SDK = TEXT.replace('"""', "'''")


def with_texts(node: Any, is_fields: bool = False) -> Any:
    """The document with this text in place of each that people read."""
    if isinstance(node, list):
        return [with_texts(item) for item in node]
    if not isinstance(node, dict):
        return node
    texts = () if is_fields else ("description", "says", "why", "message", "x-katib-absent", "x-katib-unit")
    return {key: TEXT if key in texts else with_texts(value, key == "properties") for key, value in node.items()}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    root = tmp_path_factory.mktemp("texts")
    shutil.copytree(SMALL, root / "apis")
    for path in (root / "apis/v1beta1").glob("*.yaml"):
        path.write_text(yaml.safe_dump(with_texts(yaml.safe_load(path.read_text())), sort_keys=False))
    project = root / "apis/project.yaml"
    sdks = "  sdk: {folder: sdk, name: kitchen.sdk}\n  strict_sdk: {folder: strict, name: kitchen_api}\n"
    project.write_text(project.read_text().replace("manifests:", f"{sdks}openapi: docs/openapi\nmanifests:", 1))
    return render_all(root)


def docstrings(module: bytes) -> Iterator[str]:
    for node in ast.walk(ast.parse(module)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield " ".join(node.value.value.split())


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pkg/apis/kitchen_apis/v1beta1/models.py", TEXT),
        ("pkg/apis/kitchen_apis/v1beta1/enums.py", TEXT),
        ("pkg/apis/kitchen_apis/v1beta1/names.py", TEXT),
        ("strict/kitchen_api/models/v1beta1_pizza.py", TEXT),
        ("sdk/kitchen/sdk/models/v1beta1_pizza.py", SDK),
    ],
)
def test_a_module_has_the_text_in_its_docstrings(printed: dict[str, bytes], path: str, text: str) -> None:
    assert any(text in found for found in docstrings(printed[path]))


def test_no_text_ends_a_comment_of_typescript(printed: dict[str, bytes]) -> None:
    module = printed["docs/typescript/v1beta1.ts"].decode()
    assert module.count("/**") == module.count("*/")


def test_every_printed_document_of_yaml_and_json_is_one_and_says_the_text(printed: dict[str, bytes]) -> None:
    crd = printed["manifests/v1beta1/components/crd/pizza.yaml"].decode()
    spec = yaml.safe_load(crd)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert TEXT in spec["description"]
    for path, content in printed.items():
        if path.endswith((".yaml", ".json")):
            assert list(yaml.safe_load_all(content)), path
