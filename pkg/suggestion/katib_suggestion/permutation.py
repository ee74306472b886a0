"""A seeded permutation of 0 … size-1 for any size, one place at a time: nothing is ever listed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

ROUNDS = 8


@dataclass(frozen=True)
class Permutation:
    """A bijection of range(size): a Feistel network over the next power of four, walked until it lands inside."""

    size: int
    key: int

    @cached_property
    def _half_bits(self) -> int:
        return max(1, ((self.size - 1).bit_length() + 1) // 2)

    @cached_property
    def _prefix(self) -> bytes:
        return hashlib.sha256(str(self.key).encode()).digest()

    def __getitem__(self, place: int) -> int:
        if not 0 <= place < self.size:
            raise IndexError(place)
        place = self._mix(place)
        while place >= self.size:  # the network permutes less than four times as many places, so walks are short
            place = self._mix(place)
        return place

    def _mix(self, place: int) -> int:
        bits = self._half_bits
        mask = (1 << bits) - 1
        left, right = place >> bits, place & mask
        for number in range(ROUNDS):
            left, right = right, left ^ (self._round(number, right) & mask)
        return (left << bits) | right

    def _round(self, number: int, half: int) -> int:
        length = (self._half_bits + 7) // 8
        text = self._prefix + bytes([number]) + half.to_bytes(length)
        return int.from_bytes(hashlib.shake_128(text).digest(length))
