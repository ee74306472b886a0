"""Whether the CEL rules of the schemas are ones that kube-apiserver compiles.

Knows where rules stand and what they may see from there; `cel` knows the language.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from katib_codegen.complaints import Complaint, near_hint
from katib_codegen.model import Api, properties, references
from katib_codegen.rules.costs import LIMIT, Sizes
from katib_codegen.rules.nodes import Node, nodes, target, types

_KEYWORD = "x-kubernetes-validations"
_KNOWN = ("rule", "message", "messageExpression", "reason", "fieldPath", "optionalOldSelf")
_REASONS = ("FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate")


def expression_complaints(api: Api) -> Iterator[Complaint]:
    """Rules that do not compile, that name what is not there, or that compare with what Kubernetes cannot give."""
    ruled = [node for node in nodes(api) if _KEYWORD in node.schema]
    if not ruled:
        return
    unmatched, sizes = _unmatched_types(api), Sizes(api)
    for node in ruled:
        way = unmatched.get(node.place.split(".")[0].split("[")[0], "") or _own_list(node)
        entries = node.schema[_KEYWORD]
        if not entries:
            yield node.complain(f"has an empty {_KEYWORD}; write a rule, or remove it", _KEYWORD)
        for position, entry in enumerate(entries):
            faults = _entry_faults(entry) or rule_faults(api, node, entry, way, sizes)
            if not faults and entry["rule"] in [other["rule"] for other in entries[:position]]:
                faults = [f"stands there twice: {entry['rule']}; remove one"]
            yield from (node.complain(f"has a rule that {fault}", _KEYWORD, position) for fault in faults)


def _entry_faults(entry: Any) -> list[str]:
    if not isinstance(entry, Mapping) or not str(entry.get("rule") or "").strip():
        return ["has no text; write {rule: self.min <= self.max, message: min is above max}"]
    faults = [
        f"has {word}, which means nothing here{near_hint(word, _KNOWN)}; remove it"
        for word in entry
        if word not in _KNOWN
    ]
    if not isinstance(entry["rule"], str):
        return [f"is {entry['rule']!r}, no expression; write it in quotes"]
    for word in ("message", "messageExpression", "fieldPath"):
        if word in entry and not isinstance(entry[word], str):
            return [f"has the {word} {entry[word]!r}; write a text"]
    if not isinstance(entry.get("optionalOldSelf", True), bool):
        return [f"has the optionalOldSelf {entry['optionalOldSelf']!r}; write true, or remove it"]
    if not entry.get("message") and not entry.get("messageExpression"):
        faults.append(f"tells users nothing when it is broken: {entry['rule']}; write its message")
    if "\n" in str(entry.get("message", "")):
        faults.append("has a message of several lines; write one")
    if entry.get("reason", _REASONS[0]) not in _REASONS:
        faults.append(f"has the reason {entry['reason']!r}; write one of {', '.join(_REASONS)}")
    return faults


def rule_faults(api: Api, node: Node, entry: Mapping[str, Any], way: str = "", sizes: Sizes | None = None) -> list[str]:
    """What is wrong with one rule at a node, to which `way` leads through a list without keys."""
    return _compile_faults(api, node, entry, way) or _cost_faults(api, node, entry, sizes or Sizes(api))


def _compile_faults(api: Api, node: Node, entry: Mapping[str, Any], way: str) -> list[str]:
    # Slow to import, and most sources have no rule.
    from katib_codegen.cel import Checker

    rule = entry["rule"]
    checker = Checker(api, node.schema)
    checker.old_self_is_optional = bool(entry.get("optionalOldSelf"))
    faults = [f"{fault}: {rule}" for fault in checker.check(rule, "boolean")]
    if checker.reads_old_self and way:
        text = f"reads oldSelf, and {way} has no keys by which old items are found: {rule}"
        faults.append(f"{text}; write the rule above the list, or make it a map")
    elif not checker.reads_old_self and "optionalOldSelf" in entry:
        faults.append(f"has optionalOldSelf and does not read oldSelf: {rule}; remove it")
    if "messageExpression" in entry:
        text = str(entry["messageExpression"])
        faults += [
            f"has a messageExpression that {fault}: {text}" for fault in Checker(api, node.schema).check(text, "string")
        ]
    if "fieldPath" in entry and not _is_field(api, node.schema, str(entry["fieldPath"])):
        faults.append(f"has the fieldPath {entry['fieldPath']!r}, which is no field of it; write one like .min")
    return faults


def _cost_faults(api: Api, node: Node, entry: Mapping[str, Any], sizes: Sizes) -> list[str]:
    from katib_codegen.cel import Checker

    checker = Checker(api, node.schema, sizes)
    checker.check(entry["rule"], "boolean")
    excess = checker.cost * sizes.runs(node) / LIMIT
    if excess <= 1:
        return []
    times = "more than 100" if excess > 100 else f"{excess:.1f}"
    text = f"may cost {times} times what kube-apiserver allows: {entry['rule']}"
    return [f"{text}; write {', '.join(sizes.missing(checker.walked, node)) or 'smaller bounds'}"]


def _is_field(api: Api, schema: Mapping[str, Any], path: str) -> bool:
    for step in path.split(".")[1:]:
        found = properties(api, target(api, schema))
        if step not in found:
            return False
        schema = found[step]
    return path.startswith(".") and len(path) > 1


def _own_list(node: Node) -> str:
    """The list inside the type that has no keys and holds the node; empty where there is none."""
    return node.place.split("[]")[0] if "[]" in node.place else ""


def _unmatched_types(api: Api) -> dict[str, str]:
    """The types to which a way leads through a list without keys, and that list."""
    found: dict[str, str] = {}
    uses: dict[str, set[str]] = {}
    for node in nodes(api):
        uses.setdefault(node.place.split(".")[0].split("[")[0], set()).update(references(node.schema))
        whole = node.schema.get("type") == "array" and node.schema.get("x-kubernetes-list-type") != "map"
        whole = whole or node.schema.get("x-kubernetes-map-type") == "atomic"
        # A list of a kind's objects is what clients get, not what the server stores.
        if whole and not _is_list_of_kind(api, node):
            for name in references(node.schema):
                found.setdefault(name, node.place)
    waiting = list(found)
    while waiting:
        name = waiting.pop()
        for inner in uses.get(name, ()):
            if inner not in found:
                found[inner] = found[name]
                waiting.append(inner)
    return {node.place: found[node.place] for node in types(api) if node.place in found}


def _is_list_of_kind(api: Api, node: Node) -> bool:
    return node.place in [f"{kind.name}List.items" for kind in api.kinds]
