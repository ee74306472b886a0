"""Whether each list says how server-side apply merges it, so that kube-apiserver takes it."""

from collections.abc import Iterator, Mapping
from typing import Any

from katib_codegen.complaints import Complaint, near_hint
from katib_codegen.dialect import SCALARS
from katib_codegen.model import Api
from katib_codegen.rules.nodes import Node, nodes, target

_TYPE = "x-kubernetes-list-type"
_KEYS = "x-kubernetes-list-map-keys"


def list_complaints(api: Api) -> Iterator[Complaint]:
    """Lists without list type, and types and keys that do not fit what the list holds."""
    for node in nodes(api):
        if node.schema.get("type") != "array":
            continue
        kind = node.schema.get(_TYPE)
        item = target(api, node.schema["items"])
        if kind is None:
            cure = "write atomic, unless admission refuses duplicates already: then set, or map with its keys"
            yield node.complain(f"is a list without {_TYPE}; {cure}")
        elif kind not in ("atomic", "set", "map"):
            yield node.complain(f"has the {_TYPE} {kind!r}; write atomic, set or map", _TYPE)
        elif kind == "set":
            yield from _set_complaints(node, item)
        if kind == "map":
            yield from _map_complaints(node, item)
        elif _KEYS in node.schema:
            yield node.complain(f"has {_KEYS} and is no map; write {_TYPE}: map, or remove the keys", _KEYS)


def _set_complaints(node: Node, item: Mapping[str, Any]) -> Iterator[Complaint]:
    whole = item.get("type") == "object" and item.get("x-kubernetes-map-type") == "atomic"
    whole = whole or (item.get("type") == "array" and item.get(_TYPE) == "atomic")
    if item.get("type", "string") not in SCALARS and not whole:
        text = f"is a set of {item['type']}s that are merged field by field, which kube-apiserver refuses"
        yield node.complain(f"{text}; write map with keys, or atomic", _TYPE)


def _map_complaints(node: Node, item: Mapping[str, Any]) -> Iterator[Complaint]:
    keys = node.schema.get(_KEYS, ())
    if item.get("type") != "object":
        yield node.complain(
            f"is a map of {item.get('type', 'value')}s; only objects have keys: write set or atomic", _TYPE
        )
        return
    if not keys:
        yield node.complain(f"is a map without {_KEYS}; name the fields that tell its items apart", _TYPE)
    fields, required = item.get("properties", {}), item.get("required", ())
    for position, key in enumerate(keys):
        fault = _key_fault(key, fields, required, keys[:position])
        if fault:
            yield node.complain(f"has the map key {key!r}, {fault}", _KEYS, position)


def _key_fault(key: Any, fields: Mapping[str, Any], required: Any, earlier: Any) -> str:
    if key not in fields:
        return f"which is no field of its items{near_hint(key, fields)}; name one"
    if key in earlier:
        return "twice; remove one"
    if fields[key].get("type", "string") not in SCALARS:
        return "which is no text, number or boolean; name one that is"
    if key not in required:
        return f"which its items need not have; write required: [{key}] in their type"
    return ""
