"""The printed deep copies: of every class, with every field filled, equal and sharing nothing that can be changed."""

import types
import typing
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest

from katib_apis.v1beta1 import models
from katib_machinery.model import KatibModel

CLASSES = sorted(
    (found for found in vars(models).values() if isinstance(found, type) and found.__module__ == models.__name__),
    key=lambda found: found.__name__,
)


def a_value(annotation: Any) -> Any:
    """A value of that type that is not empty."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType, Annotated):
        return a_value(arguments[0])
    if origin is list:
        return [a_value(arguments[0])]
    if origin is dict:
        return {"key": a_value(arguments[1])}
    if isinstance(annotation, type) and issubclass(annotation, KatibModel):
        return a_whole(annotation)
    if annotation is Any:
        return {"free": [1, {"deep": None}]}
    if annotation is datetime or "Datetime" in str(annotation):
        return datetime(2026, 1, 31, tzinfo=UTC)
    scalars = {str: "text", int: 1, float: 0.5, bool: True}
    return scalars[annotation] if annotation in scalars else next(iter(annotation))


def a_whole(kind: type[KatibModel]) -> KatibModel:
    """An object with every field set, an unknown one too."""
    fields = {name: a_value(field.annotation) for name, field in kind.model_fields.items()}
    return kind.model_construct(**fields, unknown={"later": [1]})


def changeable(value: Any) -> Iterator[int]:
    """The identities of everything in it that somebody could change."""
    if isinstance(value, KatibModel):
        yield id(value)
        for inner in (*value.__dict__.values(), value.__pydantic_extra__):
            yield from changeable(inner)
    elif isinstance(value, Mapping):
        yield id(value)
        for inner in value.values():
            yield from changeable(inner)
    elif isinstance(value, list):
        yield id(value)
        for inner in value:
            yield from changeable(inner)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_copy_is_equal_and_shares_nothing_that_can_be_changed(kind: type[KatibModel]) -> None:
    assert "walk_copy" in vars(kind)
    for original in (a_whole(kind), kind()):
        copied = original.deep_copy()
        assert copied == original and copied.model_fields_set == original.model_fields_set
        assert not set(changeable(original)) & set(changeable(copied))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_copy_of_what_is_frozen_can_be_changed(kind: type[KatibModel]) -> None:
    copied = a_whole(kind).walk_freeze().deep_copy()
    assert not copied.frozen
    for value in copied.__dict__.values():
        assert type(value) not in (set, tuple) and not getattr(value, "frozen", False)
    assert copied.model_extra is not None
    copied.model_extra["unknown"]["later"].append(2)
