"""The stock alternative: models that datamodel-code-generator prints of our OpenAPI document, as it does for anybody."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/openapi/v1beta1.json"
MODULE = "stock_models"


def command(folder: Path) -> list[str]:
    """Prints the models to a module in that folder; no option changes what they are."""
    program = str(Path(sys.executable).with_name("datamodel-codegen"))
    output = ["--output", str(folder / f"{MODULE}.py"), "--output-model-type", "pydantic_v2.BaseModel"]
    return [program, "--input", str(DOCUMENT), "--input-file-type", "openapi", *output]
