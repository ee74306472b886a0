"""The dialect's keywords (apis/README.md): on which types each may stand, and what to write in place of others."""

from collections.abc import Mapping

TYPES = ("array", "boolean", "integer", "number", "object", "string")
SCALARS = tuple(name for name in TYPES if name not in ("array", "object"))
NUMBERS = ("integer", "number")

# On which types a keyword may stand; without types, on every one.
KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "$ref": (),
    "additionalProperties": ("object",),
    "allOf": ("object",),
    "default": (),
    "description": (),
    "enum": (),
    "examples": (),
    "format": ("integer", "number", "string"),
    "items": ("array",),
    "maxItems": ("array",),
    "maxLength": ("string",),
    "maximum": NUMBERS,
    "minItems": ("array",),
    "minLength": ("string",),
    "minimum": NUMBERS,
    "pattern": ("string",),
    "properties": ("object",),
    "required": ("object",),
    "type": (),
    "x-katib-absent": (),
    "x-katib-from": (),
    "x-katib-message": ("object",),
    "x-katib-message-field": (),
    "x-katib-python": (),
    "x-katib-required": ("object",),
    "x-katib-resource": ("object",),
    "x-katib-rules": (),
    "x-katib-sdk": (),
    "x-katib-unit": (),
    "x-kubernetes-group-version-kind": ("object",),
    "x-kubernetes-int-or-string": (),
    "x-kubernetes-list-map-keys": ("array",),
    "x-kubernetes-list-type": ("array",),
    "x-kubernetes-map-type": ("object",),
    "x-kubernetes-preserve-unknown-fields": ("object",),
    "x-kubernetes-validations": (),
}
# What may stand beside $ref: words about this one use of the type, and rules for it.
BESIDE_REFERENCE = (
    "$ref", "default", "description", "examples", "x-katib-absent", "x-katib-message-field", "x-katib-rules",
    "x-katib-sdk",    "x-katib-unit",     "x-kubernetes-validations",
)  # fmt: skip
# The smaller and the larger one of a pair of bounds.
BOUNDS = (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"))
FORMATS: Mapping[str, tuple[str, ...]] = {
    "integer": ("int32", "int64"),
    "number": ("double", "float"),
    "string": ("byte", "date", "date-time", "duration", "uuid"),
}

# What x-katib-python may name. The press does not import the product, so it has its own list; a test holds it to that.
PYTHON_TYPES = tuple(f"katib_machinery.types.{name}" for name in ("IntOrString", "MicroTime", "Quantity", "Time"))

# How Go writes a span of time, which Kubernetes takes. What JSON Schema and OpenAPI call a duration is another form, so
# their products say the pattern.
DURATION = r"^[+-]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$"

_CEL = "a rule under x-kubernetes-validations"
# Keywords of JSON Schema and OpenAPI that people reach for, and what stands in their place here.
INSTEAD: Mapping[str, str] = {
    "$id": "remove it; references lead to files and names",
    "anyOf": f"write x-kubernetes-int-or-string for a number or a text, else {_CEL}",
    "const": "write an enum of one value",
    "definitions": "write named types under $defs at the top of the file",
    "dependencies": f"write {_CEL}; kube-apiserver refuses it",
    "deprecated": "say it in the description; kube-apiserver refuses it",
    "discriminator": "remove it; kube-apiserver refuses it",
    "example": "write a list of examples",
    "exclusiveMaximum": "write the largest value as maximum",
    "exclusiveMinimum": "write the smallest value as minimum",
    "if": f"write {_CEL}",
    "maxProperties": f"write {_CEL}",
    "minProperties": f"write {_CEL}",
    "multipleOf": f"write {_CEL}",
    "not": f"write {_CEL}",
    "nullable": "remove it; every field may be null, which means absent",
    "oneOf": f"write x-kubernetes-int-or-string for a number or a text, else {_CEL}",
    "patternProperties": "write additionalProperties with the schema of every value; kube-apiserver refuses it",
    "propertyNames": f"write {_CEL}; kube-apiserver refuses it",
    "readOnly": "move what only controllers write to the status; kube-apiserver refuses it",
    "then": f"write {_CEL}",
    "title": "write a description",
    "unevaluatedProperties": "remove it; unknown fields are pruned",
    "uniqueItems": "write x-kubernetes-list-type: set; kube-apiserver refuses it",
    "writeOnly": "remove it; kube-apiserver refuses it",
    "x-kubernetes-embedded-resource": "remove it; a template has placeholders and no name, so it is a free object",
    "xml": "remove it",
}
