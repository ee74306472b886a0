"""Whether conditions and their reasons are the ones of names.yaml, so that code and users have one list of them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_codegen.complaints import Complaint, near_hint
from katib_codegen.model import Api, Kind, target_name
from katib_codegen.rules.nodes import target

# Which conditions carry a reason: `Trial Running=False`.
_STATE = re.compile(r"([A-Z]\w*) ([A-Z]\w*)=(?:True|False|Unknown)")


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
    states = [_STATE.fullmatch(str(state)) for entry in reasons.values() for state in entry.get("conditions", ())]
    given = {state[2] for state in states if state is not None and state[1] == kind.name}
    for position, name in enumerate(definition.schema.get("enum", ())):
        if name not in given:
            text = f"{types} has {name}, for which names.yaml has no reason"
            cure = f"add one under reasons, with conditions: [{kind.name} {name}=True]"
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
        states = entry.get("conditions", ())
        if not states:
            cure = f"write `conditions: [{next(iter(known), 'Kind')} Created=True]`"
            yield Complaint(
                "names.yaml", ("reasons", key), f"reasons.{key} does not say which condition it is for; {cure}"
            )
        for position, state in enumerate(states):
            match = _STATE.fullmatch(str(state))
            path = ("reasons", key, "conditions", position)
            if match is None or match[1] not in known:
                cure = f"write a kind, a condition and its status, such as {next(iter(known), 'Kind')} Created=True"
                yield Complaint("names.yaml", path, f"reasons.{key} is for {state!r}, which no kind has; {cure}")
            elif match[2] not in known[match[1]]:
                text = f"reasons.{key} is for {match[1]}'s condition {match[2]}, which the schema does not know"
                yield Complaint("names.yaml", path, f"{text}{near_hint(match[2], known[match[1]])}; add it to the enum")
