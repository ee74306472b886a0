"""What a field's schema says in words: its description, unit and default as one text, for every product alike."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def words(schema: Mapping[str, Any], values: Sequence[str] = ()) -> str:
    """The text that a reader of the printed product sees; empty for a type borrowed from Kubernetes.

    `values` are the known values of the field's type, for products that do not show the type.
    """
    parts = [_sentence(str(schema["description"]))] if "description" in schema else []
    if values:
        parts.append(_sentence(f"One of {', '.join(values)}"))
    if "x-katib-unit" in schema:
        parts.append(_sentence(f"Unit: {schema['x-katib-unit']}"))
    if "default" in schema:
        parts.append(_sentence(f"Default: {_literal(schema['default'])}"))
    elif "x-katib-absent" in schema:
        parts.append(_sentence(f"Absent: {schema['x-katib-absent']}"))
    return " ".join(parts)


def _literal(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else text + "."
