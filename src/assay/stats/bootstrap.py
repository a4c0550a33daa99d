"""The bootstrap of anything that is a function of counts: resampling rows is one multinomial draw on the cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.core.errors import AssayError
from assay.core.measure import Interval
from assay.stats.quantiles import check_level, normal_quantile

Floats = NDArray[np.float64]
Statistic = Callable[[NDArray[np.float64]], ArrayLike]
"""Takes tables of counts, replicates along the first axis, and gives one number a replicate (NaN: undefined there), or
one array a replicate for several statistics of the same resamples."""

BLOCK = 1 << 22


def multinomial(
    counts: ArrayLike, statistic: Statistic, /, *, replicates: int = 2000, rng: np.random.Generator
) -> Floats:
    """`statistic` of `replicates` resamples of the rows behind `counts` (whole rows, any shape).

    Drawing n rows with replacement gives cell counts that are Multinomial(n, counts/n), so this has the
    distribution of the row bootstrap (Efron 1979) at the cost of the cells. A replicate where the statistic is
    undefined is NaN. Shape (replicates,), or (replicates, …) where the statistic gives an array.
    """
    cells = _cells(counts)
    n, share = int(cells.sum()), cells.reshape(-1) / cells.sum()
    rows = max(1, BLOCK // cells.size)
    out = []
    for start in range(0, replicates, rows):
        size = min(rows, replicates - start)
        drawn = rng.multinomial(n, share, size=size).astype(np.float64).reshape(size, *cells.shape)
        out.append(_values(statistic, drawn, several=True))
    return np.concatenate(out) if out else np.zeros(0)


def percentile(replicates: ArrayLike, /, *, level: float = 0.95) -> Interval | None:
    """The percentile interval of bootstrap replicates; None where too many are undefined to know an end.

    Undefined replicates count as below everything for the low end and above everything for the high end, so that
    they can only widen it. Not for max − min over groups: it never contains 0 (use `gaps.widest_gap`). Source:
    Efron (1979).
    """
    tail = (1 - check_level(level)) / 2
    return _between(np.asarray(replicates, dtype=np.float64), tail, 1 - tail, level, "bootstrap percentile")


def bca(
    counts: ArrayLike,
    statistic: Statistic,
    /,
    *,
    level: float = 0.95,
    replicates: int = 2000,
    rng: np.random.Generator,
) -> Interval | None:
    """The bias-corrected and accelerated interval of a statistic of counts; None where it does not exist.

    The acceleration is the row jackknife, made cell by cell: rows in one cell give the same value when left out.
    None where the statistic of the data is undefined, where an end is, or where all replicates lie on one side.
    Source: Efron (1987), JASA 82:171; Efron & Tibshirani (1993), eq. 14.10, 14.14, 14.15.
    """
    tail = (1 - check_level(level)) / 2
    cells = _cells(counts)
    observed = float(_values(statistic, cells[None])[0])
    draws = multinomial(cells, statistic, replicates=replicates, rng=rng)
    defined = draws[np.isfinite(draws)]
    if not np.isfinite(observed) or not len(defined):
        return None
    below = float((defined < observed).mean() + (defined == observed).mean() / 2)
    acceleration = _acceleration(cells, statistic)
    if not 0 < below < 1 or acceleration is None:
        return None
    bias = normal_quantile(below)
    ends = []
    for z in (normal_quantile(tail), normal_quantile(1 - tail)):
        shifted = bias + z
        if 1 - acceleration * shifted <= 0:
            return None
        ends.append(_phi(bias + shifted / (1 - acceleration * shifted)))
    return _between(draws, ends[0], ends[1], level, "bootstrap BCa")


def _acceleration(cells: Floats, statistic: Statistic) -> float | None:
    """Σ(θ̄ − θ_i)³ / (6 (Σ(θ̄ − θ_i)²)^1.5) over rows; 0 where no row matters, None where a value is undefined."""
    flat = cells.reshape(-1)
    filled = np.flatnonzero(flat)
    values = np.empty(len(filled))
    rows = max(1, BLOCK // flat.size)
    for start in range(0, len(filled), rows):
        part = filled[start : start + rows]
        less = np.tile(flat, (len(part), 1))
        less[np.arange(len(part)), part] -= 1
        values[start : start + rows] = _values(statistic, less.reshape(len(part), *cells.shape))
    if not np.isfinite(values).all():
        return None
    weight = flat[filled]
    away = float(weight @ values) / float(weight.sum()) - values
    second, third = float(weight @ away**2), float(weight @ away**3)
    return third / (6 * second**1.5) if second > 0 else 0.0


def _between(draws: Floats, low: float, high: float, level: float, method: str) -> Interval | None:
    defined = np.isfinite(draws)
    if not len(draws) or not 0 <= low <= high <= 1:
        return None
    ends = (
        float(np.quantile(np.where(defined, draws, -np.inf), low, method="inverted_cdf")),
        float(np.quantile(np.where(defined, draws, np.inf), high, method="inverted_cdf")),
    )
    return Interval(ends[0], ends[1], level, method) if np.isfinite(ends).all() else None


def _cells(counts: ArrayLike) -> Floats:
    cells = np.asarray(counts, dtype=np.float64)
    if cells.size == 0 or cells.sum() <= 0 or (cells < 0).any() or (cells != np.rint(cells)).any():
        raise AssayError(
            "A bootstrap needs whole counts of at least one row.",
            code="weighted",
            hint="For weighted rows use the closed forms with their effective n.",
        )
    return cells


def _values(statistic: Statistic, tables: Floats, *, several: bool = False) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.asarray(statistic(tables), dtype=np.float64)
    if values.shape[:1] != (len(tables),) or (values.ndim > 1 and not several):
        raise AssayError(
            f"The statistic gave shape {values.shape} for {len(tables)} replicates.",
            code="shape",
            hint="Keep the first axis, and reduce the others to one number a replicate.",
        )
    return values


def _phi(z: float) -> float:
    from scipy.special import ndtr

    return float(ndtr(z))
