"""Which algorithms there are: names to classes, loaded when first asked for, since some bring heavy libraries.

Ours are in a table; others are found by entry point, or given as `module:Class` when the service starts.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from katib_suggestion.problem import RefusedError
from katib_suggestion.search import Algorithm, Scheduler
from katib_suggestion.settings import find_mistake

log = logging.getLogger(__name__)
LONGEST = 63
NAME = re.compile(rf"(?=.{{1,{LONGEST}}}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?")
"""What an algorithmName may be: it is a part of the name of a Deployment and of a Service."""
GROUP = "katib.algorithms"
"""The entry points of distributions that bring algorithms; an entry's name is its algorithmName."""
TAKEN = frozenset({*dir(Algorithm), *dir(Scheduler)})
"""Names that say something else of an algorithm than a setting."""
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


class RegistryError(RefusedError):
    """An algorithm that cannot be served; the message says which one, why, and what to do."""


@dataclass(frozen=True)
class Registry:
    """Algorithms by name, each as `module:Class`."""

    places: Mapping[str, str] = field(default_factory=lambda: BUILT_IN)
    broken: Mapping[str, str] = field(default_factory=dict)
    """Why an installed algorithm cannot be served, by its name."""

    @property
    def names(self) -> list[str]:
        return sorted(self.places)

    def get_algorithm(self, name: str) -> type[Algorithm | Scheduler]:
        """The class of an algorithm; raises KeyError for a name that is not known, RegistryError for no algorithm."""
        if name in self.broken:
            raise RegistryError(self.broken[name])
        return load_class(self.places[name])


def build_registry(given: Iterable[str] = ()) -> Registry:
    """Our algorithms, installed ones and those that are given as `module:Class` or `name=module:Class`.

    Every one that is not ours is loaded, so that a mistake shows at the start. One that was given and cannot be served
    raises RegistryError; one that is installed costs only itself, and a warning: whoever installed the package need not
    be the one who starts the service.
    """
    places = dict(BUILT_IN)
    broken = _add_installed(places)
    for text in given:
        name, _, place = text.rpartition("=")
        name = name or load_class(place).name
        _add(places, name, place, f"--algorithm {text}")
        broken.pop(name, None)
    return Registry(places, broken)


def _add_installed(places: dict[str, str]) -> dict[str, str]:
    """Add the algorithms of installed distributions; returns why some cannot be served."""
    broken: dict[str, str] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        if entry.name in broken:
            continue
        source = f"entry point {entry.name!r}{_brought_by(entry)} of group {GROUP}"
        try:
            _add(places, entry.name, entry.value.partition("[")[0].strip(), source)
        except RegistryError as error:
            text = str(error) if str(error).startswith(source) else f"{source}: {error}"
            log.warning("%s; it is not served", text)
            if entry.name not in BUILT_IN:
                places.pop(entry.name, None)  # of two with one name neither is the right one
                broken[entry.name] = text
    return broken


def _brought_by(entry: EntryPoint) -> str:
    return f" of {entry.dist.name} {entry.dist.version}" if entry.dist else ""


def _add(places: dict[str, str], name: str, place: str, source: str) -> None:
    if not name:
        raise RegistryError(f"{source}: has no name: set `name` in the class, or say NAME={place}")
    if not NAME.fullmatch(name):
        raise RegistryError(
            f"{source}: {name!r} is no algorithmName: use lower-case letters, digits and '-' between them, {LONGEST} at most"
        )
    if name in places and places[name] != place:
        raise RegistryError(f"{source}: {name!r} is already {places[name]}: choose another name")
    if mistake := find_mistake(load_class(place), TAKEN):
        raise RegistryError(f"{place}: {mistake}")
    places[name] = place


def load_class(place: str) -> type[Algorithm | Scheduler]:
    """The class at `module:Class`; raises RegistryError."""
    module, _, attribute = place.partition(":")
    if not (module and attribute):
        raise RegistryError(f"{place!r}: write it as module:Class, for example my_search:HillClimbing")
    try:
        found = getattr(_import(module, place), attribute)
    except AttributeError as error:
        raise RegistryError(f"{place}: {module} has no {attribute}: check the spelling") from error
    if not (isinstance(found, type) and issubclass(found, Algorithm | Scheduler)):
        raise RegistryError(f"{place}: is no subclass of katib_suggestion.search.Algorithm or Scheduler")
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        raise RegistryError(f"{place}: does not say {', '.join(missing)}: write that method")
    return found


def _import(module: str, place: str) -> ModuleType:
    """A module; raises RegistryError with whatever it ends with while it is imported."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        cure = "is its folder in PYTHONPATH?" if error.name == module.partition(".")[0] else f"install {error.name}"
        raise RegistryError(f"{place}: cannot import: {error}: {cure}") from error
    except (Exception, SystemExit) as error:  # it is somebody else's code: anything may happen
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise RegistryError(f"{place}: cannot import: {told}: mend the module") from error
