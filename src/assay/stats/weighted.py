"""Variances of shares and ratios where rows have weights or come in clusters, by linearisation.

A ratio R = X/D of two weighted totals varies as the total of u = x − R d: Var(R) ≈ Σ_c u_c² / D², u_c the sum of w
u over cluster c, or over one row. Source: Särndal, Swensson & Wretman (1992), Model Assisted Survey Sampling,
result 5.6.2 and sec. 5.8; clusters as the ultimate sampling units, drawn with replacement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.core.errors import AssayError
from assay.core.measure import Interval, Share
from assay.stats.quantiles import two_sided

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sums:
    """All that a linearised variance needs: X = Σwx, D = Σwd, and over units Σx_c², Σx_c d_c, Σd_c².

    x_c and d_c are a unit's weighted sums; a unit is a row where rows do not repeat. `units` counts units with rows in
    the denominator.
    """

    x: float
    d: float
    xx: float
    xd: float
    dd: float
    units: int


@dataclass(frozen=True, slots=True)
class Linearised:
    """A ratio of two totals with its linearised standard error; None where there are fewer than two units."""

    value: float
    standard_error: float | None
    units: int

    def interval(self, *, level: float = 0.95) -> Interval | None:
        """Student's interval with units − 1 degrees of freedom; None without a standard error, or where it is 0."""
        from assay.stats.moments import student

        if not self.standard_error:
            return None
        half = student(level, self.units - 1) * self.standard_error
        return Interval(self.value - half, self.value + half, level, "linearised, Student t on units")


def sums_of_rows(
    numerator: ArrayLike, denominator: ArrayLike, /, *, weights: ArrayLike | None = None, units: ArrayLike | None = None
) -> Sums:
    """The Sums of rows: `numerator` and `denominator` one number a row, `units` one label a row (any sortable type)."""
    x, d = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not len(x) == len(d) == len(w) or (w < 0).any():
        raise AssayError("Rows and weights must be as many, weights not negative.", code="shape", hint="One a row.")
    x, d = w * x, w * d
    if units is not None:
        _, unit = np.unique(np.asarray(units), return_inverse=True)
        unit = np.asarray(unit).reshape(-1)
        x, d = (np.bincount(unit, weights=v).astype(np.float64) for v in (x, d))
    used = int(((x != 0) | (d != 0)).sum())
    return Sums(float(x.sum()), float(d.sum()), float(x @ x), float(x @ d), float(d @ d), used)


def ratio_of_totals(sums: Sums, /) -> Linearised:
    """X/D with its linearised standard error, √(m/(m−1) (Σx² − 2RΣxd + R²Σd²))/D over m units.

    D = 0 is AssayError "empty-denominator".
    """
    if sums.d <= 0:
        raise AssayError(
            "A ratio needs a denominator.", code="empty-denominator", hint="Report it as unmeasured, with this reason."
        )
    value, m = sums.x / sums.d, sums.units
    if m < 2:
        return Linearised(value, None, m)
    squares = max(0.0, sums.xx - 2 * value * sums.xd + value * value * sums.dd)
    return Linearised(value, math.sqrt(m / (m - 1) * squares) / sums.d, m)


def share_of(sums: Sums, /, *, rows: int) -> Share:
    """The Share X/D of rows with sampling weights, with the effective n that linearisation finds: p(1 − p)/Var.

    Var without the factor m/(m−1), so that plain rows count as themselves. Where p is 0 or 1 the variance says
    nothing and Kish's (Σd)²/Σd² stands in. Never more than `rows`. Source: Korn & Graubard (1998), Survey
    Methodology 24:193.
    """
    if sums.d <= 0:
        return Share(0.0, 0.0, rows, 0.0)
    p = sums.x / sums.d
    squares = sums.xx - 2 * p * sums.xd + p * p * sums.dd
    if 0 < p < 1 and squares > 0:
        return Share(sums.x, sums.d, rows, min(p * (1 - p) * sums.d**2 / squares, float(rows)))
    return Share(sums.x, sums.d, rows, min(kish(sums.d, sums.dd), float(rows)))


def kish(total: float, squares: float, /) -> float:
    """(Σw)²/Σw²: the number of equally weighted rows that would say as much; 0 without rows (Kish 1965, sec. 11.7)."""
    return total**2 / squares if squares > 0 else 0.0


def difference_of_ratios(a: Linearised, b: Linearised, /, *, level: float = 0.95) -> Interval | None:
    """The normal interval for the ratio of `a` minus that of `b`, sharing no unit; None where either has no error."""
    if a.standard_error is None or b.standard_error is None:
        return None
    centre, half = a.value - b.value, two_sided(level) * math.hypot(a.standard_error, b.standard_error)
    return Interval(centre - half, centre + half, level, "linearised, normal")
