"""TypeScript types for programs in a browser: an interface per type, enumerations that stay open. No code runs."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from katib_codegen.marks import mark
from katib_codegen.model import Api, Definition, target_name
from katib_codegen.outline import Document, documents, is_enumeration, required_of, target_of
from katib_codegen.render import Files
from katib_codegen.words import words

_WIDTH = 120
_FREE = "{ [field: string]: unknown }"
_SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}
_NAME = re.compile(r"[A-Za-z_$][\w$]*")


def render_typescript(api: Api) -> Files:
    """docs/typescript/<version>.ts."""
    found = {document.name: document for document in documents(api)}
    blocks = [_block(api, definition, found.get(definition.name)) for definition in api.definitions.values()]
    text = "\n".join(
        [
            f"// {mark(f'{api.sources.folder}/*.yaml')}\n",
            _comment(
                f"{api.project.name} {api.version}. A field that may be absent may be null too, which means the same."
            ),
            *blocks,
            _comment("Any object that stands alone; its kind says which one it is.")
            + _union("AnyDocument", list(found)),
        ]
    )
    return {f"docs/typescript/{api.version}.ts": text.encode()}


def _block(api: Api, definition: Definition, document: Document | None) -> str:
    schema = definition.schema
    head = _comment(words(schema))
    if is_enumeration(definition):
        return head + _union(definition.name, [*(json.dumps(value) for value in schema["enum"]), "(string & {})"])
    if "properties" not in schema:
        return f"{head}export type {definition.name} = {_type(api, schema)};\n"
    parents = [target.name for part in schema.get("allOf", ()) if (target := target_of(api, part)) is not None]
    extends = f" extends {', '.join(parents)}" if parents else ""
    lines = "".join(_fields(api, definition, document))
    return f"{head}export interface {definition.name}{extends} {{\n{lines}}}\n"


def _union(name: str, parts: Sequence[str]) -> str:
    line = f"export type {name} = {' | '.join(parts)};\n"
    return line if len(line) <= _WIDTH else f"export type {name} =\n  | " + "\n  | ".join(parts) + ";\n"


def _fields(api: Api, definition: Definition, document: Document | None) -> Iterator[str]:
    """Required fields are there and not null: admission has seen to it. Kind and version are known by value."""
    known = {"apiVersion": document.api_version, "kind": document.name} if document else {}
    for name, field in definition.schema["properties"].items():
        required = name in required_of(definition)
        kind = json.dumps(known[name]) if name in known else _type(api, field)
        key = name if _NAME.fullmatch(name) else json.dumps(name)
        comment = textwrap.indent(_comment(words(field), _WIDTH - 2), "  ")
        yield f"{comment}  {key}: {kind};\n" if required else f"{comment}  {key}?: {kind} | null;\n"


def _type(api: Api, schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return target_name(schema)
    if schema.get("x-kubernetes-int-or-string"):
        return "number | string"
    if "items" in schema:
        item = _type(api, schema["items"])
        return f"({item})[]" if "|" in item else f"{item}[]"
    if isinstance(schema.get("additionalProperties"), Mapping):
        return f"{{ [key: string]: {_type(api, schema['additionalProperties'])} }}"
    return _SCALARS.get(schema.get("type", "object"), _FREE)


def _comment(text: str, width: int = _WIDTH) -> str:
    """A text as a doc comment, in one line where it fits."""
    text = text.replace("*/", "*\\/")
    if not text:
        return ""
    if len(text) + 7 <= width:
        return f"/** {text} */\n"
    lines = textwrap.wrap(text, width - 3, break_long_words=False, break_on_hyphens=False)
    return "/**\n" + "".join(f" * {line}\n" for line in lines) + " */\n"
