"""Whether the facts of names.yaml, webhooks.yaml and permissions.yaml can be used and refer to each other."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_codegen.complaints import Complaint, Path, near_hint
from katib_codegen.model import Api
from katib_codegen.render.names import PREFIXES
from katib_codegen.rules.words import is_placeholder

_NAMES, _WEBHOOKS, _PERMISSIONS = "names.yaml", "webhooks.yaml", "permissions.yaml"
_KEY = re.compile(r"[a-z][a-z0-9_]*")


def fact_complaints(api: Api) -> Iterator[Complaint]:
    """Entries that no product can use, and references to entries that are not there."""
    if _NAMES not in api.project.facts:
        return
    yield from _name_complaints(api)
    for file, document in ((_WEBHOOKS, api.sources.webhooks), (_PERMISSIONS, api.sources.permissions)):
        for path, reference in _references(document, ()):
            yield from _reference_complaints(api, file, path, reference)
    if _WEBHOOKS not in api.project.facts:
        return
    namespace = str(api.sources.webhooks["service"].get("namespace"))
    if "default" not in _find(api, namespace, {"default": ""}):
        text = f"{namespace} has no default, and the webhooks are served there; give it one in names.yaml"
        yield Complaint(_WEBHOOKS, ("service", "namespace"), text)


def _name_complaints(api: Api) -> Iterator[Complaint]:
    for section, entries in api.sources.names.items():
        if section not in PREFIXES:
            text = (
                f"the section {section} has no prefix{near_hint(section, PREFIXES)}; write one of {', '.join(PREFIXES)}"
            )
            yield Complaint(_NAMES, (section,), text)
        for key, entry in entries.items():
            if is_placeholder(entry["description"]):
                text = f"{section}.{key} has the description {entry['description']!r}; say in a sentence what it is"
                yield Complaint(_NAMES, (section, key, "description"), text)
            if not _KEY.fullmatch(str(key)):
                text = f"{section}.{key} is not in snake_case; constants are made of it: write words and underscores"
                yield Complaint(_NAMES, (section, key), text)


def _references(node: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Texts and keys that refer to names.yaml."""
    if isinstance(node, str) and node.startswith("names."):
        yield path, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if str(key).startswith("names."):
                yield (*path, key), key
            yield from _references(value, (*path, key))
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from _references(value, (*path, position))


def _reference_complaints(api: Api, file: str, path: Path, reference: str) -> Iterator[Complaint]:
    if not _find(api, reference):
        known = [f"names.{section}.{key}" for section, entries in api.sources.names.items() for key in entries]
        text = f"{reference!r} is no entry of names.yaml{near_hint(reference, known)}; write names.<section>.<key>"
        yield Complaint(file, path, text)


def _find(api: Api, reference: str, otherwise: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    _, _, rest = reference.partition(".")
    section, _, key = rest.partition(".")
    found: Mapping[str, Any] = api.sources.names.get(section, {}).get(key, otherwise or {})
    return found
