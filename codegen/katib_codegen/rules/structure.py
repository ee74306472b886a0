"""What kube-apiserver refuses in a structural schema, and what the press could print in one product only."""

from collections.abc import Iterator

from katib_codegen.complaints import Complaint, near_hint
from katib_codegen.dialect import BESIDE_REFERENCE, KEYWORDS
from katib_codegen.model import Api, properties, references
from katib_codegen.rules.nodes import Node, as_node, nodes

_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_EITHER = "x-kubernetes-int-or-string"
_OF_FIELDS = ("default", "examples", "x-katib-absent", "x-katib-message-field")


def structure_complaints(api: Api) -> Iterator[Complaint]:
    """Constructs of schemas that no CRD can have."""
    for node in nodes(api):
        yield from _inner_complaints(node)
        if "$ref" in node.schema:
            yield from _beside_reference(node)
            continue
        yield from _type_complaints(node)
        yield from _object_complaints(node)
        yield from _required_complaints(api, node)
    for definition in api.definitions.values():
        if definition.borrowed and "x-katib-python" in definition.schema:
            yield from _type_complaints(as_node(definition))
    yield from _inheritance(api)


def _inner_complaints(node: Node) -> Iterator[Complaint]:
    """What only a type may have, of a field or an item; what only a field may have, of others."""
    is_inner = node.place[-1] in "]}"
    is_field = "." in node.place and not is_inner
    if "properties" in node.schema and (is_field or is_inner):
        yield node.complain("has fields of its own; give it a name under $defs, and refer to that", "properties")
    for keyword in [keyword for keyword in _OF_FIELDS if keyword in node.schema and not is_field]:
        yield node.complain(f"has {keyword}, which is said of fields; move it to one, or remove it", keyword)
    if is_inner and "x-katib-sdk" in node.schema:
        yield node.complain("has x-katib-sdk, which is said of types and fields; remove it", "x-katib-sdk")


def _beside_reference(node: Node) -> Iterator[Complaint]:
    for keyword in node.schema.keys() - set(BESIDE_REFERENCE):
        yield node.complain(f"has {keyword} beside $ref; state it in the type that it refers to", keyword)


def _type_complaints(node: Node) -> Iterator[Complaint]:
    schema = node.schema
    either = schema.get(_EITHER)
    if _EITHER in schema and either is not True:
        yield node.complain(f"has {_EITHER}: {either!r}; write true, or remove it", _EITHER)
    if either and "type" in schema:
        yield node.complain(f"has a type beside {_EITHER}, which stands for two; remove the type", "type")
    if not either and "type" not in schema:
        yield node.complain("has no type; write `type:`, or `$ref:` to one of ours")
    for keyword in schema:
        kinds = KEYWORDS.get(keyword, ())
        if kinds and either:
            yield node.complain(
                f"has {keyword} beside {_EITHER}, where it holds for one of the two; remove it", keyword
            )
        elif kinds and schema.get("type") not in (*kinds, None):
            text = f"has {keyword}, which is for {' and '.join(kinds)} only; it is of type {schema['type']}"
            yield node.complain(f"{text}: remove the keyword, or mend the type", keyword)


def _object_complaints(node: Node) -> Iterator[Complaint]:
    schema = node.schema
    if schema.get("type") != "object":
        return
    values = schema.get("additionalProperties")
    if "properties" in schema and "additionalProperties" in schema:
        text = "has properties and additionalProperties, which kube-apiserver refuses; keep the one that it is"
        yield node.complain(text, "additionalProperties")
    elif isinstance(values, bool):
        text = f"has additionalProperties: {str(values).lower()}; write the schema of every value, or {_PRESERVE}: true"
        yield node.complain(text, "additionalProperties")
    if _PRESERVE in schema and schema[_PRESERVE] is not True:
        yield node.complain(f"has {_PRESERVE}: {schema[_PRESERVE]!r}; write true, or remove it", _PRESERVE)
    elif _PRESERVE in schema and ("properties" in schema or "additionalProperties" in schema):
        yield node.complain(f"has fields beside {_PRESERVE}; models cannot print both: keep one", _PRESERVE)
    if not schema.keys() & {"properties", "additionalProperties", "allOf", _PRESERVE}:
        yield node.complain(
            f"is an object without properties; write them, or additionalProperties, or {_PRESERVE}: true"
        )
    if schema.get("x-kubernetes-map-type", "granular") not in ("atomic", "granular"):
        text = f"has the x-kubernetes-map-type {schema['x-kubernetes-map-type']!r}; write atomic or granular"
        yield node.complain(text, "x-kubernetes-map-type")


def _required_complaints(api: Api, node: Node) -> Iterator[Complaint]:
    known = properties(api, node.schema)
    for keyword in ("required", "x-katib-required"):
        if node.schema.get(keyword, True) == []:
            yield node.complain(f"has an empty {keyword}; name a field, or remove it", keyword)
    for position, name in enumerate(node.schema.get("required", ())):
        if name not in known:
            text = f"requires {name!r}, which is no field of it{near_hint(name, known)}; name one, or remove it"
            yield node.complain(text, "required", position)
        elif "default" in known[name]:
            text = f"requires {name}, which has a default, so it may be absent; remove one of the two"
            yield node.complain(text, "required", position)
        elif name in node.schema["required"][:position]:
            yield node.complain(f"requires {name} twice; remove one", "required", position)


def _inheritance(api: Api) -> Iterator[Complaint]:
    """allOf prints as inheritance in models, and as nothing in a CRD."""
    seen: set[str] = set()
    waiting = [kind.name for kind in api.kinds]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        definition = api.definitions[name]
        if "allOf" in definition.schema:
            text = f"{name} has allOf, and a kind holds it; a CRD cannot inherit: write the fields out"
            yield Complaint(definition.file, (*definition.path, "allOf"), text)
        waiting += references(definition.schema)
