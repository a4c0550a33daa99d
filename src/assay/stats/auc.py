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
    noise: tuple[float, float] | None = None,
) -> AUC:
    """The AUC of scores counted in bins, one count a bin of each class, bins in rising order of score.

    Rows in the same bin tie. With one bin for every distinct score this is DeLong's method exactly. `effective`
    gives the effective class sizes where counts are sums of weights (placements then have weighted variances). The
    interval is on the logit scale; where DeLong's variance is 0 or does not exist (AUC of 0 or 1, one row in a
    class, all in one bin) it is Newcombe's, which does not collapse, and says so. An empty class is AssayError
    "empty-denominator". `noise` are the variances of the noise in each count of either class, where they have any:
    counts may then be negative, and what the noise does to the area (see `_noise_variance`) is added to DeLong's
    variance. Sources: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44:837, eq. 5–7; Pepe (2003),
    The Statistical Evaluation of Medical Tests, sec. 5.2.4 (logit); Newcombe (2006), Statistics in Medicine 25:559,
    method 5.
    """
    check_level(level)
    p, q = _histograms(positive, negative, noisy=noise is not None)
    n, m = effective or (float(p.sum()), float(q.sum()))
    sizes = float(p.sum()), float(q.sum())
    p, q = p / p.sum(), q / q.sum()
    below = np.cumsum(q) - q / 2  # of a positive in this bin: the share of negatives it beats
    above = 1 - (np.cumsum(p) - p / 2)  # of a negative in this bin: the share of positives that beat it
    value = min(1.0, max(0.0, float(p @ below)))
    error = None
    if n > 1 and m > 1:
        p_rows, q_rows = np.maximum(p, 0.0), np.maximum(q, 0.0)
        variance = float(p_rows @ (below - value) ** 2) / (n - 1) + float(q_rows @ (above - value) ** 2) / (m - 1)
        if noise is not None:
            variance += _noise_variance(below - value, above - value, sizes, noise)
        error = math.sqrt(variance)
    inside = 0 < value < 1 and error is not None and error > 1e-12
    if noise is not None:
        interval = _noisy(value, error, level)
    else:
        interval = _logit(value, error, level) if inside and error else _newcombe(value, n, m, level)
    return AUC(value, interval, error, min(1.0, max(0.0, float(p @ q) / 2)), n, m)


DROWNED = 4.0
"""A noisy total of fewer standard errors of its noise than this is nothing to divide by."""


def drowned(total: float, noise: float, /) -> bool:
    """True where the noise, of variance `noise`, leaves it open whether a noisy total counts any rows at all."""
    return noise > 0 and total < DROWNED * math.sqrt(noise)


def _noise_variance(below: Floats, above: Floats, sizes: tuple[float, float], noise: tuple[float, float]) -> float:
    """Variance of the area from independent noise in every count, whose variances are `noise`.

    `below` and `above` are what one more row of a class in each bin would add, times the size of its class. The noise
    of both classes together adds v_p v_q Σ w² / sizes², w of a pair of bins being 1, ½ or 0. The sizes are noisy too:
    each is taken two standard errors lower.
    """
    bins = len(below)
    n, m = (max(1.0, size - 2 * math.sqrt(one * bins)) for size, one in zip(sizes, noise, strict=True))
    both = bins * (bins - 1) / 2 + bins / 4
    single = noise[0] * float(below @ below) / n**2 + noise[1] * float(above @ above) / m**2
    return single + noise[0] * noise[1] * both / (n * m) ** 2


def _noisy(value: float, error: float | None, level: float) -> Interval:
    """Both the interval on the logit scale, which fits sampling, and the plain one, which fits the noise."""
    if error is None:
        return Interval(0.0, 1.0, level, "DeLong, with the noise")
    half = two_sided(level) * error
    ends = [value - half, value + half]
    if 0 < value < 1:
        logit = _logit(value, error, level)
        ends += [logit.low, logit.high]
    return Interval(max(0.0, min(ends)), min(1.0, max(ends)), level, "DeLong, with the noise")


def _histograms(positive: ArrayLike, negative: ArrayLike, *, noisy: bool) -> tuple[Floats, Floats]:
    p, q = np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)
    if p.shape != q.shape or p.ndim != 1 or (not noisy and ((p < 0).any() or (q < 0).any())):
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
