"""Pydantic models of every definition, printed by datamodel-code-generator.

Knows what that generator misreads and rewrites the schemas for it. Behaviour of the models (open enums, unknown fields, freezing) is not here but in katib_machinery.
"""

import ast
import json
from collections.abc import Iterator, Mapping
from typing import Any

from datamodel_code_generator import GenerateConfig, generate
from datamodel_code_generator.enums import DataModelType, InputFileType, StrictTypes
from datamodel_code_generator.format import Formatter, PythonVersion

from katib_codegen.model import Api, Schema
from katib_codegen.render import Files, python_header
from katib_codegen.render.copies import with_copies
from katib_codegen.render.enums import enums_module
from katib_codegen.words import docstring, words

_BASE = "katib_machinery.model.KatibModel"
_OBJECT = "katib_machinery.model.KatibObject"
_DURATION = "katib_machinery.types.Duration"
_NUMBER = "katib_machinery.types.Number"
_PASSED = ("type", "properties", "items", "format", "allOf")


def render_models(api: Api) -> Files:
    """models.py: one class per definition, in the order of the sources."""
    schemas = {name: _definition_for_generator(api, name) for name in api.definitions}
    document = {
        "openapi": "3.1.0",
        "info": {"title": api.project.name, "version": api.version},
        "paths": {},
        "components": {"schemas": schemas},
    }
    printed = generate(json.dumps(document), config=_options(api))
    if not isinstance(printed, str):
        raise TypeError(f"datamodel-code-generator printed {type(printed).__name__}, wanted one module")
    text = python_header(f"{api.sources.folder}/*.yaml") + with_copies(_with_words(_body(printed), api))
    return {f"{api.models}/models.py": text.encode()}


def _options(api: Api) -> GenerateConfig:
    return GenerateConfig(
        input_file_type=InputFileType.OpenAPI,
        output_model_type=DataModelType.PydanticV2BaseModel,
        target_python_version=PythonVersion.PY_311,
        base_class=_BASE,
        base_class_map={kind.name: _OBJECT for kind in api.kinds},
        additional_imports=["typing.Self", "katib_machinery.frozen.deep_copy"],
        strict_types=[StrictTypes.str, StrictTypes.int, StrictTypes.float, StrictTypes.bool],
        formatters=[Formatter.BUILTIN],
        builtin_format_line_length=120,
        use_double_quotes=True,
        snake_case_field=True,
        use_annotated=True,
        field_constraints=True,
        collapse_root_models=True,
        use_exact_imports=True,
        keep_model_order=False,
        disable_timestamp=True,
        strict_refs=True,
        allow_remote_refs=False,
        custom_file_header="# body",
    )


def _body(printed: str) -> str:
    """What was printed, without the generator's own header."""
    return printed.removeprefix("# body\n").strip("\n") + "\n"


def _with_words(module: str, api: Api) -> str:
    """The module with the words of each class and field where editors look for them; they cost nothing at run time."""
    lines = module.splitlines(keepends=True)
    for place, text in sorted(_docstrings(ast.parse(module), api), reverse=True):
        lines.insert(place, text)
    return "".join(lines)


def _docstrings(module: ast.Module, api: Api) -> Iterator[tuple[int, str]]:
    """After which line which docstring belongs."""
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            schema = api.definitions[node.name].schema
            if words(schema):
                yield node.body[0].lineno - 1, docstring(words(schema)) + "\n"
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    text = words(schema["properties"][_json_name(field, field.target.id)])
                    if text:
                        yield field.end_lineno or field.lineno, docstring(text)


def _json_name(field: ast.AnnAssign, attribute: str) -> str:
    for node in ast.walk(field.annotation):
        if isinstance(node, ast.keyword) and node.arg == "alias" and isinstance(node.value, ast.Constant):
            return str(node.value.value)
    return attribute


def _definition_for_generator(api: Api, name: str) -> Schema:
    if "enum" in api.definitions[name].schema:
        return {"type": "string", "customTypePath": f"{enums_module(api)}.{name}"}
    return _for_generator(api.definitions[name].schema)


def _for_generator(schema: Mapping[str, Any]) -> Schema:
    """The schema in the words that the generator understands.

    Every field becomes optional and without default: an absent field stays absent, and admission says what is missing.
    """
    if "x-katib-python" in schema:
        return {"type": "string", "customTypePath": schema["x-katib-python"]}
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace("#/$defs/", "#/components/schemas/")}
    if schema.get("x-kubernetes-preserve-unknown-fields") and "properties" not in schema:
        return {"type": "object", "additionalProperties": True}
    if schema.get("format") == "duration":
        return {"type": "string", "customTypePath": _DURATION}
    if schema.get("type") == "number":
        return {"type": "string", "customTypePath": _NUMBER}
    passed: Schema = {key: schema[key] for key in _PASSED if key in schema}
    if "properties" in schema:
        passed["properties"] = {name: _for_generator(field) for name, field in schema["properties"].items()}
    if "items" in schema:
        passed["items"] = _for_generator(schema["items"])
    if "allOf" in schema:
        passed["allOf"] = [_for_generator(part) for part in schema["allOf"]]
    if "additionalProperties" in schema:
        passed["additionalProperties"] = _for_generator(schema["additionalProperties"])
    return passed
