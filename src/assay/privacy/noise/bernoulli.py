"""Coins that fall with probability exp(−x) exactly, for rational x, many at a time.

Algorithm 1 of Canonne, Kamath & Steinke (2020), arXiv 2004.00010. For x in [0, 1] toss coins of probability x/1, x/2,
x/3, … until the first failure, at toss K: P(K > k) = x^k / k!, so P(K is odd) = Σ (−x)^k / k! = exp(−x). A larger x is
its whole part, as many coins of exp(−1), and the rest. Everything is compared in integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.privacy.noise.entropy import Entropy, Flags, Words

Integers = NDArray[np.object_]
"""An array of Python ints: of any size, so that nothing overflows."""

Places = NDArray[np.intp]
_HALF = np.uint64(32)


def integers(values: Sequence[int] | NDArray[Any], /) -> Integers:
    """`values` as Python ints."""
    found = np.empty(len(values), dtype=np.object_)
    found[:] = values.tolist() if isinstance(values, np.ndarray) else list(values)
    return found


@dataclass(frozen=True, slots=True)
class Odds:
    """Coins that fall with probability numerator / denominator, 0 ≤ numerator < denominator, one of each numerator.

    A uniform real number is below the odds if its first 64 bits are below theirs, which are in `prefixes`. Where these
    64 bits are equal, once in 2^64 tosses, the rest is compared: it is below with probability remainder / denominator.
    """

    numerators: NDArray[Any]
    denominator: int
    prefixes: Words

    @classmethod
    def of(cls, numerators: NDArray[Any], denominator: int, /) -> Odds:
        """The odds of each of `numerators` (np.uint64 or Python ints) over one denominator."""
        if denominator <= 1 << 32 and numerators.dtype == np.uint64:
            by = np.uint64(denominator)
            high, rest = np.divmod(numerators.astype(np.uint64) << _HALF, by)
            return cls(numerators, denominator, (high << _HALF) | ((rest << _HALF) // by))
        ints = numerators if numerators.dtype == np.object_ else integers(numerators)
        return cls(ints, denominator, ((ints << 64) // denominator).astype(np.uint64))

    def toss(self, places: Places, source: Entropy, /) -> Flags:
        """A fresh toss of each coin at `places`."""
        drawn = source.words(places.size)
        prefixes = self.prefixes[places]
        hits: Flags = drawn < prefixes
        for tie in np.flatnonzero(drawn == prefixes):
            rest = (int(self.numerators[places[tie]]) << 64) % self.denominator
            hits[tie] = source.integer(self.denominator) < rest
        return hits


def _odd_runs(n: int, odds: Odds | None, source: Entropy) -> Flags:
    """exp(−x) for the odds x; for x = 1 where there are none."""
    heads = np.zeros(n, dtype=np.bool_)
    running = np.arange(n)
    k = 1
    while running.size:
        goes_on = np.ones(running.size, dtype=np.bool_) if odds is None else odds.toss(running, source)
        if k > 1:
            goes_on &= source.below(k, running.size) == 0
        heads[running[~goes_on]] = k % 2 == 1
        running = running[goes_on]
        k += 1
    return heads


def one_over_e(n: int, source: Entropy, /) -> Flags:
    """`n` coins of probability exp(−1)."""
    return _odd_runs(n, None, source)


def exponential(numerators: NDArray[Any], denominator: int, source: Entropy, /) -> Flags:
    """A coin of probability exp(−numerator / denominator) for each of `numerators` (np.uint64 or Python ints, ≥ 0)."""
    ints = numerators.dtype == np.object_
    by = denominator if ints or denominator >= 1 << 64 else np.uint64(denominator)
    numbers = numerators if ints or denominator < 1 << 64 else integers(numerators)
    whole, rest = numbers // by, numbers % by
    heads = np.ones(len(numbers), dtype=np.bool_)
    alive = np.flatnonzero(whole > 0)
    left = whole[alive]
    while alive.size:
        survives = one_over_e(alive.size, source)
        heads[alive[~survives]] = False
        left = left[survives] - (1 if ints else np.uint64(1))
        alive = alive[survives][left > 0]
        left = left[left > 0]
    open_still = np.flatnonzero(heads)
    heads[open_still] = _odd_runs(open_still.size, Odds.of(rest[open_still], denominator), source)
    return heads


def geometric(n: int, source: Entropy, /) -> NDArray[np.int64]:
    """`n` numbers of successes before the first failure, of coins of probability exp(−1)."""
    counts = np.zeros(n, dtype=np.int64)
    running = np.arange(n)
    while running.size:
        running = running[one_over_e(running.size, source)]
        counts[running] += 1
    return counts


def logistic(exponent: Fraction, n: int, source: Entropy, /) -> Flags:
    """`n` coins of probability 1 / (1 + exp(exponent)), for a rational exponent from 0 up.

    A fair coin proposes no or yes; yes is kept with probability exp(−exponent), else both are proposed again.
    """
    said = np.zeros(n, dtype=np.bool_)
    open_still = np.arange(n)
    numerator = integers([exponent.numerator])
    while open_still.size:
        open_still = open_still[source.bits(open_still.size)]
        kept = exponential(np.repeat(numerator, open_still.size), exponent.denominator, source)
        said[open_still[kept]] = True
        open_still = open_still[~kept]
    return said
