"""Whether conditions and their reasons are the ones of names.yaml, so that code and users have one list of them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_codegen.complaints import Complaint, near_hint
from katib_codegen.model import Api, Kind
from katib_codegen.rules.nodes import target, target_name

# A reason's description says which conditions carry it: `Trial Running=False or Succeeded=True: …`.
_STATES = re.compile(r"\b([A-Z]\w*)=(?:True|False|Unknown)\b")


def condition_complaints(api: Api) -> Iterator[Complaint]:
    """Condition types without a reason, reasons of no condition, and examples of reasons that are none."""
    if "names.yaml" not in api.project.facts:
        return
    reasons = api.sources.names.get("reasons", {})
    known: dict[str, set[str]] = {}
    for kind in api.kinds:
        types = _condition_types(api, kind)
        if types is not None:
            known[kind.name] = set(api.definitions[types].schema.get("enum", ()))
            yield from _without_reason(api, kind, types, reasons)
            yield from _example_complaints(api, kind, reasons)
    yield from _reason_complaints(reasons, known)


def _condition(api: Api, kind: Kind) -> str:
    """The type of the kind's conditions; empty where it has none."""
    schema: Mapping[str, Any] = api.definitions[kind.name].schema
    for step in ("status", "conditions"):
        schema = target(api, schema.get("properties", {}).get(step, {}))
    return target_name(schema.get("items", {}))


def _condition_types(api: Api, kind: Kind) -> str | None:
    condition = _condition(api, kind)
    fields = api.definitions[condition].schema.get("properties", {}) if condition else {}
    return target_name(fields.get("type", {})) or None


def _without_reason(api: Api, kind: Kind, types: str, reasons: Mapping[str, Any]) -> Iterator[Complaint]:
    definition = api.definitions[types]
    given = {
        name
        for entry in reasons.values()
        if str(entry.get("description", "")).startswith(f"{kind.name} ")
        for name in _STATES.findall(entry["description"])
    }
    for position, name in enumerate(definition.schema.get("enum", ())):
        if name not in given:
            text = f"{types} has {name}, for which names.yaml has no reason"
            cure = f'add one under reasons, with the description "{kind.name} {name}=True."'
            yield Complaint(definition.file, (*definition.path, "enum", position), f"{text}; {cure}")


def _example_complaints(api: Api, kind: Kind, reasons: Mapping[str, Any]) -> Iterator[Complaint]:
    definition = api.definitions[_condition(api, kind)]
    values = [str(entry.get("value")) for entry in reasons.values()]
    for position, example in enumerate(definition.schema["properties"].get("reason", {}).get("examples", ())):
        if example not in values:
            text = f"{definition.name}.reason has the example {example!r}, which is no reason of names.yaml"
            path = (*definition.path, "properties", "reason", "examples", position)
            yield Complaint(definition.file, path, f"{text}{near_hint(example, values)}; name one, or add it")


def _reason_complaints(reasons: Mapping[str, Any], known: Mapping[str, set[str]]) -> Iterator[Complaint]:
    for key, entry in reasons.items():
        text = str(entry.get("description", ""))
        kind, states = text.split(" ")[0], _STATES.findall(text)
        path = ("reasons", key, "description")
        if kind not in known or not states:
            cure = f"begin it with a kind and its condition: \"{next(iter(known), 'Kind')} Created=True.\""
            yield Complaint("names.yaml", path, f"reasons.{key} does not say which condition it is for; {cure}")
            continue
        for state in states:
            if state not in known[kind]:
                text = f"reasons.{key} is for {kind}'s condition {state}, which the schema does not know"
                yield Complaint("names.yaml", path, f"{text}{near_hint(state, known[kind])}; add it to the enum")
