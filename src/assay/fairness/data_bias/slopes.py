"""Least-squares slopes within strata, and what each row adds to their variance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.measure import Interval

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
EXACT = 1e-9
"""A row whose leverage is so close to 1 is fitted exactly and says nothing of the error."""


@dataclass(frozen=True, eq=False)
class Slope:
    """A coefficient, and (rows,) terms whose squares add up to its variance (summed within units first)."""

    value: float
    terms: Floats


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Interval and two-sided p-value of a value against 0; both None where the rows show no variance."""

    interval: Interval | None
    p_value: float | None


def slope(
    y: Floats,
    x: Floats,
    /,
    *,
    strata: Codes,
    along: Floats | None = None,
    weights: Floats | None = None,
    frequency: bool = False,
) -> Slope | None:
    """The coefficient of `x` in the least-squares fit of `y` on `x` and an intercept for each of `strata`.

    With `along`, each stratum has a slope in that covariate too. By partialling out (Frisch & Waugh 1933, Econometrica
    1:387); variance HC2, e²/(1 − leverage) (MacKinnon & White 1985, J. Econometrics 29:305), consistent whatever the
    variance of y. `weights` are sampling weights, or with `frequency` the number of rows that one stands for. None
    where `x` does not vary within strata.
    """
    w = np.ones(len(y)) if weights is None else weights
    count = int(strata.max(initial=-1)) + 1
    size = np.bincount(strata, weights=w, minlength=count)
    size[size <= 0] = 1.0

    def centred(values: Floats) -> Floats:
        return np.asarray(values - (np.bincount(strata, weights=w * values, minlength=count) / size)[strata])

    leverage = 1 / size[strata]
    if along is None:
        x_left, y_left = centred(x), centred(y)
    else:
        line = centred(along)
        square = np.bincount(strata, weights=w * line**2, minlength=count)
        flat = square <= 1e-12 * np.bincount(strata, weights=w * along**2, minlength=count)
        square[flat] = np.inf

        def straightened(values: Floats) -> Floats:
            left = centred(values)
            return left - (np.bincount(strata, weights=w * line * left, minlength=count) / square)[strata] * line

        x_left, y_left = straightened(x), straightened(y)
        leverage = leverage + line**2 / square[strata]
    total = float((w * x_left**2).sum())
    if total <= 1e-12 * float((w * x**2).sum()):
        return None
    value = float((w * x_left * y_left).sum()) / total
    leverage = (leverage + x_left**2 / total) * (1.0 if frequency else w)
    free = np.where(leverage < 1 - EXACT, 1 - leverage, np.inf)
    by_row = np.sqrt(w) if frequency else w
    return Slope(value, by_row * x_left * (y_left - value * x_left) / total / np.sqrt(free))


def uncertainty(
    value: float, terms: Floats, side: NDArray[np.bool_], /, *, spent: int, units: Codes | None, level: float
) -> Uncertainty:
    """Student's interval and test of a comparison of the rows of `side` with the others.

    Degrees of freedom by Satterthwaite and Welch (1947, Biometrika 34:28), each side's variance having as many as it
    has rows (or units) less the `spent` ones; terms of one unit are summed before they are squared.
    """
    from scipy.special import stdtr

    from assay.stats.moments import student

    squares = _sum_of_squares(terms, units)
    if squares <= 1e-24 * max(1.0, value * value):
        return Uncertainty(None, None)
    weight = 0.0
    for rows in (side, ~side):
        used = rows & (terms != 0)
        own = None if units is None else units[used]
        n = int(used.sum()) if own is None else len(np.unique(own))
        weight += _sum_of_squares(terms[used], own) ** 2 / max(1, n - spent)
    error, freedom = math.sqrt(squares), squares**2 / weight
    half = student(level, freedom) * error
    interval = Interval(value - half, value + half, level, "HC2, Student t")
    return Uncertainty(interval, float(2 * stdtr(freedom, -abs(value) / error)))


def _sum_of_squares(terms: Floats, units: Codes | None) -> float:
    whole = terms if units is None or not len(units) else np.bincount(units, weights=terms)
    return float((whole**2).sum())
