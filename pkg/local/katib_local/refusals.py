"""Turns what the cluster says about a refused file into lines that name file, line, field and cure.

Pure apart from reading the printed schema. Must not know how requests are sent.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from katib_local.caller import Caller
from katib_local.documents import Document
from katib_local.experiment_file import ExperimentFile
from katib_machinery.cures import type_cure

DENIED = re.compile(r'^admission webhook "[^"]+" denied the request: ')
INVALID = re.compile(r'^Experiment(?:\.kubeflow\.org)? "[^"]*" is invalid: ')
UNKNOWN = re.compile(r'unknown field "([^"]+)"')
DELETION = re.compile(r"`kubectl (delete experiment [^`]+)`")
WRONG_TYPE = re.compile(r"^([^:]+): Invalid value: .* in body must be of type (\w+): ", re.DOTALL)
POLICY = "spec.resumePolicy"


def located_errors(file: ExperimentFile, message: str, caller: Caller | None = None) -> str:
    """A refusal of the Experiment as lines that name file, line and field, with commands as this caller would type them."""
    if unknown := UNKNOWN.findall(message):
        return "\n".join(dict.fromkeys(_misspelt(file, field) for field in unknown))
    text = INVALID.sub("", DENIED.sub("", message)).strip()
    text = DELETION.sub(lambda found: (caller or Caller()).command(*found[1].split()), text)
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    parts = re.split(r", (?=(?:spec|metadata)[.\[: ])", text)
    return "\n".join(file.located(_with_cure(file, part)) for part in _about_the_file(file, parts))


def _with_cure(file: ExperimentFile, part: str) -> str:
    """A value of the wrong type, of which Kubernetes names only the type that it has, and how to write it."""
    if not (found := WRONG_TYPE.search(part)):
        return part
    field, wanted = found.groups()
    try:
        value = _value_at(file.experiment, field)
    except (LookupError, TypeError, ValueError):  # a key with dots, or a value that admission has put there
        return part
    shown = json.dumps(value, ensure_ascii=False)
    return f"{field}: Invalid value: {shown}: must be of type {wanted}; {type_cure(wanted, value)}"


def _value_at(value: Any, field: str) -> Any:
    for part in re.findall(r"[^.\[\]]+", field):
        value = value[int(part)] if isinstance(value, Sequence) else value[part]
    return value


def _about_the_file(file: ExperimentFile, parts: Sequence[str]) -> Sequence[str]:
    """Whether an ended Experiment may restart matters only once the rest is good: its policy may be a default."""
    rest = [part for part in parts if not part.startswith(f"{POLICY}:")]
    return rest if rest and not file.writes(POLICY) else parts


def _misspelt(file: ExperimentFile, field: str) -> str:
    parent, _, word = field.rpartition(".")
    known = known_fields(parent)
    if is_list(parent):
        entry = ", ".join(f"{name}: ..." for name in known)
        return f"{file.path}:{file.line(parent)}: {parent}: must be a list: write an entry for each, `- {{{entry}}}`"
    near = difflib.get_close_matches(word, known, n=1)
    cure = f"did you mean {near[0]}?" if near else "remove it"
    return f"{file.path}:{file.line(field)}: {field}: no such field; {cure}"


def known_fields(field: str) -> list[str]:
    """The fields that the Experiment's schema has below a field, or in each entry of a list."""
    schema = _schema_of(field)
    below = schema.get("items") if schema.get("type") == "array" else schema
    return sorted((below or {}).get("properties") or {})


def is_list(field: str) -> bool:
    """Whether the Experiment's schema has a list there."""
    return _schema_of(field).get("type") == "array"


def _schema_of(field: str) -> Mapping[str, Any]:
    schema = _schema()
    for part in re.findall(r"[^.\[\]]+", field):
        below = schema.get("items") if part.isdecimal() else (schema.get("properties") or {}).get(part)
        schema = below if isinstance(below, Mapping) else {}
    return schema


def _schema() -> Mapping[str, Any]:
    from katib_apis.v1beta1.resources import EXPERIMENTS
    from katib_local.bootstrap import shipped

    definition = next(crd for crd in shipped("crds") if crd["spec"]["names"]["kind"] == EXPERIMENTS.kind)
    schema: Mapping[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def refused_companion(companion: Document, message: str) -> str:
    """A refusal of a ConfigMap or Secret as one line that names file, line and object."""
    value = companion.value
    line = companion.line("metadata.namespace" if "namespaces " in message else "metadata.name")
    text = " ".join(message.split())
    return f"{companion.file}:{line}: {value['kind']} {value['metadata']['name']} is refused: {text}; correct it, or remove it"
