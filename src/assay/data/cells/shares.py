"""The share of some cells among others, and the number of independent rows that would say as much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.core.measure import Share

if TYPE_CHECKING:
    from assay.data.counts import Counts

Mask = NDArray[np.bool_]


def share(counts: Counts, numerator: Mask, denominator: Mask, /) -> Share:
    """The share of the cells `numerator` among `denominator`, which includes them.

    Repeated units: n / deff with the linearised cluster variance Σ_u (x_u - p d_u)² / D²; sampling weights: the
    same with Σw² (Särndal, Swensson & Wretman 1992, eq. 5.6.6), or Kish's (Σw)²/Σw² at p = 0 or 1.
    """
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
