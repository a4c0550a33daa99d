"""The share of some cells among others, and the number of independent rows that would say as much."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.core.measure import Blur, Share

if TYPE_CHECKING:
    from assay.data.counts import Counts

Mask = NDArray[np.bool_]


def share(counts: Counts, numerator: Mask, denominator: Mask, /) -> Share:
    """The share of the cells `numerator` among `denominator`, which includes them.

    Repeated units: n / deff with the linearised cluster variance Σ_u (x_u - p d_u)² / D²; sampling weights: the
    same with Σw² (Särndal, Swensson & Wretman 1992, eq. 5.6.6), or Kish's (Σw)²/Σw² at p = 0 or 1. Counts that were
    released with noise: see `_blurred`.
    """
    if "noise" in counts.sums:
        return _blurred(counts, numerator, denominator)
    value = counts.values()
    hits, total = float(value[numerator].sum()), float(value[denominator].sum())
    rows = int(counts.sums["n"][denominator].sum()) if denominator.any() else 0
    most = total if counts.weights == "frequency" else float(rows)
    if total <= 0:
        return Share(hits, total, rows, 0.0)
    if counts.pairs is None and counts.weights != "sampling":
        return Share(hits, total, rows, most)
    xx, xd, dd = _squares(counts, numerator, denominator)
    p = hits / total
    variance = (xx - 2 * p * xd + p * p * dd) / total**2
    if 0 < p < 1 and variance > 0:
        return Share(hits, total, rows, min(p * (1 - p) / variance, most))
    return Share(hits, total, rows, total**2 / dd if dd > 0 else 0.0)


def _squares(counts: Counts, numerator: Mask, denominator: Mask) -> tuple[float, float, float]:
    """Σx_u², Σx_u·d_u and Σd_u² over units (over rows where no unit repeats)."""
    if counts.pairs is None:
        squares = counts.values("ww")
        xx = float(squares[numerator].sum())
        return xx, xx, float(squares[denominator].sum())
    pairs = counts.pairs
    square = pairs.square.astype(np.float64) / (2.0**40 if counts.weights else 1.0)
    return (
        float(square[numerator[pairs.i] & numerator[pairs.j]].sum()),
        float(square[numerator[pairs.i] & denominator[pairs.j]].sum()),
        float(square[denominator[pairs.i] & denominator[pairs.j]].sum()),
    )


def _blurred(counts: Counts, numerator: Mask, denominator: Mask) -> Share:
    """The share of noisy counts: hits are kept within 0 and the total, and the noise is in `effective` and in `blur`.

    Var(hits / total) = p (1 − p) / n + (1 − p)² a + p² b, a and b the variances of the noise in hits and misses over
    total², by linearisation. For `effective`, p is kept a standard error of the noise away from 0 and 1, where
    p (1 − p) vanishes and the noise does not.
    """
    values, noise = counts.values(), counts.values("noise")
    total = float(values[denominator].sum())
    rows = max(0, int(counts.sums["n"][denominator].sum())) if denominator.any() else 0
    if total <= 0:
        return Share(0.0, 0.0, 0, 0.0)
    hits = min(max(0.0, float(values[numerator].sum())), total)
    in_hits = float(noise[numerator].sum()) / total**2
    in_misses = float(noise[denominator & ~numerator].sum()) / total**2
    independent = total / _rows_a_unit(counts)
    low, high = min(0.5, math.sqrt(in_hits)), max(0.5, 1 - math.sqrt(in_misses))
    p = min(max(hits / total, low), high)
    sampling = p * (1 - p)
    variance = sampling / independent + (1 - p) ** 2 * in_hits + p * p * in_misses
    effective = min(independent, sampling / variance) if sampling > 0 else independent
    return Share(hits, total, rows, effective, Blur(in_hits, in_misses, independent))


def _rows_a_unit(counts: Counts) -> float:
    """The most rows that a unit has, of noisy counts: their pairs are so many times the cells themselves."""
    if counts.pairs is None or not len(counts.pairs.i):
        return 1.0
    return float(counts.pairs.square[0]) / float(counts.sums["n"][counts.pairs.i[0]])
