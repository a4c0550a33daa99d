"""Error bars of means over rows, by unit where people have several rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.measure import Interval
from assay.explain.columns import Floats
from assay.stats.moments import student


@dataclass(frozen=True, slots=True)
class MeanOverRows:
    """A mean, its standard error and interval; both None where all rows are alike or one unit has them all."""

    value: float
    standard_error: float | None
    interval: Interval | None
    n: int


def mean_over_rows(values: Floats, /, *, units: NDArray[np.int64] | None = None, level: float = 0.95) -> MeanOverRows:
    """The mean of `values` (rows,) with Student's interval, clustered where `units` (rows,) say whose rows they are.

    With m units: variance m/(m − 1) · Σ_u (Σ_{i∈u} (v_i − mean))² / n², and m − 1 degrees of freedom. Below some 30
    units the interval is optimistic. Source: Liang & Zeger (1986), Biometrika 73:13.
    """
    n, mean = len(values), float(values.mean())
    off = values - mean
    if units is not None:
        codes = np.unique(units, return_inverse=True)[1].reshape(-1)
        off = np.asarray(np.bincount(codes, weights=off), dtype=np.float64)
    m = len(off)
    squares = float(off @ off)
    if m < 2 or squares <= 1e-24 * max(1.0, mean * mean) * n:
        return MeanOverRows(mean, None, None, n)
    error = math.sqrt(squares * m / (m - 1)) / n
    half = student(level, m - 1) * error
    method = "Student t" if units is None else "Student t by unit"
    return MeanOverRows(mean, error, Interval(mean - half, mean + half, level, method), n)
