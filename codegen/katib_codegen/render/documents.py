"""Documents as text: one spelling of YAML for every printed manifest, and one of JSON for every printed schema."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Without anchors. Written in Python on purpose: libyaml breaks lines elsewhere, and not every machine has it."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def documents(objects: Iterable[Mapping[str, Any]]) -> str:
    """The objects as YAML documents, keys in the order given."""
    return "".join(
        "---\n" + yaml.dump(dict(item), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
        for item in objects
    )


def json_text(document: Mapping[str, Any]) -> bytes:
    """The document as JSON that a person can read, keys in the order given."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
