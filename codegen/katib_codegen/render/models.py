"""Pydantic models of every definition, printed by datamodel-code-generator.

Knows what that generator misreads and rewrites the schemas for it. Behaviour of the models (open enums, deep copies,
unknown fields) is not here but in katib_machinery.
"""

import json
from collections.abc import Mapping
from typing import Any

from datamodel_code_generator import DataModelType, GenerateConfig, InputFileType, generate
from datamodel_code_generator.enums import StrictTypes
from datamodel_code_generator.format import Formatter, PythonVersion

from katib_codegen.model import Api, Schema
from katib_codegen.render import Files, header

_BASE = "katib_machinery.model.KatibModel"
_OBJECT = "katib_machinery.model.KatibObject"
_PASSED = ("type", "properties", "items", "enum", "format", "allOf")


def render_models(api: Api) -> Files:
    """models.py: one class per definition, in the order of the sources."""
    schemas = {name: _for_generator(definition.schema) for name, definition in api.definitions.items()}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "katib", "version": api.version},
        "paths": {},
        "components": {"schemas": schemas},
    }
    printed = generate(json.dumps(document), config=_options(api))
    if not isinstance(printed, str):
        raise TypeError(f"datamodel-code-generator printed {type(printed).__name__}, wanted one module")
    path = f"pkg/apis/katib_apis/{api.version}/models.py"
    text = header(f"{api.sources.folder}/*.yaml") + _body(printed)
    return {path: text.encode()}


def _options(api: Api) -> GenerateConfig:
    return GenerateConfig(
        input_file_type=InputFileType.OpenAPI,
        output_model_type=DataModelType.PydanticV2BaseModel,
        target_python_version=PythonVersion.PY_311,
        base_class=_BASE,
        base_class_map={kind.name: _OBJECT for kind in api.kinds},
        import_overrides={"StrEnum": "katib_machinery.enums"},
        strict_types=[StrictTypes.str, StrictTypes.int, StrictTypes.float, StrictTypes.bool],
        formatters=[Formatter.BUILTIN],
        builtin_format_line_length=120,
        use_double_quotes=True,
        snake_case_field=True,
        use_annotated=True,
        field_constraints=True,
        collapse_root_models=True,
        use_exact_imports=True,
        capitalise_enum_members=True,
        keep_model_order=True,
        use_schema_description=True,
        use_single_line_docstring=True,
        disable_timestamp=True,
        strict_refs=True,
        allow_remote_refs=False,
        custom_file_header="# body",
    )


def _body(printed: str) -> str:
    """What was printed, without the generator's own header."""
    return printed.removeprefix("# body\n").lstrip("\n")


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
    if schema.get("type") == "number":
        # An integer stays one: a goal of 1 must not be written back as 1.0.
        return {"anyOf": [{"type": "integer"}, {"type": "number"}]}
    passed: Schema = {key: schema[key] for key in _PASSED if key in schema}
    if "description" in schema:
        passed["description"] = schema["description"]
    if "properties" in schema:
        passed["properties"] = {name: _for_generator(field) for name, field in schema["properties"].items()}
    if "items" in schema:
        passed["items"] = _for_generator(schema["items"])
    if "allOf" in schema:
        passed["allOf"] = [_for_generator(part) for part in schema["allOf"]]
    if "additionalProperties" in schema:
        passed["additionalProperties"] = _for_generator(schema["additionalProperties"])
    return passed
