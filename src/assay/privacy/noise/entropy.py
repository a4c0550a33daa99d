"""Where randomness comes from: the operating system, or a seed under a name that says it is insecure."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Entropy:
    """Independent fair bits, and uniform integers made from them exactly, by rejection.

    `Entropy()` reads the CSPRNG of the operating system (`os.urandom`). Nothing is kept between calls, so a forked
    process or a copied object never repeats noise. `private` is False for any other source: what is released with it
    is not private. Not for keys.
    """

    read: Callable[[int], bytes] = os.urandom

    @property
    def private(self) -> bool:
        """True when the bits are those of the operating system."""
        return self.read is os.urandom

    def words(self, n: int, /) -> Words:
        """`n` uniform integers of 64 bits."""
        return np.frombuffer(self.read(8 * n), dtype=np.uint64)

    def bits(self, n: int, /) -> Flags:
        """`n` fair coins."""
        return np.unpackbits(np.frombuffer(self.read((n + 7) // 8), dtype=np.uint8), count=n).astype(np.bool_)

    def below(self, bound: int, n: int, /) -> Words:
        """`n` uniform integers in [0, bound), 0 < bound ≤ 2^64: too large ones are drawn again, so none is favoured."""
        shift = np.uint64(64 - max(1, (bound - 1).bit_length()))
        drawn = self.words(n) >> shift
        last = np.uint64(bound - 1)
        while (over := np.flatnonzero(drawn > last)).size:
            drawn[over] = self.words(over.size) >> shift
        return drawn

    def integer(self, bound: int, /) -> int:
        """One uniform integer in [0, bound) of any size."""
        width = (bound - 1).bit_length()
        while True:
            drawn = int.from_bytes(self.read((width + 7) // 8), "big") >> (-width % 8)
            if drawn < bound:
                return drawn


def insecure_seeded(seed: int, /) -> Entropy:
    """A reproducible source for tests and teaching: whoever knows or guesses the seed can take the noise away again."""
    return Entropy(np.random.Generator(np.random.PCG64(seed)).bytes)
