"""Whether rules of custom kinds (`x-kubernetes-validations`) can be. Pure. Yields pairs of field and text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import re2

from katib_local.apiserver.errors import shown, unsupported
from katib_local.apiserver.expressions import ExpressionError
from katib_local.apiserver.formats import has_format
from katib_local.apiserver.rules import compiled, looks_back
from katib_local.apiserver.shapes import RULES
from katib_local.apiserver.values import Schema

Rule = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
REASONS = tuple(f"FieldValue{word}" for word in ("Duplicate", "Forbidden", "Invalid", "Required"))
QUOTED = r"""r?"(?:\\.|[^"\\])*"|r?'(?:\\.|[^'\\])*'"""
CONSTANTS = re.compile(rf"\b(?P<function>matches|duration|timestamp)\(\s*(?P<text>{QUOTED})\s*\)|{QUOTED}")
"""Calls with one text as their argument; texts elsewhere are passed over."""
SPAN = re.compile(r"[-+]?(0|(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+")
STEPS = re.compile(r"""\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\['(?P<quoted>(?:\\.|[^'\\])*)'\]""")
GO_SIGNS = (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"))
_QUIET = re2.Options()
_QUIET.log_errors = False


def rule_problems(schema: Schema, path: str) -> Problems:
    """What is wrong with the rules at one place of a schema, its parts left out."""
    for index, rule in enumerate(schema.get(RULES) or ()):
        place = f"{path}.{RULES}[{index}]"
        if str(rule.get("rule") or "").strip():
            yield from _expression(rule, schema, place)
        else:
            yield f"{place}.rule", "Required value: rule is not specified"
        yield from _words(rule, place)
        yield from _message_expression(rule, schema, place)
        yield from unsupported(f"{place}.reason", rule.get("reason"), REASONS)
        yield from _field(rule.get("fieldPath") or "", schema, f"{place}.fieldPath")


def printed_rule(rule: Rule) -> str:
    """A rule as a server in Go prints it."""
    names = {"Rule": "rule", "Message": "message", "MessageExpression": "messageExpression"}
    said: dict[str, Any] = {printed: rule.get(name) or "" for printed, name in names.items()}
    said |= {"Reason": rule.get("reason"), "FieldPath": rule.get("fieldPath") or ""}
    said["OptionalOldSelf"] = rule.get("optionalOldSelf")
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    for sign, written in GO_SIGNS:
        text = text.replace(sign, written)
    return text


def _expression(rule: Rule, schema: Schema, place: str) -> Problems:
    path, text = f"{place}.rule", str(rule["rule"])
    try:
        returns = compiled(text, schema, rule).returns
    except ExpressionError as error:
        yield path, f"Invalid value: {printed_rule(rule)}: compilation failed: {error}"
        return
    wrong = "\n".join(_constants(text))
    if wrong:
        yield path, f"Invalid value: {printed_rule(rule)}: compilation failed: {wrong}"
    elif returns not in ("BOOL", "DYN"):
        yield path, f"Invalid value: {printed_rule(rule)}: cel expression must evaluate to a bool"
    if rule.get("optionalOldSelf") is not None and not looks_back(rule):
        why = "may not be set if oldSelf is not used in rule"
        yield f"{place}.optionalOldSelf", f"Invalid value: {shown(rule['optionalOldSelf'])}: {why}"


def _constants(text: str) -> Iterator[str]:
    """What a compiler says of patterns, spans and times that are none, each with its place."""
    for found in CONSTANTS.finditer(text):
        function, quoted = found["function"], found["text"]
        if function and not _is_constant(function, _unquoted(quoted)):
            before = text[: found.start("text")]
            line, column = before.count("\n"), found.start("text") - (before.rfind("\n") + 1)
            source = text.split("\n")[line]
            told = f"ERROR: <input>:{line + 1}:{column + 1}: invalid {function} argument"
            yield f"{told}\n | {source}\n | {'.' * column}^"


def _unquoted(quoted: str) -> str:
    if quoted.startswith("r"):
        return quoted[2:-1]
    return re.sub(r"\\(.)", r"\1", quoted[1:-1])


def _is_constant(function: str, text: str) -> bool:
    match function:
        case "matches":
            return _is_pattern(text)
        case "duration":
            return SPAN.fullmatch(text) is not None
        case _:
            return has_format(text, "date-time")


def _is_pattern(text: str) -> bool:
    try:
        re2.compile(text, _QUIET)
    except re2.error:
        return False
    return True


def _words(rule: Rule, place: str) -> Problems:
    message = rule.get("message")
    if message and not message.strip():
        yield f"{place}.message", f"Invalid value: {shown(message)}: must be non-empty if specified"
    elif message and "\n" in message:
        yield f"{place}.message", f"Invalid value: {shown(message)}: must not contain line breaks"
    elif not message and "\n" in str(rule.get("rule") or "").strip():
        yield f"{place}.message", "Required value: message must be specified if rule contains line breaks"


def _message_expression(rule: Rule, schema: Schema, place: str) -> Problems:
    text, path = rule.get("messageExpression"), f"{place}.messageExpression"
    if not text:
        return
    if not text.strip():
        yield path, "Required value: messageExpression must be non-empty if specified"
        return
    try:
        returns = compiled(text, schema, rule).returns
    except ExpressionError as error:
        yield path, f"Invalid value: {printed_rule(rule)}: messageExpression compilation failed: {error}"
    else:
        if returns not in ("STRING", "DYN"):
            yield path, f"Invalid value: {printed_rule(rule)}: messageExpression must evaluate to a string"


def _field(said: str, schema: Schema, path: str) -> Problems:
    """A path leads by names to a field that the schema has."""
    if "\n" in said:
        yield path, f"Invalid value: {shown(said)}: must not contain line breaks"
    if said and not _leads(said, schema):
        yield path, f"Invalid value: {shown(said)}: must be a valid path"


def _leads(said: str, schema: Schema) -> bool:
    steps = list(STEPS.finditer(said))
    if "".join(step[0] for step in steps) != said:
        return False
    found: Any = schema
    for step in steps:
        name = step["name"] or re.sub(r"\\(.)", r"\1", step["quoted"] or "")
        rest = found.get("additionalProperties")
        below = (found.get("properties") or {}).get(name)
        found = rest if below is None and step["name"] is None else below
        if not isinstance(found, Mapping):
            return False
    return True
