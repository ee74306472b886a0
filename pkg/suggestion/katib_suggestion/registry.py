"""Which algorithms there are: names to classes, loaded when first asked for, since some bring heavy libraries.

Ours are in a table; others are found by entry point, or given as `module:Class` when the service starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points

from katib_suggestion.search import Algorithm, Scheduler

LONGEST = 63
NAME = re.compile(rf"(?=.{{1,{LONGEST}}}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?")
"""What an algorithmName may be: it is a part of the name of a Deployment and of a Service."""
GROUP = "katib.algorithms"
"""The entry points of distributions that bring algorithms; an entry's name is its algorithmName."""
BUILT_IN: Mapping[str, str] = {
    "auto": "katib_suggestion.algorithms.auto:Auto",
    "bayesianoptimization": "katib_suggestion.algorithms.bayesian_optimization:BayesianOptimization",
    "cmaes": "katib_suggestion.algorithms.cmaes:CMAES",
    "darts": "katib_suggestion.algorithms.darts:DARTS",
    "enas": "katib_suggestion.algorithms.enas:ENAS",
    "grid": "katib_suggestion.algorithms.grid:GridSearch",
    "halton": "katib_suggestion.algorithms.halton:Halton",
    "hyperband": "katib_suggestion.algorithms.hyperband:Hyperband",
    "motpe": "katib_suggestion.algorithms.motpe:MOTPE",
    "multivariate-tpe": "katib_suggestion.algorithms.multivariate_tpe:MultivariateTPE",
    "nsgaii": "katib_suggestion.algorithms.nsgaii:NSGAII",
    "pbt": "katib_suggestion.algorithms.pbt:PopulationBasedTraining",
    "random": "katib_suggestion.algorithms.random_search:RandomSearch",
    "sobol": "katib_suggestion.algorithms.sobol:Sobol",
    "tpe": "katib_suggestion.algorithms.tpe:TPE",
}


class RegistryError(ValueError):
    """An algorithm that cannot be served; the message says which one, why, and what to do."""


@dataclass(frozen=True)
class Registry:
    """Algorithms by name, each as `module:Class`."""

    places: Mapping[str, str] = field(default_factory=lambda: BUILT_IN)

    @property
    def names(self) -> list[str]:
        return sorted(self.places)

    def get_algorithm(self, name: str) -> type[Algorithm | Scheduler]:
        """The class of an algorithm; raises KeyError for a name that is not known, RegistryError for no algorithm."""
        return load_class(self.places[name])


def build_registry(given: Iterable[str] = ()) -> Registry:
    """Our algorithms, installed ones and those that are given as `module:Class` or `name=module:Class`.

    Every one that is not ours is loaded, so that a mistake shows at the start; raises RegistryError.
    """
    places = dict(BUILT_IN)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        _add(places, entry.name, entry.value, f"entry point {entry.name!r} of group {GROUP}")
    for text in given:
        name, _, place = text.rpartition("=")
        _add(places, name or load_class(place).name, place, f"--algorithm {text}")
    return Registry(places)


def _add(places: dict[str, str], name: str, place: str, source: str) -> None:
    if not name:
        raise RegistryError(f"{source}: has no name: set `name` in the class, or say NAME={place}")
    if not NAME.fullmatch(name):
        raise RegistryError(
            f"{source}: {name!r} is no algorithmName: use lower-case letters, digits and '-' between them, {LONGEST} at most"
        )
    if name in places and places[name] != place:
        raise RegistryError(f"{source}: {name!r} is already {places[name]}: choose another name")
    load_class(place)
    places[name] = place


def load_class(place: str) -> type[Algorithm | Scheduler]:
    """The class at `module:Class`; raises RegistryError."""
    module, _, attribute = place.partition(":")
    if not (module and attribute):
        raise RegistryError(f"{place!r}: write it as module:Class, for example my_search:HillClimbing")
    try:
        found = getattr(import_module(module), attribute)
    except ImportError as error:
        raise RegistryError(f"{place}: cannot import: {error}: is its folder in PYTHONPATH?") from error
    except AttributeError as error:
        raise RegistryError(f"{place}: {module} has no {attribute}: check the spelling") from error
    if not (isinstance(found, type) and issubclass(found, Algorithm | Scheduler)):
        raise RegistryError(f"{place}: is no subclass of katib_suggestion.search.Algorithm or Scheduler")
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        raise RegistryError(f"{place}: does not say {', '.join(missing)}: write that method")
    return found
