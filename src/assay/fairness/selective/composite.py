"""A rate as a formula of shares that were counted apart, with limits at any confidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.measure import Interval, Share
from assay.stats.quantiles import normal_quantile, two_sided, two_sided_p
from assay.stats.rates import rate_of, wilson_bounds

Formula = Callable[[Sequence[float]], float | None]
"""From the rates of the factors, in their order, to a number in [0, 1]; None where it is undefined."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the truth may lie below and above a value, at some normal quantile."""

    below: float
    above: float


@dataclass(frozen=True, slots=True)
class Factor:
    """A share that was counted; with `least` and `rest`, one that is known to lie between `least` and 1 − `rest`."""

    share: Share
    least: Share | None = None
    rest: Share | None = None

    @property
    def value(self) -> float:
        """The rate, moved to the nearer end of where it must lie."""
        value = rate_of(self.share)[0]
        if self.least is None or self.rest is None:
            return value
        low, high = rate_of(self.least)[0], 1 - rate_of(self.rest)[0]
        return min(max(value, low), max(low, high))

    def limits(self, z: float, /) -> tuple[float, float]:
        """Wilson's at `z`; where the ends are known too, the narrower of two, each with half the chance to err."""
        if self.least is None or self.rest is None:
            return _wilson(self.share, z)
        halved = -normal_quantile(two_sided_p(z) / 4)
        low, high = _wilson(self.share, halved)
        low = max(low, _wilson(self.least, halved)[0])
        high = min(high, 1 - _wilson(self.rest, halved)[0])
        return min(low, self.value), max(high, self.value)


def _wilson(share: Share, z: float) -> tuple[float, float]:
    rate, n = rate_of(share)
    low, high = wilson_bounds(np.array([rate]), np.array([n]), z)
    return float(low[0]), float(high[0])


@dataclass(frozen=True)
class Composite:
    """`value`: a `formula`, rising or falling steadily in each of its rates, at the values of independent `factors`."""

    formula: Formula
    factors: tuple[Factor, ...]
    value: float

    def reach(self, z: float, /) -> Reach:
        """The limits of every factor at `z`, moved one at a time, put together as the root of their squares.

        below = √Σ_j (f − f with factor j at its worse limit)², and the mirror image above: the method of variance
        estimates recovery (Zou & Donner 2008, Statistics in Medicine 27:1693), which is Wilson for one share and
        Newcombe for a difference, applied to a formula. Simulated coverage: tests/fairness_selective.
        """
        rates = [factor.value for factor in self.factors]
        below = above = 0.0
        for j, factor in enumerate(self.factors):
            moved = [self.formula([*rates[:j], limit, *rates[j + 1 :]]) for limit in factor.limits(z)]
            found = [value for value in moved if value is not None]
            below += max([0.0, *(self.value - value for value in found)]) ** 2
            above += max([0.0, *(value - self.value for value in found)]) ** 2
        return Reach(min(self.value, math.sqrt(below)), min(1 - self.value, math.sqrt(above)))

    def interval(self, level: float, /) -> Interval:
        """The interval at `level`, within [0, 1]."""
        reach = self.reach(two_sided(level))
        low, high = max(0.0, self.value - reach.below), min(1.0, self.value + reach.above)
        return Interval(low, high, level, "Wilson limits joined by MOVER" if len(self.factors) > 1 else "Wilson score")


@dataclass(frozen=True, slots=True)
class Between:
    """A rate lies between two estimates; they are one and the same where nothing unknown moves it."""

    low: Composite
    high: Composite


def plain(share: Share, /) -> Composite:
    """The rate of one share with a denominator."""
    return Composite(lambda rates: rates[0], (Factor(share),), rate_of(share)[0])
