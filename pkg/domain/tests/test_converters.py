"""The printed converters, both ways (grpc.md §7, §8): what a message can hold comes back, and nothing else is added."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from katib_apis.v1beta1 import converters

TYPES = sorted(name.removeprefix("to_") for name in vars(converters) if name.startswith("to_"))
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=5)
SCALARS = {
    FieldDescriptor.CPPTYPE_STRING: TEXTS,
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    # Minus zero is a zero that protobuf takes for a value.
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
}


def to(name: str) -> Callable[[Any], Message]:
    return getattr(converters, f"to_{name}")  # type: ignore[no-any-return]


def from_(name: str) -> Callable[[Any], Any]:
    return getattr(converters, f"from_{name}")  # type: ignore[no-any-return]


def messages(name: str) -> st.SearchStrategy[Message]:
    """Messages of the type that a converter reads, with every field filled or not."""
    empty = to(name)(from_(name).__annotations__["return"]())
    return st.composite(lambda draw: drawn(draw, type(empty)))()


def drawn(draw: Any, kind: type[Message]) -> Message:
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            getattr(message, field.name).update(draw(st.dictionaries(TEXTS, TEXTS, max_size=2)))
        elif field.message_type is not None:
            inner = type(getattr(kind(), field.name).add()) if field.is_repeated else type(getattr(kind(), field.name))
            if field.is_repeated:
                getattr(message, field.name).extend(drawn(draw, inner) for _ in range(draw(st.integers(0, 2))))
            elif draw(st.booleans()):
                getattr(message, field.name).CopyFrom(drawn(draw, inner))
        elif field.enum_type is not None:
            setattr(message, field.name, draw(st.sampled_from(sorted(field.enum_type.values_by_number))))
        elif field.is_repeated:
            getattr(message, field.name).extend(draw(st.lists(SCALARS[field.cpp_type], max_size=3)))
        else:
            setattr(message, field.name, draw(SCALARS[field.cpp_type]))
    return message


def settled(name: str, message: Message) -> Message:
    """The message as a model stands for it: wrappers are there, and a goal that is not zero is set."""
    return to(name)(from_(name)(message))


def test_every_pair_has_both_ways() -> None:
    assert TYPES == sorted(name.removeprefix("from_") for name in vars(converters) if name.startswith("from_"))
    assert {"experiment_spec", "trial_spec", "trial_assignment", "early_stopping_rule", "nas_config"} <= set(TYPES)


@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
def test_a_message_that_became_a_model_becomes_the_same_message(name: str, data: st.DataObject) -> None:
    message = data.draw(messages(name))
    once = settled(name, message)
    assert settled(name, once) == once
    left = {field.name for field, _ in message.ListFields()} - {field.name for field, _ in once.ListFields()}
    assert not left


@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
def test_a_model_that_became_a_message_becomes_the_same_model(name: str, data: st.DataObject) -> None:
    model = from_(name)(data.draw(messages(name)))
    assert from_(name)(to(name)(model)) == model
    assert type(model).from_dict(model.to_dict()) == model


def test_a_goal_of_zero_is_a_goal() -> None:
    """GRPC-6."""
    goal = converters.models.ObjectiveSpec(goal=0)
    assert converters.from_objective_spec(converters.to_objective_spec(goal)).goal == 0
    assert converters.from_objective_spec(converters.to_objective_spec(converters.models.ObjectiveSpec())).goal is None
