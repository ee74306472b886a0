"""ConfigMaps and Secrets that a pod names anywhere, as they are when it starts."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Json = Mapping[str, Any]
Get = Callable[[str, str], Awaitable[Json | None]]


class Sources:
    """What was found, by kind and name."""

    def __init__(self, found: Mapping[tuple[str, str], Json | None]) -> None:
        self._found = found

    @classmethod
    async def fetch(cls, spec: Json, get: Get) -> Sources:
        """Get each source that a pod's spec names, once."""
        return cls({source: await get(*source) for source in sorted(wanted_sources(spec))})

    def find(self, kind: str, name: str) -> Json | None:
        return self._found.get((kind, name))

    def find_text(self, kind: str, name: str, key: str) -> str | None:
        """One key of a ConfigMap or Secret; without a key the names of all, joined by NUL."""
        found = self.find(kind, name)
        if found is None:
            return None
        content = found.get("data") or {}
        if not key:
            return "\0".join(sorted(content))
        text = content.get(key)
        return base64.b64decode(text).decode(errors="replace") if kind == "Secret" and text is not None else text


def wanted_sources(value: Any) -> set[tuple[str, str]]:
    """Kind and name of every ConfigMap and Secret below a value of a pod's spec."""
    if isinstance(value, list):
        return {source for entry in value for source in wanted_sources(entry)}
    if not isinstance(value, Mapping):
        return set()
    found = {source for part in value.values() for source in wanted_sources(part)}
    for key, part in value.items():
        if key in ("configMap", "configMapRef", "configMapKeyRef") and isinstance(part, Mapping):
            found.add(("ConfigMap", str(part.get("name", ""))))
        elif key in ("secret", "secretRef", "secretKeyRef") and isinstance(part, Mapping):
            found.add(("Secret", str(part.get("secretName") or part.get("name", ""))))
    return found
