"""What every model of the SDK can do. Knows attribute maps; knows neither a kind nor a transport.

A model is a plain bag of attributes: values are not checked, because admission does that with better words.
"""

from __future__ import annotations

import pprint
from typing import TYPE_CHECKING, Any, ClassVar

from kubeflow.katib.serialization import sanitize

if TYPE_CHECKING:
    from kubeflow.katib.configuration import Configuration


class Model:
    """A type of Katib's API.

    Attributes:
        openapi_types: The type of each attribute, as text that `ApiClient.deserialize` understands.
        attribute_map: The JSON name of each attribute.
        required_attributes: The attributes that must not be None while the configuration asks for client-side checks.
        discriminator: Always None: no type of the API has variants.
    """

    openapi_types: ClassVar[dict[str, str]] = {}
    attribute_map: ClassVar[dict[str, str]] = {}
    required_attributes: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        """Makes a property of every attribute, so that assignments are checked too."""
        super().__init_subclass__()
        for name in cls.openapi_types:
            setattr(cls, name, _attribute(name, name in cls.required_attributes))

    def __init__(self, local_vars_configuration: Configuration | None) -> None:
        self._configuration = local_vars_configuration
        self.discriminator = None

    @property
    def local_vars_configuration(self) -> Configuration:
        """The configuration that was given to the model; else a default one, made when somebody looks."""
        if self._configuration is None:
            from kubeflow.katib.configuration import Configuration

            self._configuration = Configuration()
        return self._configuration

    @local_vars_configuration.setter
    def local_vars_configuration(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def to_dict(self, serialize: bool = False) -> dict[str, Any]:
        """The model as plain dicts and lists, absent attributes included.

        Args:
            serialize: Use JSON names in place of attribute names, as newer clients of Kubernetes ask for.
        """
        names = self.attribute_map if serialize else {name: name for name in self.openapi_types}
        return {names[name]: _plain(getattr(self, name), serialize) for name in self.openapi_types}

    def to_str(self) -> str:
        """The model for people."""
        return pprint.pformat(self.to_dict())

    def __repr__(self) -> str:
        return self.to_str()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return False
        return self.to_dict() == other.to_dict()

    def __ne__(self, other: object) -> bool:
        return not self == other

    # As in Katib's own SDK: a model that can change is no key.
    __hash__ = None  # type: ignore[assignment]


def _attribute(name: str, required: bool) -> property:
    place = f"_{name}"

    def read(self: Model) -> Any:
        return getattr(self, place)

    def write(self: Model, value: Any) -> None:
        if value is None and required and _is_checked(self):
            raise ValueError(f"{type(self).__name__}.{name} must not be None")
        setattr(self, place, value)

    return property(read, write)


def _is_checked(model: Model) -> bool:
    configuration = model._configuration
    return configuration is None or bool(configuration.client_side_validation)


def _plain(value: Any, serialize: bool) -> Any:
    if isinstance(value, list):
        return [_plain(item, serialize) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item, serialize) for key, item in value.items()}
    if isinstance(value, Model):
        return value.to_dict(serialize)
    return value.to_dict() if hasattr(value, "to_dict") else value


# kubernetes 37 and later know a model by two functions that name each other, and no longer by its attribute map.
_PAIR = "_openapi_generator_to_dict"
setattr(Model.to_dict, _PAIR, sanitize)
setattr(sanitize, _PAIR, Model.to_dict)
