"""The layer under all algorithms: asks one for points until enough are new, and ends a finite search (U-05, U-06)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import assert_never

from katib_suggestion.history import History
from katib_suggestion.memory import Memory, Recall, digest
from katib_suggestion.permutation import Permutation
from katib_suggestion.problem import Budget
from katib_suggestion.randomness import Randomness, steady_dice
from katib_suggestion.search import (
    Algorithm,
    Answer,
    Observation,
    Point,
    Scheduler,
    Search,
    SearchSpace,
    Strategy,
    Suggestion,
)


class ProposalError(Exception):
    """An algorithm has proposed what it must not; the message is for its author."""


class GivenUpError(Exception):
    """Nobody waits for the answer any more."""


PATIENCE = 100
"""How many known points an algorithm may propose in a row before a new one is chosen for it."""
MOST_AT_ONCE = 1000
"""How many points one reply holds; whoever asked for more asks again."""
UNLIMITED = Budget()


@dataclass(frozen=True)
class Task:
    """One search, as an Experiment describes it, and what is known beforehand."""

    strategy: Algorithm | Scheduler
    space: SearchSpace
    randomness: Randomness
    budget: Budget = UNLIMITED
    experiment: str = ""
    notes: tuple[tuple[str, str], ...] = ()
    given: tuple[Point, ...] = ()
    """Points to try before any other."""
    elsewhere: tuple[Observation, ...] = ()
    """What another experiment observed in the same space."""


def suggest(
    task: Task,
    history: History,
    issued: int,
    wanted: int,
    memory: Memory | None = None,
    given_up: Callable[[], bool] = lambda: False,
) -> Answer:
    """Up to `wanted` suggestions, from the task's algorithm or its scheduler; see `propose_points` for `given_up`."""
    search = to_search(task, history, issued, min(wanted, MOST_AT_ONCE), memory or Memory())
    match task.strategy:
        case Algorithm():
            points = propose_points(task.strategy, search, given_up)
            return Answer(tuple(map(Suggestion, points)))
        case Scheduler():
            return _checked(task.strategy, search, task.strategy.schedule(search))
        case _:
            assert_never(task.strategy)


def _checked(scheduler: Scheduler, search: Search, answer: object) -> Answer:
    """The answer; raises ProposalError for one that no controller takes."""
    if not isinstance(answer, Answer) or not isinstance(answer.suggestions, tuple | list):
        raise ProposalError(
            f"{type(scheduler).__name__} returned {answer!r} from schedule, which is no Answer: "
            "return Answer(suggestions), with a tuple of Suggestion"
        )
    for entry in answer.suggestions:
        if not isinstance(entry, Suggestion):
            raise ProposalError(
                f"{type(scheduler).__name__} suggested {entry!r} in schedule, which is no Suggestion: "
                "make it with Suggestion(point)"
            )
    if len(answer.suggestions) > search.wanted:
        raise ProposalError(
            f"{type(scheduler).__name__} made {len(answer.suggestions)} suggestions for {search.wanted}"
        )
    names = [entry.name for entry in answer.suggestions if entry.name]
    if len(set(names)) < len(names):
        raise ProposalError(f"{type(scheduler).__name__} gave two trials one name, among {', '.join(names)}")
    for entry in answer.suggestions:
        _check_point(scheduler, search.space, entry.point)
    return answer


def _check_point(strategy: Strategy, space: SearchSpace, point: object) -> None:
    """Raises ProposalError for what is no point of the space (U-04)."""
    try:
        good = _hashable(point) and isinstance(point, tuple) and space.read(space.format(point)) == (point, True)
    except (TypeError, ValueError, IndexError):
        good = False
    if not good:
        raise _no_point(strategy, point)


def _no_point(strategy: Strategy, point: object) -> ProposalError:
    return ProposalError(
        f"{type(strategy).__name__} proposed {point!r}, which is no point of the space: "
        "make points with space.sample, space.decode or space.from_unit"
    )


def _hashable(point: object) -> bool:
    """Whether a point can be looked up among others."""
    try:
        hash(point)
    except TypeError:
        return False
    return True


def to_search(task: Task, history: History, issued: int, wanted: int, memory: Memory) -> Search:
    """What the task's strategy may look at."""
    elsewhere = _lessons(task, history)
    return Search(
        space=task.space,
        observations=tuple(history.observations),
        failed=tuple(history.failed),
        pending=tuple(history.pending),
        seen=history.seen,
        issued=issued,
        key=task.randomness.key,
        scrambling=_scrambling(task.randomness, history),
        dice=task.randomness.dice(issued),
        max_trial_count=task.budget.max_trial_count,
        parallel_trial_count=task.budget.parallel_trial_count,
        wanted=wanted,
        given=task.given,
        elsewhere=elsewhere,
        trials=tuple(history.trials) if task.strategy.replays else (),
        experiment=task.experiment,
        notes=dict(task.notes),
        randomness=task.randomness,
        recall=Recall(memory, lambda: _content(task, history, elsewhere)),
        mark=_find_mark(task.space, task.given, (trial.point for trial in history.trials)),
    )


def _scrambling(randomness: Randomness, history: History) -> int:
    """See `Search.scrambling`."""
    if randomness.seed is not None:
        return randomness.key
    if history.trials:
        return steady_dice(randomness.key, history.trials[0].name).getrandbits(64)
    return randomness.dice(0).getrandbits(64)


def _find_mark(space: SearchSpace, given: Sequence[Point], points: Iterable[Point | None]) -> Point | None:
    """See `Search.mark`."""
    placed = {*given, space.from_unit([0.5] * len(space.domains))}
    return next((point for point in points if point is not None and point not in placed), None)


def _lessons(task: Task, history: History) -> tuple[Observation, ...]:
    if not task.elsewhere:
        return ()
    from katib_suggestion.scales import rescaled  # brings numpy, which most requests do not need

    return rescaled(task.space, task.elsewhere, history.observations)


def _content(task: Task, history: History, elsewhere: Sequence[Observation]) -> bytes:
    """A hash of all that `Search.remembered` may depend on."""
    observations = tuple(
        (entry.point, entry.losses or entry.loss, entry.stopped, entry.seconds)
        for entry in (*elsewhere, *history.observations)
    )
    settings = f"{task.strategy!r} {task.space!r} {task.randomness.key}"
    return digest(type(task.strategy).__module__, settings, len(elsewhere), observations, tuple(history.failed))


def propose_points(algorithm: Algorithm, search: Search, given_up: Callable[[], bool] = lambda: False) -> list[Point]:
    """Up to `search.wanted` points, pairwise different and all of them new; fewer when there are no more.

    Those that the user gave come first, as long as they are new. `given_up` says whether nobody waits for them any more:
    it is asked before each point, and raises GivenUpError.
    """
    seen = set(search.seen)
    search = replace(search, seen=seen)
    points: list[Point] = []
    for place in range(search.wanted):
        if given_up():
            raise GivenUpError(f"after {place} of {place + search.wanted} points")
        point = next((entry for entry in search.given if entry not in seen), None)
        if point is None:
            point = find_new_point(algorithm, search)
        if point is None:
            break
        _check_point(algorithm, search.space, point)
        points.append(point)
        seen.add(point)
        search = replace(
            search,
            pending=(*search.pending, point),
            issued=search.issued + 1,
            dice=search.dice_at(search.issued + 1),
            wanted=search.wanted - 1,
            place=place + 1,
            mark=_find_mark(search.space, search.given, [point]) if search.mark is None else search.mark,
        )
    return points


def find_new_point(algorithm: Algorithm, search: Search) -> Point | None:
    """The first proposal that is new; None when every point is known, or the algorithm says that it is done."""
    size = search.space.size
    if algorithm.repeats:
        return next(_proposals(algorithm, search), None)
    if size is not None and len(search.seen) >= size:
        return None
    proposals = _proposals(algorithm, search)
    if algorithm.complete:
        return next((point for point in proposals if point not in search.seen), None)
    for point in islice(proposals, PATIENCE):
        if point not in search.seen:
            return point
    return next((point for point in _leftovers(search) if point not in search.seen), None)


def _proposals(algorithm: Algorithm, search: Search) -> Iterator[Point]:
    """What an algorithm proposes, as far as it can be looked up; raises ProposalError for the rest.

    Only a proposal that is new must be checked for more.
    """
    proposals: object = algorithm.propose(search)
    if not isinstance(proposals, Iterable):
        raise ProposalError(
            f"{type(algorithm).__name__} proposed {proposals!r}, which is no iterator of points: "
            "write `yield point` in propose, or return an iterator"
        )
    for point in proposals:
        if not isinstance(point, tuple) or not _hashable(point):
            raise _no_point(algorithm, point)
        yield point


def _leftovers(search: Search) -> Iterator[Point]:
    """Points in some order: of a finite space all of them, otherwise a few draws."""
    size = search.space.size
    if size is None:
        return (search.space.sample(search.dice) for _ in range(PATIENCE))
    order = Permutation(size, search.dice.getrandbits(64))
    return (search.space.at(order[place]) for place in range(size))


def fill_up(points: Sequence[Point], history: History, wanted: int) -> list[Point]:
    """Strict count (U-06): known points until there are `wanted`, the best first, pending ones only when alone."""
    ranked = [entry.point for entry in sorted(history.observations, key=lambda entry: entry.loss)]
    known = ranked or history.failed or history.pending or list(points)
    missing = max(0, wanted - len(points))
    return [*points, *islice(cycle(dict.fromkeys(known)), missing)]
