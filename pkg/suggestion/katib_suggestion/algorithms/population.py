"""The members of a population, read from trials, and their names, from which nearly all can be read again.

A member is one of the places of its generation; a failed one is tried again at the same place. Its name says both: the
generation openly, place and attempt by a hash. So a restart loses nothing, and a repeated request repeats its names.

A caller may leave trials out of its request (Katib's own does), so that nobody knows which places they have. New members
then get late places, by the number of suggestions that there were before: no name is given twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from katib_apis.v1beta1 import names
from katib_suggestion.search import Observation, Search, State, Trial

LONGEST_NAME = 63
MOST_ATTEMPTS = 4
"""A member is tried once, and again at most three times (D-42)."""
FIRST_PLACES = 4096
LATE = 1 << 30
"""The first of the late places: the place after so many suggestions is this and their number."""
MOST_LATE = 1 << 14
"""How many suggestions are looked through for a late place."""
NAME = re.compile(r".*-g(\d{1,9})-([0-9a-f]{8})", re.ASCII)
NUMBER = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True)
class Naming:
    """Names of one Experiment's members: the Experiment's, the generation and eight characters (D-41)."""

    experiment: str
    salt: int
    issued: int = 0
    """How many suggestions there were."""

    def code(self, generation: int, place: int, attempt: int) -> str:
        text = f"{self.salt}/{generation}/{place}/{attempt}"
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()

    def name(self, generation: int, place: int, attempt: int = 0) -> str:
        return self._named(f"-g{generation}-{self.code(generation, place, attempt)}")

    def gave(self, name: str) -> bool:
        """Whether a name has the form of those that are given here."""
        parts = NAME.fullmatch(name)
        return parts is not None and name == self._named(f"-g{parts[1]}-{parts[2]}")

    def _named(self, tail: str) -> str:
        return self.experiment[: LONGEST_NAME - len(tail)].rstrip("-") + tail

    def places(self, generation: int, codes: Collection[str], count: int) -> dict[str, tuple[int, int]]:
        """Place and attempt of each code that is one of the first `count` places, or a late one."""
        found: dict[str, tuple[int, int]] = {}
        late = range(LATE, LATE + min(self.issued, MOST_LATE))
        for attempt in range(MOST_ATTEMPTS):
            for place in chain(range(count), late):
                if len(found) == len(codes):
                    return found
                code = self.code(generation, place, attempt)
                if code in codes:
                    found[code] = place, attempt
        return found


@dataclass(frozen=True)
class Member:
    """A trial of the population; one that was not named here has no place."""

    trial: Trial
    place: int | None = None
    attempt: int = 0

    @property
    def parent(self) -> str:
        return self.trial.labels.get(names.LABEL_PBT_PARENT, "")


@dataclass
class Generation:
    """All members of one generation, looked up when they are asked for: most generations never are."""

    number: int
    naming: Naming
    size: int
    trials: list[tuple[Trial, str]] = field(default_factory=list)
    """Each trial, with the code of its name."""

    def turn(self, place: int) -> int:
        """Which of the members of a generation a place is for: late places go round."""
        return place if place < LATE else (place - LATE) % self.size

    @cached_property
    def members(self) -> list[Member]:
        codes = {code for _, code in self.trials if code}
        places = self.naming.places(self.number, codes, 2 * len(self.trials) + min(self.size, FIRST_PLACES))
        return [Member(trial, *places.get(code, (None, 0))) for trial, code in self.trials]

    @cached_property
    def valued(self) -> list[tuple[Member, Observation]]:
        """Those that ended with a value, the best first."""
        found = [(entry, entry.trial.observation) for entry in self.members if entry.trial.observation is not None]
        return sorted(found, key=lambda pair: (pair[1].loss, pair[0].trial.name))

    @cached_property
    def places(self) -> dict[int, list[Member]]:
        """The attempts at each place, the first one first."""
        found: dict[int, list[Member]] = {}
        for member in sorted(self.members, key=lambda entry: entry.attempt):
            if member.place is not None:
                found.setdefault(member.place, []).append(member)
        return found

    @property
    def failed(self) -> list[Member]:
        """The last attempt at each place where every one has failed, if it may be tried again."""
        lost = [
            attempts[-1]
            for _, attempts in sorted(self.places.items())
            if all(entry.trial.state is State.FAILED for entry in attempts)
        ]
        return [entry for entry in lost if entry.attempt + 1 < MOST_ATTEMPTS and entry.trial.point is not None]


@dataclass(frozen=True)
class Population:
    """The generations that have members."""

    naming: Naming
    size: int
    generations: Mapping[int, Generation]
    complete: bool = True
    """Whether every member is known; otherwise some suggestions are none of the trials."""

    def find(self, number: int) -> Generation:
        return self.generations.get(number) or Generation(number, self.naming, self.size)

    @property
    def current(self) -> Generation:
        """The generation that new members belong to: the last one, or the next when enough of it have a value (D-42)."""
        last = self.find(max(self.generations, default=0))
        return self.find(last.number + 1) if len(last.valued) >= self.size else last

    def pool(self, number: int) -> Generation:
        """The generation that another one descends from: the last before it that has values; without members if none."""
        for earlier in sorted((entry for entry in self.generations if entry < number), reverse=True):
            if self.generations[earlier].valued:
                return self.generations[earlier]
        return Generation(-1, self.naming, self.size)


def read_population(naming: Naming, search: Search, size: int) -> Population:
    """The population of a search. Trials that say nothing of their generation are of the first one (U-02)."""
    found: dict[int, Generation] = {}
    own = sum(naming.gave(trial.name) for trial in search.trials)
    population = Population(naming, size, found, complete=own >= naming.issued)
    for trial in search.trials:
        named = NAME.fullmatch(trial.name)
        number = _generation(trial, named)
        # Each generation has members: a number beyond that of all trials is not from here.
        number = number if number <= len(search.trials) else 0
        found.setdefault(number, population.find(number)).trials.append((trial, named[2] if named else ""))
    return population


def _generation(trial: Trial, named: re.Match[str] | None) -> int:
    label = trial.labels.get(names.LABEL_PBT_GENERATION, "")
    if NUMBER.fullmatch(label):
        return int(label)
    return int(named[1]) if named else 0
