"""Points that fill the unit cube evenly, each computed from its index alone: Sobol' and Halton, scrambled by a key.

References: Sobol' 1967; Joe & Kuo, SIAM J. Sci. Comput. 30 (2008) 2635-2654 (direction numbers new-joe-kuo-6); Matoušek 1998
(random linear scrambling); Halton 1960; Owen, arXiv:1706.02808 (a randomized Halton algorithm).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import count, islice

BITS = 32
WORD = (1 << 64) - 1


def sobol_point(index: int, width: int, key: int | None = None) -> list[float]:
    """The point at an index of the Sobol' sequence in Gray code order; without a key it is not scrambled.

    Dimensions for which there are no direction numbers get hashes of the index: random, but no more even than that.
    """
    known = min(width, len(direction_numbers()))
    code = (index ^ index >> 1) & ((1 << BITS) - 1)
    if key is None:
        integers = [combined(code, directions) for directions in direction_numbers()[:known]]
    else:
        integers = [combined(code, *scrambled(axis, key)) for axis in range(known)]
    integers += [mixed(mixed(key or 0, axis), index) >> (64 - BITS) for axis in range(known, width)]
    return [integer / (1 << BITS) for integer in integers]


def combined(bits: int, columns: Sequence[int], shift: int = 0) -> int:
    """The product of a matrix, given by its columns, and a vector of bits, moved by a shift: all in arithmetic modulo 2."""
    for column in columns[: bits.bit_length()]:
        if bits & 1:
            shift ^= column
        bits >>= 1
    return shift


@lru_cache(maxsize=4096)
def scrambled(axis: int, key: int) -> tuple[tuple[int, ...], int]:
    """The direction numbers of a dimension behind a random matrix that keeps their evenness, and a random shift."""
    dice = random.Random(mixed(key, axis))  # noqa: S311 - searching, not guarding
    columns = [1 << bit | dice.getrandbits(BITS) & ((1 << bit) - 1) for bit in range(BITS)]
    return tuple(combined(number, columns) for number in direction_numbers()[axis]), dice.getrandbits(BITS)


def mixed(key: int, number: int) -> int:
    """64 bits that depend on all bits of both: the finaliser of SplitMix64."""
    state = (key + number * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & WORD
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & WORD
    state = (state ^ state >> 27) * 0x94D049BB133111EB & WORD
    return state ^ state >> 31


@lru_cache(maxsize=1)
def direction_numbers() -> list[tuple[int, ...]]:
    """For each dimension the integers of the 32 bits of a code."""
    lines = files("katib_suggestion").joinpath("joe_kuo.txt").read_text(encoding="utf-8").splitlines()
    rows = [[int(word) for word in line.split()] for line in lines if not line.startswith("#")]
    return [tuple(1 << BITS - 1 - bit for bit in range(BITS)), *(_directions(row[0], row[1:]) for row in rows)]


def _directions(polynomial: int, initial: list[int]) -> tuple[int, ...]:
    degree = polynomial.bit_length() - 1
    found = [number << BITS - 1 - place for place, number in enumerate(initial)]
    for place in range(degree, BITS):
        number = found[place - degree] ^ found[place - degree] >> degree
        for back in range(1, degree):
            if polynomial >> degree - back & 1:
                number ^= found[place - back]
        found.append(number)
    return tuple(found)


def halton_point(index: int, width: int, key: int) -> list[float]:
    """The point at an index of the Halton sequence, the digits of each place and dimension exchanged by the key."""
    return [_radical(index, prime, _digit_orders(prime, mixed(key, axis))) for axis, prime in enumerate(primes(width))]


def _radical(index: int, base: int, orders: tuple[tuple[int, ...], ...]) -> float:
    found = 0
    for order in orders:  # all places, since leading zeros are exchanged too
        index, digit = divmod(index, base)
        found = found * base + order[digit]
    return float(found / base ** len(orders))


@lru_cache(maxsize=1024)
def _digit_orders(base: int, key: int) -> tuple[tuple[int, ...], ...]:
    """As many permutations of a base's digits as it takes to tell apart 2**32 places."""
    dice = random.Random(key)  # noqa: S311 - searching, not guarding
    places = next(places for places in count(1) if base**places >= 1 << BITS)
    return tuple(tuple(dice.sample(range(base), base)) for _ in range(places))


@lru_cache(maxsize=64)
def primes(number: int) -> tuple[int, ...]:
    """The first primes."""
    return tuple(islice(_primes(), number))


def _primes() -> Iterator[int]:
    found: list[int] = []
    for candidate in count(2):
        if all(candidate % prime for prime in found if prime * prime <= candidate):
            found.append(candidate)
            yield candidate
