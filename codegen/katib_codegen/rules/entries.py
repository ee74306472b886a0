"""Whether each name of names.yaml is one that Kubernetes, a shell or a user can take where it is used."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_codegen.complaints import Complaint
from katib_codegen.model import Api

_NAMES = "names.yaml"
_LABEL = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_Form = tuple[re.Pattern[str], str]
_KEY: _Form = (
    re.compile(rf"([a-z0-9]([-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_LABEL}"),
    "a name, or a domain, a slash and a name",
)
_VARIABLE: _Form = (re.compile(r"[A-Z_][A-Z0-9_]*"), "upper case letters, digits and underscores")
_WORD: _Form = (re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"), "lower case letters, digits and hyphens")
_PATH: _Form = (re.compile(r"/\S*"), "a path from / on")
# What a value of the section looks like, and how that is called.
_FORMS: Mapping[str, _Form] = {
    "labels": _KEY,
    "annotations": _KEY,
    "finalizers": _KEY,
    "label_values": (re.compile(rf"({_LABEL})?"), "letters, digits, hyphens, dots and underscores"),
    "environment": _VARIABLE,
    "environment_prefixes": _VARIABLE,
    "port_names": (re.compile(r"(?=.*[a-z])[-a-z0-9]{1,15}"), "at most 15 lower case letters, digits and hyphens"),
    "containers": _WORD,
    "volumes": _WORD,
    "http_paths": _PATH,
    "paths": _PATH,
    "event_reasons": (re.compile(r"[A-Z][A-Za-z0-9]{0,127}"), "one word in PascalCase, as kubectl shows it"),
    "metrics": (re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*"), "letters, digits and underscores, as Prometheus has them"),
}
# Ports may be alike: each is another program's.
_MAY_BE_ALIKE = ("ports", "http_paths", "values", "trial_names")
# Where a key of an entry means something.
_ONLY = {"default": "environment", "conditions": "reasons"}


def entry_complaints(api: Api) -> Iterator[Complaint]:
    """Values that are refused where they are used, that stand twice, and keys that mean nothing in a section."""
    for section, entries in api.sources.names.items():
        seen: dict[Any, str] = {}
        for key, entry in entries.items():
            place, value = f"{section}.{key}", entry["value"]
            fault = _value_fault(section, value)
            if not fault and value in seen and section not in _MAY_BE_ALIKE:
                fault = f"as {section}.{seen[value]} is; remove one, or give it another value"
            if fault:
                yield Complaint(_NAMES, (section, key, "value"), f"{place} is {value!r}, {fault}")
            seen.setdefault(value, key)
            yield from _key_complaints(section, key, entry)


def _key_complaints(section: str, key: str, entry: Mapping[str, Any]) -> Iterator[Complaint]:
    for word, home in _ONLY.items():
        if word in entry and section != home:
            text = f"{section}.{key} has {word}, which means something under {home} only; remove it"
            yield Complaint(_NAMES, (section, key, word), text)
    states = entry.get("conditions", ())
    for position, state in enumerate(states):
        if state in states[:position]:
            path = (section, key, "conditions", position)
            yield Complaint(_NAMES, path, f"{section}.{key} is for {state} twice; remove one")


def _value_fault(section: str, value: Any) -> str:
    if section == "ports":
        fits = isinstance(value, int) and 0 < value < 65536
        return "" if fits else "which is no port; write a number from 1 to 65535"
    if section not in _FORMS:
        return ""
    form, words = _FORMS[section]
    return "" if form.fullmatch(str(value)) else f"which cannot be used there; write {words}"
