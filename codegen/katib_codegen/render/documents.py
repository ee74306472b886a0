"""Kubernetes objects as YAML text: one spelling for every printed manifest."""

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
