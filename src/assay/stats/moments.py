"""Means from sums and sums of squares, and the difference of two."""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.core.errors import AssayError
from assay.core.measure import Interval
from assay.stats.quantiles import check_level


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its standard error and (effective) n.

    `interval` and `standard_error` are None where the sample says nothing of its error: one row, or all rows alike.
    """

    value: float
    interval: Interval | None
    standard_error: float | None
    n: float


def mean(
    total: float, total_of_squares: float, n: float, /, *, level: float = 0.95, effective: float | None = None
) -> Estimate:
    """Σv/n with Student's interval, from Σv, Σv² and n.

    With weights give Σwv, Σwv², Σw and the `effective` n (Kish's). Rows are independent; below some 30 skewed rows
    the interval is optimistic. n = 0 is AssayError "empty-denominator". Source: Student (1908); Kish (1965), Survey
    Sampling, sec. 11.7.
    """
    check_level(level)
    if n <= 0:
        raise AssayError(
            "A mean needs rows.", code="empty-denominator", hint="Report it as unmeasured, with this reason."
        )
    rows = n if effective is None else effective
    value = total / n
    noise = 1e-13 * value * value  # what subtracting nearly equal squares leaves behind
    variance = total_of_squares / n - value * value
    if rows <= 1 or variance <= noise:
        return Estimate(value, None, None, rows)
    error = math.sqrt(variance / (rows - 1))
    half = student(level, rows - 1) * error
    return Estimate(value, Interval(value - half, value + half, level, "Student t"), error, rows)


def difference(a: Estimate, b: Estimate, /, *, level: float = 0.95) -> Interval | None:
    """Welch's interval for the mean of `a` minus the mean of `b`, independent; None where either has no standard error.

    Source: Welch (1947), Biometrika 34:28, with Satterthwaite's degrees of freedom.
    """
    if a.standard_error is None or b.standard_error is None:
        return None
    error, freedom = welch(a, b)
    centre, half = a.value - b.value, student(level, freedom) * error
    return Interval(centre - half, centre + half, level, "Welch t")


def welch(a: Estimate, b: Estimate, /) -> tuple[float, float]:
    """(standard error, degrees of freedom) of the difference of two means that have standard errors."""
    u, v = (a.standard_error or 0.0) ** 2, (b.standard_error or 0.0) ** 2
    return math.sqrt(u + v), (u + v) ** 2 / (u * u / (a.n - 1) + v * v / (b.n - 1))


def student(level: float, freedom: float, /) -> float:
    """t with P(|T| <= t) = level, T Student's with `freedom` degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + check_level(level) / 2))
