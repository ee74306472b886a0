"""A running algorithm service as the one who answers a study's questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import grpc

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc
from katib_suggestion.problem import RefusedError

DEADLINE = 60.0
UNLIMITED = -1
T = TypeVar("T")


class Remote:
    """A `katib-suggestion`, or any other algorithm service, at an address such as `localhost:6789`.

    Raises RefusedError for what is no address and for what the service refuses, ConnectionError when it cannot be reached or does not answer.
    """

    def __init__(self, address: str, *, deadline: float = DEADLINE) -> None:
        if not isinstance(address, str) or not address.strip():
            raise RefusedError(f"address: {address!r} is no address: give host:port, such as localhost:6789")
        if isinstance(deadline, bool) or not isinstance(deadline, int | float) or not deadline > 0:
            raise RefusedError(f"deadline: {deadline!r} is no number greater than 0: say how many seconds to wait")
        self._address = address
        self._deadline = deadline
        self._channel = grpc.insecure_channel(address, options=[("grpc.max_send_message_length", UNLIMITED)])
        self._stub = api_pb2_grpc.SuggestionStub(self._channel)

    def validate(self, request: api_pb2.ValidateAlgorithmSettingsRequest) -> None:
        self._answer(lambda: self._stub.ValidateAlgorithmSettings(request, timeout=self._deadline))

    def suggest(self, request: api_pb2.GetSuggestionsRequest) -> api_pb2.GetSuggestionsReply:
        return self._answer(lambda: self._stub.GetSuggestions(request, timeout=self._deadline))

    def close(self) -> None:
        self._channel.close()

    def _answer(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except grpc.RpcError as error:
            code, details = error.code(), error.details()
            if code is grpc.StatusCode.INVALID_ARGUMENT:
                raise RefusedError(str(details)) from error
            raise ConnectionError(
                f"{self._address}: {code.name}: {details}: is katib-suggestion running there?"
            ) from error
