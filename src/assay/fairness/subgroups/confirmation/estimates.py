"""How much worse a slice is than all other rows, with an interval and a test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.core.errors import Message
from assay.core.measure import Interval, Share
from assay.fairness.comparisons import equal_rates
from assay.fairness.words import empty_denominator
from assay.stats.moments import Estimate, mean, welch
from assay.stats.moments import difference as welch_interval
from assay.stats.quantiles import two_sided_p
from assay.stats.rates import newcombe, wilson, wilson_bounds
from assay.stats.weighted import difference_of_ratios, ratio_of_totals, share_of, sums_of_rows

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rows:
    """(rows,) outcome values, all known; what rows weigh (None: alike) and whose they are (None: all different)."""

    values: Floats
    weights: Floats | None = None
    units: NDArray[np.int64] | None = None

    def take(self, rows: NDArray[np.intp] | Mask, /) -> Rows:
        """Some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        units = None if self.units is None else self.units[rows]
        return Rows(self.values[rows], weights, units)

    @property
    def plain(self) -> bool:
        """True where every row counts once and is independent."""
        return self.weights is None and self.units is None

    @property
    def binary(self) -> bool:
        """True where the values are 0 or 1, so that means are rates."""
        return bool(np.isin(self.values, (0.0, 1.0)).all())


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean inside a slice minus mean of all other rows; `n` both denominators in rows. None needs a `reason`."""

    value: float | None
    n: tuple[int, int]
    inside: float | None = None
    outside: float | None = None
    interval: Interval | None = None
    p_value: float | None = None
    method: str = ""
    reason: Message | None = None


def difference(rows: Rows, inside: Mask, /, *, level: float, z: float | None = None) -> Difference:
    """The Difference of the rows `inside` to the others, with two-sided p-value, as two independent samples.

    Rates: Newcombe's interval; Fisher's exact test where counts are small, else the pooled z test. Means: Welch.
    With weights or repeated units the same on linearised variances; a unit with rows on both sides counts as two.
    Where `z` is given the interval reaches so many standard errors, which its maker says is `level`.
    """
    n = (int(inside.sum()), int((~inside).sum()))
    totals = [float(mask.sum() if rows.weights is None else rows.weights[mask].sum()) for mask in (inside, ~inside)]
    if min(totals) <= 0:
        return Difference(None, n, reason=empty_denominator("in the slice" if totals[0] <= 0 else "outside the slice"))
    found = _rates if rows.binary else _means if rows.plain else _ratios
    return found(rows.take(inside), rows.take(~inside), n, level, z)


def _rates(inside: Rows, outside: Rows, n: tuple[int, int], level: float, z: float | None) -> Difference:
    a, b = _share(inside, n[0]), _share(outside, n[1])
    p, q = a.hits / a.total, b.hits / b.total
    test = equal_rates(a, b)
    interval = newcombe(a, b, level=level) if z is None else _newcombe_at(z, a, b, level)
    return Difference(p - q, n, p, q, interval, test.p_value, test.method)


def _newcombe_at(z: float, a: Share, b: Share, level: float) -> Interval:
    """Newcombe's interval (1998, method 10) at any normal quantile."""
    rates = np.array([a.hits / a.total, b.hits / b.total])
    low, high = wilson_bounds(rates, np.array([a.effective, b.effective]), z)
    centre, below, above = float(rates[0] - rates[1]), rates - low, high - rates
    reach = (math.hypot(below[0], above[1]), math.hypot(above[0], below[1]))
    return Interval(max(-1.0, centre - reach[0]), min(1.0, centre + reach[1]), level, "Newcombe 10")


def _share(rows: Rows, n: int) -> Share:
    if rows.plain:
        return Share(float(rows.values.sum()), float(n), n, float(n))
    return share_of(sums_of_rows(rows.values, np.ones(n), weights=rows.weights, units=rows.units), rows=n)


def _means(inside: Rows, outside: Rows, n: tuple[int, int], level: float, z: float | None) -> Difference:
    a, b = _mean(inside.values, level), _mean(outside.values, level)
    interval = welch_interval(a, b, level=level)
    if interval is None:
        return Difference(a.value - b.value, n, a.value, b.value, method="Welch t")
    error, freedom = welch(a, b)
    off = a.value - b.value
    if z is not None:
        interval = Interval(off - z * error, off + z * error, level, "Welch z")
    return Difference(off, n, a.value, b.value, interval, _student_p(off / error, freedom), "Welch t")


def _ratios(inside: Rows, outside: Rows, n: tuple[int, int], level: float, z: float | None) -> Difference:
    """Weighted or clustered means; `z` is not needed, because such rows are not shuffled."""
    a, b = (
        ratio_of_totals(sums_of_rows(part.values, np.ones(len(part.values)), weights=part.weights, units=part.units))
        for part in (inside, outside)
    )
    off = a.value - b.value
    error = math.hypot(a.standard_error or 0.0, b.standard_error or 0.0)
    if not (a.standard_error and b.standard_error):
        return Difference(off, n, a.value, b.value, method="linearised z")
    interval = difference_of_ratios(a, b, level=level)
    return Difference(off, n, a.value, b.value, interval, two_sided_p(off / error), "linearised z")


def _mean(values: ArrayLike, level: float) -> Estimate:
    v = np.asarray(values, dtype=np.float64)
    # Squares are summed about the mean, so that a common offset costs no precision.
    centre = float(v.mean())
    off = v - centre
    found = mean(float(off.sum()), float(off @ off), len(v), level=level)
    return Estimate(centre, found.interval, found.standard_error, found.n)


def _student_p(t: float, freedom: float) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(t)))


def mean_interval(n: int, total: float, squares: float, /, *, binary: bool, level: float) -> Interval | None:
    """The interval of a mean of n rows, from their sum and sum of squares: Wilson's for rates, else Student's.

    None where there is no row, or the rows say nothing of their spread.
    """
    if not n:
        return None
    if binary:
        return wilson(Share(total, float(n), n, float(n)), level=level)
    return mean(total, squares, n, level=level).interval
