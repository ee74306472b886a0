"""Imports a package's names when they are first asked for. Knows modules; knows nothing of what is in them."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any


def load(package: str, name: str, modules: Mapping[str, str], beside: str | None = None) -> Any:
    """What `name` stands for in `package`, for its `__getattr__`; raises AttributeError as that has to.

    `modules` says in which submodule each name lies; a name that is there itself is a submodule. `beside` is a package
    whose public names belong to this one too, those of `modules` first; `__all__` then is all of them.
    """
    if name == "__all__" and beside is not None:
        return names(modules, beside)
    if name in modules:
        module = import_module(f"{package}.{modules[name]}")
        return module if modules[name] == name else getattr(module, name)
    if beside is not None and not name.startswith("_"):
        neighbour = import_module(beside)
        if hasattr(neighbour, name):
            return getattr(neighbour, name)
    raise AttributeError(f"module {package!r} has no attribute {name!r}")


def names(modules: Mapping[str, str], beside: str | None = None) -> list[str]:
    """All public names, sorted, for a package's `__dir__`."""
    found = set(modules)
    if beside is not None:
        found |= {name for name in dir(import_module(beside)) if not name.startswith("_")}
    return sorted(found)
