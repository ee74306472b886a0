"""What to write in place of a value of the wrong type: said wherever such a value is refused. Pure."""

from __future__ import annotations

import json
from typing import Any

BOOLEANS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}


def type_cure(wanted: str, value: Any) -> str:
    """How to correct a value where the JSON type `wanted` is needed, such as `write it in quotes: "0.001"`."""
    match wanted:
        case "string":
            return f"write it in quotes: {quoted(value)}" if _is_scalar(value) else "write one text in quotes"
        case "integer":
            return _number_cure(value, whole=True)
        case "number":
            return _number_cure(value, whole=False)
        case "boolean":
            word = BOOLEANS.get(str(value).lower()) if isinstance(value, str) else None
            return f"write it without quotes: {word}" if word else "write true or false, without quotes"
        case "array":
            return "write a list, such as [a, b]"
        case "object":
            return "write a mapping, one `name: value` on each line"
        case _:
            return f"write a value of type {wanted}"


def quoted(value: Any) -> str:
    """A number or a truth value as the text that YAML reads from it in quotes."""
    return json.dumps(value if isinstance(value, str) else json.dumps(value), ensure_ascii=False)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | bool | int | float)


def _number_cure(value: Any, *, whole: bool) -> str:
    number = _number_in(value, whole) if isinstance(value, str) else None
    return f"write it without quotes: {number}" if number else f"write a {'whole ' * whole}number without quotes"


def _number_in(text: str, whole: bool) -> str | None:
    try:
        return str(int(text)) if whole else json.dumps(float(text), allow_nan=False)
    except ValueError:
        return None
