"""What a field's schema says in words, and how words of a schema are spelled in Python, for every product alike."""

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

_ACRONYM = re.compile(r"([A-Z]+)([A-Z][a-z])")
_HUMP = re.compile(r"([a-z\d])([A-Z])")
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+")


def words(schema: Mapping[str, Any], values: Sequence[str] = ()) -> str:
    """The text that a reader of the printed product sees; empty for a type borrowed from Kubernetes.

    `values` are the known values of the field's type, for products that do not show the type.
    """
    parts = [_sentence(str(schema["description"]))] if "description" in schema else []
    parts += [_sentence(text) for text in rule_words(schema)]
    if values:
        parts.append(_sentence(f"One of {', '.join(values)}"))
    if "x-katib-unit" in schema:
        parts.append(_sentence(f"Unit: {schema['x-katib-unit']}"))
    if "default" in schema:
        parts.append(_sentence(f"Default: {_literal(schema['default'])}"))
    elif "x-katib-absent" in schema:
        parts.append(_sentence(f"Absent: {schema['x-katib-absent']}"))
    return " ".join(parts)


def rule_words(schema: Mapping[str, Any]) -> list[str]:
    """What admission asks of a type or field beside its type, in words."""
    return [str(rule["says"]) for rule in schema.get("x-katib-rules", ())]


def upper(name: str) -> str:
    """The name as a constant's: parallelTrialCount becomes PARALLEL_TRIAL_COUNT."""
    return "_".join(word.upper() for word in _WORD.findall(name))


def snake(name: str) -> str:
    """The name as an attribute's, http_get for httpGet and pod_i_ps for podIPs: the rule of the generators of models."""
    return _HUMP.sub(r"\1_\2", _ACRONYM.sub(r"\1_\2", name)).replace("-", "_").lower()


def docstring(text: str) -> str:
    """The text as the docstring of a class or a field."""
    body = textwrap.fill(quoted(text), 116, break_long_words=False, break_on_hyphens=False)
    return textwrap.indent(body, "    ") + "\n"


def quoted(text: str) -> str:
    """The text as a literal of Python between three quotes, whatever it holds."""
    if '"""' in text or text.endswith(('"', "\\")):
        text = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"""{text}"""'
    return f'{"r" if chr(92) in text else ""}"""{text}"""'


def _literal(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else text + "."
