"""How well one column alone tells the label: bias-corrected association and the p-value of independence."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Interval
from assay.quality.disaggregate import Estimate, absent
from assay.stats.quantiles import two_sided
from assay.stats.tests import dense, phi_squared

Floats = NDArray[np.float64]


def cramers_v(table: Floats, rows: int, /, *, level: float) -> Estimate:
    """Bias-corrected Cramér's V of a table (values × labels) of effective counts, with a delta-method interval.

    Bergsma (2013), Journal of the Korean Statistical Society 42:323-328: (r − 1)(c − 1)/(n − 1) is taken off φ², and r
    and c are shrunk alike, so that many rare values do not look like knowledge. Limits are made on the scale of φ
    (variance: Bishop, Fienberg & Holland 1975, section 11.3) and go through the same correction. z² rows spread as
    under independence are added first, as Agresti and Coull (1998) do for a rate: a perfect table keeps a width.
    """
    n = float(table.sum())
    if n <= 0:
        return absent(rows, "both this column and a label")
    table = dense(table)
    if min(table.shape) < 2:
        reason = Message("constant", "the column or the label has one value only")
        return Estimate(None, rows, reason=reason)
    r, c = table.shape
    free = max(n - 1, 1.0)
    excess = (r - 1) * (c - 1) / free
    most = min(r - (r - 1) ** 2 / free, c - (c - 1) ** 2 / free) - 1
    if n <= 2 or most <= 1e-9:
        reason = Message("too-many-values", "nearly every row has a value of its own")
        return Estimate(None, rows, reason=reason)

    def corrected(square: float) -> float:
        return math.sqrt(min(1.0, max(0.0, square - excess) / most))

    value = corrected(phi_squared(table))
    low, high = (corrected(limit) for limit in _phi_limits(table, two_sided(level)))
    interval = Interval(min(low, value), max(high, value), level, "delta method")
    return Estimate(value, rows, interval, method="bias-corrected Cramér's V")


def _phi_limits(table: Floats, z: float) -> tuple[float, float]:
    """Limits of φ²."""
    n = float(table.sum())
    table = table + z * z * np.outer(table.sum(axis=1), table.sum(axis=0)) / n**2
    phi = math.sqrt(max(0.0, phi_squared(table)))
    error = math.sqrt(_phi_variance(table)) / (2 * phi) if phi > 1e-6 else 1 / math.sqrt(n)
    return max(0.0, phi - z * error) ** 2, (phi + z * error) ** 2


def _phi_variance(table: Floats) -> float:
    """Var φ² for φ² + 1 = Σ p² / (p_i p_j): its gradient in the cells, taken through the multinomial."""
    n = float(table.sum())
    p = table / n
    row, column = p.sum(axis=1, keepdims=True), p.sum(axis=0, keepdims=True)
    share = p**2 / (row * column)
    slope = 2 * p / (row * column) - share.sum(axis=1, keepdims=True) / row - share.sum(axis=0, keepdims=True) / column
    return max(0.0, float((p * slope**2).sum() - (p * slope).sum() ** 2) / n)


def correlation_ratio(weight: Floats, total: Floats, squares: Floats, rows: int, /, *, level: float) -> Estimate:
    """Bias-corrected correlation ratio of a number with a column: the root of the share of its variance between values.

    `weight`, `total` and `squares` hold n, Σy and Σy² for each value of the column, scaled to the effective n.
    Kelley's ε² = 1 − (within / (n − k)) / (total / (n − 1)) (1935, PNAS 21:554-559); the interval is Fisher's z of
    ε, whose variance 1 / (n − 3) is that of a multiple correlation (Olkin & Finn 1995, Psychological Bulletin 118:155).
    """
    known = weight > 0
    weight, total, squares = weight[known], total[known], squares[known]
    n, k = float(weight.sum()), len(weight)
    if n <= 0:
        return absent(rows, "both this column and a label")
    mean = float(total.sum()) / n
    around = float(squares.sum()) - n * mean**2
    within = float((squares - total**2 / weight).sum())
    if k < 2 or around <= 1e-12 * float(squares.sum()):
        reason = Message("constant", "the column or the label has one value only")
        return Estimate(None, rows, reason=reason)
    if n - k < 1 or n <= 3:
        reason = Message("too-many-values", "nearly every row has a value of its own")
        return Estimate(None, rows, reason=reason)
    epsilon = math.sqrt(min(1.0, max(0.0, 1 - (within / (n - k)) / (around / (n - 1)))))
    centre, half = math.atanh(min(epsilon, 1 - 1e-12)), two_sided(level) / math.sqrt(n - 3)
    interval = Interval(math.tanh(max(0.0, centre - half)), max(epsilon, math.tanh(centre + half)), level, "Fisher z")
    return Estimate(epsilon, rows, interval, method="bias-corrected correlation ratio")
