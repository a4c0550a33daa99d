"""All pairs of groups at once: the critical values of a widest gap, and the pair that sets each end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.measure import Interval, Share
from assay.stats.quantiles import check_level, normal_quantile, studentised_range, two_sided
from assay.stats.rates import WITH_NOISE, Blurs, blurs_of, guarded_bounds, rate_of, wilson_bounds

Floats = NDArray[np.float64]
LOW_SHARE, HIGH_SHARE = 0.6, 0.4
"""How the error 1 − level is shared between the two ends: 0.03 below and 0.02 above at level 0.95."""
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Gap:
    """The widest gap between groups: highest minus lowest, never negative.

    `high` and `low` are the places of those two groups in the input. `widened_by` is the place of a group
    that is too small: it is in the pair that sets the upper end, and has fewer than half the rows (effective n)
    of the median group. None where no group stands out.
    """

    value: float
    interval: Interval
    high: int
    low: int
    widened_by: int | None


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups that have rows: their rates, effective ns, places in the input, and noise where counts have any."""

    rates: Floats
    ns: Floats
    places: list[int]
    blurs: Blurs | None = None

    def bounds(self, z: float, /, *, guarded: bool) -> tuple[Floats, Floats]:
        """(low, high) of every rate at a normal quantile z: Wilson's, or, where `guarded`, no narrower than exact."""
        if self.blurs is not None:
            return self.blurs.bounds(self.rates, z, guarded=guarded)
        return guarded_bounds(self.rates, self.ns, z) if guarded else wilson_bounds(self.rates, self.ns, z)

    def named(self, method: str, /) -> str:
        """`method`, saying so where it was told how noisy the counts are."""
        return method + WITH_NOISE if self.blurs is not None else method


@dataclass(frozen=True, slots=True)
class Extreme:
    """The largest bound over all ordered pairs of groups, and the pair that has it."""

    bound: float
    pair: tuple[int, int]


def with_rows(shares: Sequence[Share], /) -> Groups:
    """The shares that have a denominator; at least two, or AssayError "too-few-groups"."""
    places = [i for i, share in enumerate(shares) if share.total > 0]
    if len(places) < 2:
        raise AssayError(
            f"{len(places)} of {len(shares)} groups have rows; a comparison needs two.",
            code="too-few-groups",
            hint="Report it as unmeasured, with this reason.",
        )
    pairs, blurs = [rate_of(shares[i]) for i in places], blurs_of([shares[i] for i in places])
    return Groups(np.array([rate for rate, _ in pairs]), np.array([n for _, n in pairs]), places, blurs)


def critical_values(k: int, level: float, /) -> tuple[float, float]:
    """(z for the end near equality, z for the far end) of the widest comparison among `k` groups.

    Two groups: both are Φ⁻¹((1 + level)/2). More, with α = 1 − level: the near end must hold for all pairs at once,
    so it uses the studentised range at 1 − 0.6 α over √2; the far end must hold only for the pair that
    truly is the widest, so it uses Φ⁻¹(1 − 0.4 α).
    """
    check_level(level)
    if k == 2:
        return two_sided(level), two_sided(level)
    alpha = 1 - level
    return studentised_range(1 - LOW_SHARE * alpha, k) / math.sqrt(2), normal_quantile(1 - HIGH_SHARE * alpha)


def extreme_pair(k: int, bound: Callable[[slice], Floats], /) -> Extreme:
    """The largest entry of the k × k table that `bound` makes, a block of rows at a time.

    Entry (i, j) is a bound for group i against group j; the diagonal does not count.
    """
    best = Extreme(-math.inf, (0, 1))
    rows = max(1, BLOCK // k)
    for start in range(0, k, rows):
        table = bound(slice(start, start + rows))
        inside = np.arange(len(table))
        table[inside, inside + start] = -math.inf
        place = int(np.argmax(table))
        if table.flat[place] > best.bound:
            best = Extreme(float(table.flat[place]), (start + place // k, place % k))
    return best


def too_small(ns: Floats, pair: tuple[int, int], /) -> int | None:
    """The smaller group of `pair` if it has fewer than half the rows of the median group."""
    smaller = min(pair, key=lambda i: float(ns[i]))
    return smaller if ns[smaller] < float(np.median(ns)) / 2 else None
