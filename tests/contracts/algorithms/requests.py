"""Requests that nobody would write: any message of the proto, and sound ones with something odd in one place."""

from __future__ import annotations

from typing import Any

from contracts.algorithms.questions import LOSS, MIXED, a_question, a_trial, an_experiment
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from katib_apis.v1beta1 import api_pb2

WORDS = ["", " ", "0", "1", "-1", "2", "1.5", "1e9", "1e-9", "1e400", "nan", "-inf", "None", "x", LOSS, "max", "rate"]
TEXTS = st.sampled_from(WORDS) | st.text(max_size=12)
WHOLE = st.sampled_from([-(2**31), -1, 0, 1, 2, 3, 7, 100, 2**31 - 1]) | st.integers(-(2**31), 2**31 - 1)
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_STRING: TEXTS,
    FieldDescriptor.CPPTYPE_INT32: WHOLE,
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
}
MOST = 4


def values(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    """One value of a field."""
    if field.message_type is not None:
        return messages(field.message_type)
    if field.enum_type is not None:
        return st.sampled_from([*(entry.number for entry in field.enum_type.values), 99])
    return SCALARS[field.cpp_type]


def contents(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    """All that a field may hold."""
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return st.dictionaries(TEXTS, TEXTS, max_size=MOST)
    return st.lists(values(field), max_size=MOST) if field.is_repeated else values(field)


def messages(kind: Descriptor) -> st.SearchStrategy[Message]:
    """Any message of a kind; every field may be absent."""
    fields = st.fixed_dictionaries({}, optional={field.name: contents(field) for field in kind.fields})
    return fields.map(lambda found: GetMessageClass(kind)(**found))


def places(message: Message) -> list[tuple[Message, FieldDescriptor]]:
    """Every field of a message and of those in it."""
    found = [(message, field) for field in message.DESCRIPTOR.fields]
    for field, value in message.ListFields():
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for entry in value if field.is_repeated else [value]:
                found += places(entry)
    return found


@st.composite
def odd_requests(draw: st.DrawFn, algorithm: str) -> api_pb2.GetSuggestionsRequest:
    """A sound request with a few trials, of which up to three fields hold something else."""
    experiment = an_experiment(algorithm, MIXED[: draw(st.integers(1, 5))])
    trials = [
        a_trial(number, {"rate": "0.5", "momentum": "0.3", "layers": str(number)}, str(number), draw(st.integers(0, 7)))
        for number in range(draw(st.integers(0, 4)))
    ]
    request = a_question(experiment, trials, wanted=draw(st.integers(1, 4)))
    for _ in range(draw(st.integers(0, 3))):
        owner, field = draw(st.sampled_from(places(request)))
        content = draw(contents(field))
        owner.ClearField(field.name)
        owner.MergeFrom(type(owner)(**{field.name: content}))
    request.experiment.spec.algorithm.algorithm_name = algorithm
    return request


def any_request(algorithm: str) -> st.SearchStrategy[api_pb2.GetSuggestionsRequest]:
    """A request of an algorithm: wholly random, or sound but for a few fields."""

    def named(request: Message) -> api_pb2.GetSuggestionsRequest:
        assert isinstance(request, api_pb2.GetSuggestionsRequest)
        request.experiment.spec.algorithm.algorithm_name = algorithm
        return request

    return odd_requests(algorithm) | messages(api_pb2.GetSuggestionsRequest.DESCRIPTOR).map(named)
