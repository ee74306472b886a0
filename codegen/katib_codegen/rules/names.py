"""Whether names keep the API's case and stay clear of what the printed classes need for themselves."""

import builtins
import keyword
import re
from collections.abc import Iterator

from pydantic import BaseModel

from katib_codegen.complaints import Complaint
from katib_codegen.model import Api
from katib_codegen.rules.nodes import Node, fields_of, types
from katib_codegen.words import snake

_FIELD = re.compile(r"[a-z][a-zA-Z0-9]*")
_TYPE = re.compile(r"[A-Z][a-zA-Z0-9]*")
# What the classes that models are printed with need for themselves: our own base, and the SDK's.
METHODS = frozenset(
    {
        "attribute_map", "deep_copy", "discriminator", "from_dict", "from_json", "frozen", "local_vars_configuration",
        "openapi_types", "self", "start_copy", "to_dict", "to_json", "to_str", "walk_copy", "walk_freeze",
        *(name for name in dir(BaseModel) if not name.startswith("_")),
    }
)  # fmt: skip
# What a kind's class has besides its fields.
OBJECT_METHODS = frozenset(
    {
        "annotations", "controller_owner", "creation_timestamp", "deletion_grace_period_seconds", "deletion_timestamp",
        "finalizers", "key", "labels", "name", "namespace", "resource_version", "uid",
    }
)  # fmt: skip
_IMPORTED = frozenset(
    {
        "Annotated", "Any", "BaseModel", "ConfigDict", "Field", "KatibModel", "KatibObject", "Literal", "Mapping", "Model",
        "Number", "RootModel", "Self", "StrEnum", "StrictBool", "StrictBytes", "StrictFloat", "StrictInt", "StrictStr",
        "UUID",
    }
)  # fmt: skip
# As long as Kubernetes lets the parts of its own names be.
LONGEST = 63


def name_complaints(api: Api) -> Iterator[Complaint]:
    """Names in another case than the API's, and names that a printed class could not have."""
    kinds = {kind.name for kind in api.kinds}
    for node in types(api):
        name = node.place
        if len(name) > LONGEST:
            yield Complaint(node.file, node.path, too_long("$defs", name))
        elif not _TYPE.fullmatch(name):
            yield node.complain(f"is no name of a type; write {_pascal(name)}")
        elif name in _IMPORTED or hasattr(builtins, name) or keyword.iskeyword(name):
            yield node.complain("has the name of something that printed modules need; give it another one")
        yield from _field_complaints(node, METHODS | OBJECT_METHODS if name in kinds else METHODS)


def too_long(place: str, name: str) -> str:
    """What is said of a name that nobody can read, without saying all of it."""
    return f"{place} has {name[:20]}…, a name of {len(name)} letters; write {LONGEST} at most"


def _field_complaints(node: Node, methods: frozenset[str]) -> Iterator[Complaint]:
    attributes: dict[str, str] = {}
    for field in fields_of(node):
        name = str(field.path[-1])
        attribute = snake(name)
        if len(name) > LONGEST:
            yield Complaint(field.file, field.path, too_long(node.place, name))
        elif not _FIELD.fullmatch(name):
            yield field.complain(f"is not in camelCase; write {_camel(name)}")
        elif keyword.iskeyword(attribute):
            yield field.complain(f"would be {attribute} in Python, which is a keyword there; write another name")
        elif attribute in methods:
            yield field.complain(
                f"would be {attribute} in Python, which every model needs for itself; write another name"
            )
        elif attribute in attributes:
            text = f"would be {attribute} in Python, and so would {attributes[attribute]}; rename one"
            yield field.complain(text)
        attributes.setdefault(attribute, name)


def _pascal(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^a-zA-Z0-9]+", name))


def _camel(name: str) -> str:
    pascal = _pascal(name)
    return pascal[:1].lower() + pascal[1:]
