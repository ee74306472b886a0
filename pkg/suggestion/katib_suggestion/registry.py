"""Which algorithms there are: names to classes, loaded when first asked for, since some bring heavy libraries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module

from katib_suggestion.search import Algorithm

BUILT_IN: Mapping[str, str] = {
    "grid": "katib_suggestion.algorithms.grid:GridSearch",
    "random": "katib_suggestion.algorithms.random_search:RandomSearch",
    "tpe": "katib_suggestion.algorithms.tpe:TPE",
}


@dataclass(frozen=True)
class Registry:
    """Algorithms by name, each as `module:Class`."""

    places: Mapping[str, str] = field(default_factory=lambda: BUILT_IN)

    @property
    def names(self) -> list[str]:
        return sorted(self.places)

    def get_algorithm(self, name: str) -> type[Algorithm]:
        """The class of an algorithm; raises KeyError for a name that is not known."""
        module, _, attribute = self.places[name].partition(":")
        found = getattr(import_module(module), attribute)
        if not (isinstance(found, type) and issubclass(found, Algorithm)):
            raise TypeError(f"{self.places[name]} is no Algorithm")
        return found
