"""Cuts Kubernetes' own types out of kubernetes-validate's definitions, without their words.

Knows where that package keeps them and what it changed in them. Must not know the project's types.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from katib_codegen.complaints import near_hint
from katib_codegen.errors import SourceError

Schema = dict[str, Any]

RELEASE = "v1.37.0"
_SOURCE = f"kubernetes-json-schema/{RELEASE}-local/_definitions.json"
_FREE: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@cache
def _definitions() -> Mapping[str, Any]:
    return json.loads(files("kubernetes_validate").joinpath(_SOURCE).read_bytes())["$defs"]  # type: ignore[no-any-return]


def knows(full_name: str) -> bool:
    """Whether Kubernetes has a type of that name."""
    return full_name in _definitions()


def near(full_name: str) -> str:
    """A hint at the type that was probably meant."""
    last = full_name.rsplit(".", 1)[-1]
    return near_hint(full_name, [name for name in _definitions() if name.rsplit(".", 1)[-1][:3] == last[:3]])


def names(*prefixes: str) -> list[str]:
    """The full names of all types that begin like this, sorted."""
    return sorted(name for name in _definitions() if name.startswith(prefixes))


@cache
def resources() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """Of each group of Kubernetes, the versions of each resource: pods, ingresses, networkpolicies."""
    found: dict[str, dict[str, set[str]]] = {}
    for source in _definitions().values():
        for identity in source.get("x-kubernetes-group-version-kind", ()):
            plurals = found.setdefault(identity["group"], {})
            plurals.setdefault(_plural(identity["kind"].lower()), set()).add(identity["version"])
    return {
        group: {plural: frozenset(versions) for plural, versions in plurals.items()} for group, plurals in found.items()
    }


def _plural(singular: str) -> str:
    if singular.endswith("y") and singular[-2] not in "aeiou":
        return f"{singular[:-1]}ies"
    if singular.endswith("points"):
        return singular
    return f"{singular}es" if singular.endswith(("s", "x", "ch")) else f"{singular}s"


def definition(full_name: str) -> Mapping[str, Any]:
    """The type as kubernetes-validate has it, references by full name."""
    found: Mapping[str, Any] = _definitions()[full_name]
    return found


def cut(full_name: str, named: Mapping[str, str]) -> Schema:
    """The type called `full_name`; a reference leads to one of `named` (full name to ours), else to a free object.

    Types only: what Kubernetes requires of a container, admission says where it matters, with its own message.
    """
    return _trim(definition(full_name), named)


def _trim(source: Mapping[str, Any], named: Mapping[str, str]) -> Schema:
    if "$ref" in source:
        target = source["$ref"].rsplit("/", 1)[1]
        return {"$ref": f"#/$defs/{named[target]}"} if target in named else dict(_FREE)
    kind = single_type(source)
    trimmed: Schema = {"type": kind}
    if "format" in source:
        trimmed["format"] = source["format"]
    if kind == "array":
        trimmed["items"] = _trim(source["items"], named)
    if "properties" in source:
        trimmed["properties"] = {name: _trim(field, named) for name, field in source["properties"].items()}
    elif kind == "object":
        values = source.get("additionalProperties")
        trimmed.update({"additionalProperties": _trim(values, named)} if isinstance(values, dict) else _FREE)
    return trimmed


_KEPT = (
    "format",
    "required",
    "x-kubernetes-group-version-kind",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
)


def whole(full_names: Iterable[str]) -> dict[str, Schema]:
    """The types called so and all that they lead to, by full name: structure, merge keys and what is required."""
    found: dict[str, Schema] = {}
    waiting = list(full_names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name not in _definitions():
            raise SourceError(
                f"apis/project.yaml: kubernetes_types: Kubernetes {RELEASE} has no type {name}{near(name)}"
            )
        found[name] = _structure(_definitions()[name], waiting)
    return dict(sorted(found.items()))


def _structure(source: Mapping[str, Any], seen: list[str]) -> Schema:
    if "$ref" in source:
        target = source["$ref"].rsplit("/", 1)[1]
        seen.append(target)
        return {"$ref": target, **{key: source[key] for key in _KEPT if key in source}}
    kept = {key: source[key] for key in _KEPT if key in source}
    if "oneOf" in source:
        return {"type": sorted({single_type(branch) for branch in source["oneOf"]}), **kept}
    if "type" not in source:
        return kept  # anything at all
    structure: Schema = {"type": single_type(source), **kept}
    if "items" in source:
        structure["items"] = _structure(source["items"], seen)
    if isinstance(source.get("additionalProperties"), dict):
        structure["additionalProperties"] = _structure(source["additionalProperties"], seen)
    if "properties" in source:
        structure["properties"] = {name: _structure(field, seen) for name, field in source["properties"].items()}
    return structure


def single_type(source: Mapping[str, Any]) -> str:
    """The type without the null that kubernetes-validate adds to each."""
    kind = source.get("type", "object")
    kinds = [kind] if isinstance(kind, str) else [name for name in kind if name != "null"]
    return str(kinds[0])
