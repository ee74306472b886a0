"""Models to JSON values and back. Knows attribute maps and type names; knows no transport.

Works for Katib's models and for those of every release of the `kubernetes` package that the SDK allows, which have
changed their own ways of doing this.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

_CONTAINER = re.compile(r"(list|dict|optional)[\[(](.*)[\])]", re.IGNORECASE)
_PRIMITIVES: Mapping[str, type] = {"int": int, "long": int, "float": float, "str": str, "bool": bool}


def sanitize(value: Any) -> Any:
    """The value as JSON knows it: JSON names, without absent attributes, times as ISO 8601 text.

    Raises:
        TypeError: The value holds something that is neither a model nor a JSON value.
    """
    if value is None or isinstance(value, str | bytes | int | float):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, list | tuple):
        return type(value)(sanitize(item) for item in value)
    if isinstance(value, dict):
        return {key: sanitize(item) for key, item in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "attribute_map"):
        present = {name: getattr(value, name) for name in value.openapi_types}
        return {value.attribute_map[name]: sanitize(item) for name, item in present.items() if item is not None}
    if hasattr(value, "to_dict"):
        return sanitize(value.to_dict())
    raise TypeError(f"{type(value).__name__} is neither a model nor a JSON value: {value!r}")


def deserialize(data: Any, wanted: Any) -> Any:
    """JSON data as the wanted type: a class, or a text such as `V1beta1Trial`, `list[V1beta1Trial]`, `dict(str, str)`.

    Keys that the type does not have are left out; primitive values are made the type that the field has.
    """
    if data is None or wanted is object:
        return data
    if isinstance(wanted, str):
        container = _CONTAINER.fullmatch(wanted)
        if container:
            return _contained(data, container[1].lower(), container[2])
        wanted = _named(wanted)
        if wanted is object:
            return data
    if wanted in _PRIMITIVES.values():
        return _primitive(data, wanted)
    if wanted in (datetime, date):
        return _time(data, wanted)
    return _model(data, wanted)


def _contained(data: Any, container: str, inner: str) -> Any:
    if container == "list":
        return [deserialize(item, inner) for item in data]
    if container == "dict":
        values = inner.partition(",")[2].strip()
        return {key: deserialize(item, values) for key, item in data.items()}
    return deserialize(data, inner)


def _named(name: str) -> Any:
    known = {**_PRIMITIVES, "object": object, "datetime": datetime, "date": date}
    if name in known:
        return known[name]
    from kubeflow.katib import models

    return getattr(models, name)


def _primitive(data: Any, wanted: Callable[[Any], Any]) -> Any:
    try:
        return wanted(data)
    except TypeError:
        return data


def _time(data: Any, wanted: type) -> Any:
    from dateutil.parser import parse

    try:
        found = parse(data)
    except (TypeError, ValueError) as error:
        from kubeflow.katib.exceptions import ApiException

        raise ApiException(status=0, reason=f"{data!r} is no {wanted.__name__}") from error
    return found if wanted is datetime else found.date()


def _model(data: Any, wanted: Any) -> Any:
    if not hasattr(wanted, "attribute_map") or not isinstance(data, dict):
        return data
    given = {
        name: deserialize(data[wanted.attribute_map[name]], kind)
        for name, kind in wanted.openapi_types.items()
        if wanted.attribute_map[name] in data
    }
    return wanted(**given)
