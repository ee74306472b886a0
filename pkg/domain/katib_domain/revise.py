"""Changed copies of models. The original, often an object of a shared cache, is never touched."""

from collections.abc import Mapping
from typing import Any, TypeVar

from katib_machinery.model import KatibModel

M = TypeVar("M", bound=KatibModel)


def revised(model: M, changes: Mapping[str, Any]) -> M:
    """Return a copy with ``changes`` by field name; None takes a field away, so that it is not written as null.

    Parts that did not change are shared with the original.
    """
    fields = {name: getattr(model, name) for name in model.model_fields_set}
    fields.update(changes)
    absent = {name for name, value in changes.items() if value is None}
    return type(model).model_construct(**{name: value for name, value in fields.items() if name not in absent})


def nulled(model: M, name: str) -> M:
    """Return a copy in which the field is written as an explicit null, as the zero times of this API are."""
    return revised(model, {name: ...}).model_copy(update={name: None})
