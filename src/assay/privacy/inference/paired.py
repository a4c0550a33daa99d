"""Two guesses of the same rows compared, and two such comparisons."""

from __future__ import annotations

import math

from assay.core.measure import Interval, Share
from assay.privacy.membership.answers import Bools
from assay.privacy.membership.scoring import Rate
from assay.stats.rates import wilson


def paired_difference(first: Bools, second: Bools, /, *, level: float = 0.95) -> Rate:
    """The share of rows where `first` is right minus that where `second` is; (rows,) of the same rows each.

    Newcombe's hybrid score interval for paired proportions, with the correlation of the two corrected for continuity.
    Source: Newcombe (1998), Statistics in Medicine 17:2635, method 10.
    """
    n = len(first)
    both, one, other = int((first & second).sum()), int((first & ~second).sum()), int((~first & second).sum())
    p, q = (both + one) / n, (both + other) / n
    a, b = (wilson(Share(rate * n, n, n, n), level=level) for rate in (p, q))
    phi = _correlation(both, one, other, n - both - one - other)
    low = _reach(p - a.low, b.high - q, phi)
    high = _reach(a.high - p, q - b.low, phi)
    ends = Interval(max(-1.0, p - q - low), min(1.0, p - q + high), level, "Newcombe paired 10")
    return Rate(p - q, ends)


def mcnemar(first: Bools, second: Bools, /) -> float:
    """The exact two-sided p-value that both are right equally often, from the rows where one is (McNemar 1947)."""
    from scipy.special import bdtr

    one, other = int((first & ~second).sum()), int((~first & second).sum())
    return min(1.0, 2 * float(bdtr(min(one, other), one + other, 0.5))) if one + other else 1.0


def difference_of(first: Rate, second: Rate, /) -> Rate:
    """`first` minus `second`, of different rows, with an interval from both intervals.

    The square-and-add limits of Zou & Donner (2008), Statistics in Medicine 27:1693, eq. 2, at the level of both.
    """
    value, a, b = first.value - second.value, first.interval, second.interval
    low = value - math.hypot(first.value - a.low, b.high - second.value)
    high = value + math.hypot(a.high - first.value, second.value - b.low)
    return Rate(value, Interval(max(-2.0, low), min(2.0, high), a.level, f"square-and-add of {a.method}"))


def _correlation(both: int, one: int, other: int, neither: int) -> float:
    margins = (both + one) * (other + neither) * (both + other) * (one + neither)
    if margins == 0:
        return 0.0
    determinant, half = both * neither - one * other, (both + one + other + neither) / 2
    corrected = determinant if determinant < 0 else max(0.0, determinant - half)
    return corrected / math.sqrt(margins)


def _reach(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))
