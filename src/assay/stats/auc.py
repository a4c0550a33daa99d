"""The area under the ROC curve from two histograms of the score, with DeLong's interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.core.errors import AssayError
from assay.core.measure import Interval
from assay.stats.quantiles import check_level, two_sided

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AUC:
    """P(a positive scores above a negative) + ½ P(they tie).

    `standard_error` is DeLong's, None where that does not exist (one row in a class). `bound` is the most by
    which binning can have moved `value`: the exact AUC lies within value ± bound. `positives` and `negatives`
    are the effective class sizes.
    """

    value: float
    interval: Interval | None
    standard_error: float | None
    bound: float
    positives: float
    negatives: float


def auc(
    positive: ArrayLike,
    negative: ArrayLike,
    /,
    *,
    level: float = 0.95,
    effective: tuple[float, float] | None = None,
) -> AUC:
    """The AUC of scores counted in bins, one count a bin of each class, bins in rising order of score.

    Rows in the same bin tie. With one bin for every distinct score this is DeLong's method exactly. `effective`
    gives the effective class sizes where counts are sums of weights (placements then have weighted variances). The
    interval is on the logit scale; where DeLong's variance is 0 or does not exist (AUC of 0 or 1, one row in a
    class, all in one bin) it is Newcombe's, which does not collapse, and says so. An empty class is AssayError
    "empty-denominator". Sources: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44:837, eq. 5–7; Pepe (2003),
    The Statistical Evaluation of Medical Tests, sec. 5.2.4 (logit); Newcombe (2006), Statistics in Medicine 25:559,
    method 5.
    """
    check_level(level)
    p, q = _histograms(positive, negative)
    n, m = effective or (float(p.sum()), float(q.sum()))
    p, q = p / p.sum(), q / q.sum()
    below = np.cumsum(q) - q / 2  # of a positive in this bin: the share of negatives it beats
    above = 1 - (np.cumsum(p) - p / 2)  # of a negative in this bin: the share of positives that beat it
    value = min(1.0, max(0.0, float(p @ below)))
    error = None
    if n > 1 and m > 1:
        variance = float(p @ (below - value) ** 2) / (n - 1) + float(q @ (above - value) ** 2) / (m - 1)
        error = math.sqrt(variance)
    inside = 0 < value < 1 and error is not None and error > 1e-12
    interval = _logit(value, error, level) if inside and error else _newcombe(value, n, m, level)
    return AUC(value, interval, error, float(p @ q) / 2, n, m)


def _histograms(positive: ArrayLike, negative: ArrayLike) -> tuple[Floats, Floats]:
    p, q = np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)
    if p.shape != q.shape or p.ndim != 1 or (p < 0).any() or (q < 0).any():
        raise AssayError(
            "An AUC needs two lists of counts over the same bins, none negative.", code="table", hint="Check the bins."
        )
    if p.sum() <= 0 or q.sum() <= 0:
        raise AssayError(
            "An AUC needs rows of both classes.",
            code="empty-denominator",
            hint="Report it as unmeasured, with this reason.",
        )
    return p, q


def _logit(value: float, error: float, level: float) -> Interval:
    centre, half = math.log(value / (1 - value)), two_sided(level) * error / (value * (1 - value))
    low, high = (1 / (1 + math.exp(-min(700.0, max(-700.0, x)))) for x in (centre - half, centre + half))
    return Interval(low, high, level, "DeLong, logit")


def _newcombe(value: float, n: float, m: float, level: float) -> Interval:
    """The AUCs θ with |value − θ| <= z √V(θ), V by Hanley and McNeil's exponential model at θ."""
    z, half = two_sided(level), (n + m) / 2 - 1

    def misses(theta: float) -> bool:
        variance = theta * (1 - theta) * (1 + half * (1 - theta) / (2 - theta) + half * theta / (1 + theta)) / (n * m)
        return (value - theta) ** 2 > z * z * variance

    ends = []
    for outer in (0.0, 1.0):
        inner = value
        if outer != value:
            for _ in range(60):
                middle = (inner + outer) / 2
                inner, outer = (inner, middle) if misses(middle) else (middle, outer)
        ends.append(inner)
    return Interval(ends[0], ends[1], level, "Newcombe AUC method 5")
