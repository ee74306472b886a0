"""Whatever is asked, the answer comes in time, and is a good one or INVALID_ARGUMENT with a path and a cure.

100 requests for each algorithm in `nox -s test`, 2,000 in `nox -s fuzz`.
"""

from __future__ import annotations

import os
import re

import grpc
import pytest
from contracts.algorithms.questions import ALGORITHMS, Service
from contracts.algorithms.requests import any_request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from katib_apis.v1beta1 import api_pb2

EXAMPLES = int(os.environ.get("KATIB_FUZZ_EXAMPLES", "100"))
REFUSAL = re.compile(r"(spec|given_assignments)[\w.\[\]]*( of parameter '.*')?: .+", re.DOTALL)
UNHURRIED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


@pytest.mark.parametrize("name", ALGORITHMS)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=UNHURRIED)
@given(data=st.data())
def test_no_request_is_a_mistake_of_ours(service: Service, name: str, data: st.DataObject) -> None:
    """D-02, U-02, U-07, U-08: and what validation accepts, GetSuggestions answers."""
    request = data.draw(any_request(name))
    refusals = []
    for ask in (lambda: service.validate(request.experiment), lambda: service.ask(request)):
        try:
            reply = ask()
            refusals.append("")
        except grpc.RpcError as error:
            assert isinstance(error, grpc.Call)
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error
            assert REFUSAL.match(str(error.details())), error.details()
            refusals.append(str(error.details()))
    assert refusals[0] == refusals[1] or (not refusals[0] and refusals[1].startswith("given_assignments"))
    if not refusals[1]:
        assert isinstance(reply, api_pb2.GetSuggestionsReply)
        assert len(reply.parameter_assignments) <= max(0, request.current_request_number)
