"""Asks algorithm services over gRPC, and remembers how that went.

Knows gRPC codes and what they mean (grpc.md §5, GRPC-5). Must not know Kubernetes.
"""

import asyncio
import itertools
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Final, assert_never

import grpc
from grpc import aio

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc, defaults, names
from katib_apis.v1beta1.converters import to_early_stopping_spec
from katib_apis.v1beta1.models import EarlyStoppingRule, Experiment
from katib_controller.channels import Channels, is_unimplemented, words_of
from katib_controller.suggestion.observe import Asked, observe_present
from katib_controller.suggestion.question import (
    Invalid,
    NoAnswer,
    Question,
    Reply,
    Service,
    Suggest,
    Suggested,
    Valid,
    Validate,
    read_reply,
)
from katib_controller.trial_book import TrialBook
from katib_domain.messages import (
    from_rules_reply,
    suggestions_request,
    to_experiment_message,
)
from katib_domain.naming import trial_name
from katib_machinery.clock import Clock

CONNECT_SECONDS: Final = 5.0
CHANCE_LENGTH: Final = 5
"""How many letters of a Trial's name are chance; the others tell nearly 20,000 Trials apart, and then begin again."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=0.5), timedelta(seconds=60)
# Called by its path, because the request is serialised already.
_SERVICE: Final = api_pb2.DESCRIPTOR.services_by_name["Suggestion"]
_GET_SUGGESTIONS: Final = f"/{_SERVICE.full_name}/{_SERVICE.methods_by_name['GetSuggestions'].name}"
_REFUSED: Final = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNKNOWN)


class Answers:
    """Puts the questions of all Suggestions; at most ``calls`` are on their way at once."""

    def __init__(
        self,
        channels: Channels,
        book: TrialBook,
        clock: Clock,
        *,
        calls: int = defaults.CONTROLLER_CONFIG_ALGORITHM_CALLS,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._channels = channels
        self._book = book
        self._clock = clock
        self._calls = asyncio.Semaphore(calls)
        self._connect_seconds = connect_seconds
        self._short: dict[str, tuple[int, int]] = {}
        self._failures: dict[str, tuple[int, float]] = {}

    def asked(self, uid: str, *, asking: bool) -> Asked:
        """Return what is remembered of a Suggestion's questions."""
        failure = self._failures.get(uid)
        # By the clock that never jumps: an hour that is set back must not be waited for.
        wait = None if failure is None else timedelta(seconds=failure[1] - self._clock.monotonic())
        return Asked(asking, self._short.get(uid), None if wait is None else self._clock.now() + wait)

    def forget(self, uid: str) -> None:
        """A Suggestion is gone."""
        self._short.pop(uid, None)
        self._failures.pop(uid, None)

    async def answer(self, question: Question) -> Reply:
        """Put a question. What keeps the service from answering is an answer too, and makes the next try later."""
        uid = question.suggestion.uid
        async with self._calls:
            reply = await self._answer(question)
        if not isinstance(reply, NoAnswer):
            self._failures.pop(uid, None)
            return reply
        failures, _ = self._failures.get(uid, (0, 0.0))
        pause = min(FIRST_PAUSE * 2**failures, LONGEST_PAUSE)
        self._failures[uid] = (min(failures + 1, 20), self._clock.monotonic() + pause.total_seconds())
        return reply

    async def _answer(self, question: Question) -> Reply:
        endpoint = question.service.endpoint
        try:
            async with asyncio.timeout(self._connect_seconds):
                await self._channels.get(endpoint).channel_ready()
        except TimeoutError:
            return NoAnswer(f"the algorithm service at {endpoint} cannot be reached")
        match question:
            case Validate():
                return await self._validate(question)
            case Suggest():
                return await self._suggest(question)
            case _:
                assert_never(question)

    async def _validate(self, question: Validate) -> Reply:
        """Validate the algorithm's settings first, then those of early stopping (§5)."""
        service = question.service
        stub: api_pb2_grpc.SuggestionAsyncStub = api_pb2_grpc.SuggestionStub(self._channels.get(service.endpoint))
        request = api_pb2.ValidateAlgorithmSettingsRequest(experiment=to_experiment_message(question.experiment))
        try:
            await stub.ValidateAlgorithmSettings(request, timeout=service.timeout)
        except aio.AioRpcError as error:
            if not is_unimplemented(error):
                return _refusal("ValidateAlgorithmSettings", error)
        return await self._validate_early_stopping(question)

    async def _validate_early_stopping(self, question: Validate) -> Reply:
        service, spec = question.service, question.experiment.spec
        if not service.early_stopping_endpoint or spec is None or spec.early_stopping is None:
            return Valid()
        request = api_pb2.ValidateEarlyStoppingSettingsRequest(
            early_stopping=to_early_stopping_spec(spec.early_stopping)
        )
        try:
            stub = self._stopping(service.early_stopping_endpoint)
            await stub.ValidateEarlyStoppingSettings(
                request, timeout=service.early_stopping_timeout, wait_for_ready=True
            )
        except aio.AioRpcError as error:
            return Valid() if is_unimplemented(error) else _refusal("ValidateEarlyStoppingSettings", error)
        return Valid()

    def _stopping(self, endpoint: str) -> "api_pb2_grpc.EarlyStoppingAsyncStub":
        stub: api_pb2_grpc.EarlyStoppingAsyncStub = api_pb2_grpc.EarlyStoppingStub(self._channels.get(endpoint))
        return stub

    async def _suggest(self, question: Suggest) -> Reply:
        """Ask for assignments, then for the rules that go with them; a failure of the second loses both (§6)."""
        experiment, suggestion = question.experiment, question.suggestion
        status = suggestion.status
        present = observe_present(self._book, experiment.uid)
        suggested = (status.suggestions if status is not None else None) or ()
        waiting = [entry for entry in suggested if entry.name not in present.names]
        message = to_experiment_message(experiment, status.algorithm_settings if status is not None else None)
        trials = list(self._book.framed_messages(experiment, waiting, full=question.service.full_history))
        request = suggestions_request(message, trials, current=question.current, total=question.total)
        try:
            reply = await self._get_suggestions(question.service, request)
            rules = await self._rules(question, message, trials)
        except aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.INVALID_ARGUMENT:
                return Invalid(f"GetSuggestions Error: {error.details()}")
            return NoAnswer(f"the algorithm service has failed: {words_of(error)}")
        answer = read_reply(question, reply, rules, present, _fresh_names(experiment, len(suggested)))
        if isinstance(answer, Suggested):
            self._note_shortness(question, answer, present.version)
        return answer

    async def _get_suggestions(self, service: Service, request: bytes) -> api_pb2.GetSuggestionsReply:
        """Send a request that is serialised already."""
        method: aio.UnaryUnaryMultiCallable[bytes, api_pb2.GetSuggestionsReply] = self._channels.get(
            service.endpoint
        ).unary_unary(_GET_SUGGESTIONS, response_deserializer=api_pb2.GetSuggestionsReply.FromString)
        return await method(request, timeout=service.timeout)

    async def _rules(
        self, question: Suggest, message: api_pb2.Experiment, trials: list[bytes]
    ) -> list[EarlyStoppingRule]:
        service = question.service
        if not service.early_stopping_endpoint:
            return []
        # Both requests have the Trials under the same field number, so the bytes serve twice.
        request = api_pb2.GetEarlyStoppingRulesRequest.FromString(b"".join(trials))
        request.experiment.CopyFrom(message)
        request.db_manager_address = service.db_manager
        stub = self._stopping(service.early_stopping_endpoint)
        reply = await stub.GetEarlyStoppingRules(request, timeout=service.early_stopping_timeout)
        return from_rules_reply(reply.early_stopping_rules)

    def _note_shortness(self, question: Suggest, answer: Suggested, version: int) -> None:
        """Fewer than were asked for: ask again when the Trials or the wish have changed, not before (GRPC-2)."""
        uid = question.suggestion.uid
        if len(answer.assignments) < question.current:
            self._short[uid] = (version, question.total)
        else:
            self._short.pop(uid, None)


def _refusal(method: str, error: aio.AioRpcError) -> Invalid | NoAnswer:
    if error.code() in _REFUSED:
        return Invalid(f"{method} Error: {error.details()}")
    return NoAnswer(f"{method} has failed: {words_of(error)}")


def _fresh_names(experiment: Experiment, begun: int) -> Iterator[str]:
    """Names of Trials after those that were suggested before; most of each is chance, also beside Trials long gone."""
    for number in itertools.count(begun):
        letters = (secrets.choice(names.TRIAL_NAME_ALPHABET) for _ in range(CHANCE_LENGTH))
        yield trial_name(experiment.name, number, "".join(letters))
