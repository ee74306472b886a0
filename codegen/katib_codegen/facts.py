"""Looks up entries of names.yaml for the other sources, which refer to them as `names.<section>.<key>`."""

from collections.abc import Mapping
from typing import Any

from katib_codegen.errors import SourceError


class Facts:
    """The entries of names.yaml, as the source `file` refers to them."""

    def __init__(self, names: Mapping[str, Any], file: str) -> None:
        self._names = names
        self._file = file

    def value(self, reference: str) -> str:
        """The name that the reference stands for."""
        return str(self._entry(reference)["value"])

    def default(self, reference: str) -> str:
        """The default of the environment variable that the reference stands for."""
        entry = self._entry(reference)
        if "default" not in entry:
            raise SourceError(f"names.yaml: {reference} has no default, and another source asks for it")
        return str(entry["default"])

    def _entry(self, reference: str) -> Mapping[str, Any]:
        root, _, rest = reference.partition(".")
        section, _, key = rest.partition(".")
        entry = self._names.get(section, {}).get(key)
        if root != "names" or entry is None:
            raise SourceError(f"{self._file}: {reference!r} is no entry of names.yaml; write names.<section>.<key>")
        return entry  # type: ignore[no-any-return]
