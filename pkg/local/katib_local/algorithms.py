"""Algorithms of the user's own on a laptop: found in the folder that katib is called in, served by the shared service.

Knows which algorithms are installed or given, and what the configuration must say of them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from katib_apis.v1beta1 import names
from katib_local.state import StateError

SERVICE = "katib-suggestion"
GROUP = "katib.algorithms"
PREFIX = "--algorithm="


def find_algorithms(given: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Names of the algorithms that are installed or given as `[name=]module:Class`.

    Modules are looked for in the folder too, as `python -m` does. Raises StateError for a given one that cannot be
    served; an installed one that cannot is among them, so that the service says to who asks for it what is wrong.
    """
    if not given and not entry_points(group=GROUP):
        return ()
    from katib_suggestion.registry import BUILT_IN, NAME, RegistryError, build_registry

    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        found = build_registry(given)
    except RegistryError as error:
        raise StateError(str(error)) from error
    return tuple(sorted({*found.places, *filter(NAME.fullmatch, found.broken)} - BUILT_IN.keys()))


def configured(runtime: Mapping[str, Any], algorithms: Sequence[str]) -> dict[str, Any]:
    """The `runtime` of a KatibConfig with an entry for each algorithm that has none: the shared service serves it."""
    entries = list(runtime.get("suggestions") or [])
    known = {entry.get("algorithmName") for entry in entries if isinstance(entry, Mapping)}
    endpoint = f"{SERVICE}.{names.ENV_CORE_NAMESPACE_DEFAULT}:{names.PORT_SUGGESTION}"
    entries += [
        {"algorithmName": name, "endpoint": endpoint, "trialHistory": "full"}
        for name in algorithms
        if name not in known
    ]
    return {**runtime, "suggestions": entries}
