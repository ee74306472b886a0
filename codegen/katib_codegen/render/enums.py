"""Known values as classes of their own, so that code can name one without loading the models.

Knows how a value becomes a member's name. Behaviour of the classes (open enums) is in katib_machinery.
"""

import json
from collections.abc import Iterator

from katib_codegen.model import Api, Definition
from katib_codegen.render import Files, python_header
from katib_codegen.words import docstring, upper, words

_HEAD = '"""The known values of each field that has such: one class per enumeration, without the models\' weight."""\n'


def enums_module(api: Api) -> str:
    """Where the classes are imported from."""
    return f"{api.project.models.name}.{api.version}.enums"


def render_enums(api: Api) -> Files:
    """enums.py: one class per definition with known values, in the order of the sources."""
    lines = [
        python_header(f"{api.sources.folder}/*.yaml"),
        _HEAD,
        "\nfrom katib_machinery.enums import StrEnum\n",
    ]
    for definition in api.definitions.values():
        if "enum" in definition.schema:
            lines += _class(definition)
    return {f"{api.models}/enums.py": "".join(lines).encode()}


def _class(definition: Definition) -> Iterator[str]:
    yield f"\n\nclass {definition.name}(StrEnum):\n"
    yield docstring(words(definition.schema)) + "\n"
    for value in definition.schema["enum"]:
        yield f"    {upper(value)} = {json.dumps(value, ensure_ascii=False)}\n"
