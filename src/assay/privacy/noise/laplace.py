"""The discrete Laplace distribution: exact samples, exact probabilities, quantiles."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.privacy.noise.bernoulli import Integers, exponential, geometric, integers
from assay.privacy.noise.entropy import Entropy
from assay.stats.quantiles import check_level


def kept_until(n: int, kept_of: Callable[[int], Integers], /) -> Integers:
    """The first `n` draws that are kept, trying as often as it takes; `kept_of` gives what is kept of so many tries."""
    found: list[Integers] = []
    missing = n
    while missing > 0:
        found.append(kept_of(2 * missing + 16)[:missing])
        missing -= len(found[-1])
    return np.concatenate(found) if found else integers([])


@dataclass(frozen=True, slots=True)
class DiscreteLaplace:
    """Integers x with probability proportional to exp(−|x| / scale), for a rational scale above 0.

    Sampled by Algorithm 2 of Canonne, Kamath & Steinke (2020), arXiv 2004.00010: with scale = t/s, U uniform in [0, t)
    kept with probability exp(−U/t) and V geometric with exp(−1), X = U + tV has P(X = x) ∝ exp(−x/t); so Y = ⌊X/s⌋ has
    P(Y = y) ∝ exp(−ys/t). A fair sign is given to it, and (minus, 0) is drawn again, so that 0 is not counted twice.
    """

    scale: Fraction

    def sample(self, n: int, source: Entropy, /) -> Integers:
        """`n` independent draws, exactly of this distribution."""
        return kept_until(n, lambda tries: self._tries(tries, source))

    def _tries(self, n: int, source: Entropy) -> Integers:
        """What is kept of `n` proposals; each is kept or not by itself, so the kept are independent draws."""
        t, s = self.scale.numerator, self.scale.denominator
        small = t.bit_length() <= 64
        uniform: NDArray[Any] = source.below(t, n) if small else integers([source.integer(t) for _ in range(n)])
        kept = uniform[exponential(uniform, t, source)]
        blocks = geometric(kept.size, source)
        if t.bit_length() + int(blocks.max(initial=0)).bit_length() <= 62 and s.bit_length() <= 62:
            sizes: Integers = integers((kept.astype(np.int64) + t * blocks) // s)
        else:
            sizes = (integers(kept) + t * integers(blocks)) // s
        minus = source.bits(kept.size)
        sizes[minus] = -sizes[minus]
        signed: Integers = sizes[~(minus & (sizes == 0))]
        return signed

    def pmf(self, x: int, /) -> float:
        """P(X = x)."""
        rate = float(1 / self.scale)
        return math.tanh(rate / 2) * math.exp(-rate * abs(x))

    def outside(self, k: int, /) -> float:
        """P(|X| > k), for k ≥ 0."""
        rate = float(1 / self.scale)
        return 2 * math.exp(-rate * (k + 1)) / (1 + math.exp(-rate))

    def within(self, level: float, /) -> int:
        """The smallest k with P(|X| ≤ k) ≥ level, up to the rounding of floats."""
        rate = float(1 / self.scale)
        spill = (1 - check_level(level)) * (1 + math.exp(-rate)) / 2
        k = max(0, math.ceil(-math.log(spill) / rate - 1))
        if k > 0 and self.outside(k - 1) <= 1 - level:
            return k - 1
        return k if self.outside(k) <= 1 - level else k + 1

    @property
    def variance(self) -> float:
        """2 e^{-1/scale} / (1 − e^{-1/scale})²."""
        rate = float(1 / self.scale)
        return 1 / (2 * math.sinh(rate / 2) ** 2) if rate < 700 else 0.0  # less than any float
