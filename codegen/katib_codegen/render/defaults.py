"""Constants for the defaults that the schemas state, so that the code that fills them in does not state them again."""

import json
from collections.abc import Iterator

from katib_codegen.model import Api, Definition
from katib_codegen.render import Files, python_header
from katib_codegen.words import upper


def render_defaults(api: Api) -> Files:
    """defaults.py: one constant per `default` of a schema, named by type and field."""
    lines = [
        python_header(f"{api.sources.folder}/*.yaml"),
        '"""What an absent field means, where that is a value: TYPE_FIELD."""\n',
        "\nfrom typing import Final\n\n",
    ]
    for definition in api.definitions.values():
        lines += _constants(definition)
    return {f"{api.models}/defaults.py": "".join(lines).encode()}


def _constants(definition: Definition) -> Iterator[str]:
    for field, schema in definition.schema.get("properties", {}).items():
        if "default" in schema:
            default = schema["default"]
            value = tuple(default) if isinstance(default, list) else default
            yield f"{upper(definition.name)}_{upper(field)}: Final = {_literal(value)}\n"


def _literal(value: object) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(_literal(item) for item in value) + ("," if len(value) == 1 else "") + ")"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
