"""A package that several distributions share; each adds its own part, whichever was installed last."""

__path__ = __import__("pkgutil").extend_path(__path__, __name__)
