"""How strongly a feature hangs together with a protected attribute, on one two-way table."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Interval, Measure
from assay.data.counts import Counts
from assay.stats.quantiles import two_sided
from assay.stats.tests import cramers_v, dense, phi_squared

Floats = NDArray[np.float64]
NAME = "protected_association"


def associations(counts: Counts, /, *, level: float) -> Iterator[Measure]:
    """`protected_association` of the one feature of `counts` with each protected attribute."""
    feature = counts.dim("feature")
    for dim in counts.dims:
        if dim.role == "protected":
            table = counts.marginal(dim.key, feature.key)
            share = table.share({})
            cells = _dense_table(table) * (share.effective / share.total if share.total > 0 else 0.0)
            yield _association(cells, share.rows, feature.name, dim.name, level=level)


def _dense_table(counts: Counts) -> Floats:
    """Values of the feature × groups, whatever the columns are called."""
    out = np.zeros([len(dim.levels) for dim in counts.dims])
    np.add.at(out, tuple(counts.codes.T), counts.values())
    return out


def _association(cells: Floats, rows: int, feature: str, attribute: str, /, *, level: float) -> Measure:
    slice_ = {"feature": feature}
    value = cramers_v(cells) if cells.sum() > 0 else None
    if value is None:
        constant = rows == 0 or min(dense(cells).shape) < 2
        reason = (
            Message("constant", "the feature or the attribute has one value only")
            if constant
            else Message("too-many-values", "nearly every row has a value of its own")
        )
        return Measure(NAME, None, rows, slice=slice_, over=(attribute,), reason=reason)
    p_value = independence(cells)
    return Measure(
        NAME,
        value,
        rows,
        slice=slice_,
        over=(attribute,),
        interval=interval_of(cells, value, p_value, level=level),
        p_value=p_value,
        family=NAME,
        method="bias-corrected Cramér's V; p: chi-square, permutation moments",
    )


def independence(cells: Floats, /) -> float:
    """P-value of independence: Pearson's statistic against a gamma law with its exact permutation mean and variance.

    The two moments given the margins are Haldane's (1940, Biometrika 31:346; as in Lewis, Saunders & Westcott 1984,
    Biometrika 71:515), so that the test holds in sparse tables, where the chi-square law does not; with full cells it
    is the chi-square test.
    """
    from scipy.special import gammaincc

    counts = dense(cells)
    n, (r, c) = float(counts.sum()), counts.shape
    statistic = n * phi_squared(counts)
    mean = (r - 1) * (c - 1) * n / (n - 1)
    if min(r, c) < 2 or n <= 3:
        return 1.0
    free = [(k - 1) * (n - k) / (n - 1) for k in (r, c)]
    uneven = [
        (n * float((1 / margin).sum()) - len(margin) ** 2) / (n - 2)
        for margin in (counts.sum(axis=1), counts.sum(axis=0))
    ]
    spread = 2 * n / (n - 3) * (free[0] - uneven[0]) * (free[1] - uneven[1])
    variance = spread + n**2 / (n - 1) * uneven[0] * uneven[1]
    if variance <= 1e-12:
        return 1.0
    return float(gammaincc(mean**2 / variance, statistic * mean / variance))


def interval_of(cells: Floats, value: float, p_value: float, /, *, level: float) -> Interval:
    """Limits of Cramér's V that reach 0 wherever independence is not rejected at 1 − `level`.

    Pearson's statistic X² has mean df + λ and, about, variance 2 df + 4fλ with λ = nφ² (a noncentral chi-square has f =
    1; Smithson 2003, Confidence Intervals, ch. 4); f is the variance of φ² by the delta method (Bishop, Fienberg &
    Holland 1975, section 11.3) over 4φ²/n, where that is larger. The two λ at z standard deviations from X² are the
    limits, scaled as the value is (Bergsma 2013, eq. 8-9).
    """
    counts = dense(cells)
    n, (r, c) = float(counts.sum()), counts.shape
    df, phi = (r - 1) * (c - 1), phi_squared(counts)
    factor = max(1.0, n * _phi_variance(counts) / (4 * phi)) if phi > 0 else 1.0
    # A statistic below its mean is luck, and no evidence of less than no association.
    z2, excess = two_sided(level) ** 2, max(0.0, n * phi - df)
    middle = excess + 2 * factor * z2
    reach = math.sqrt(middle**2 - excess**2 + 2 * z2 * df)
    most = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    low, high = (math.sqrt(min(1.0, max(0.0, end) / n / most)) for end in (middle - reach, middle + reach))
    low = 0.0 if p_value >= 1 - level else low
    return Interval(min(low, value), max(high, value), level, "chi-square, delta method")


def _phi_variance(counts: Floats) -> float:
    """Var φ² for φ² + 1 = Σ p²/(p_i p_j): its gradient in the cells, taken through the multinomial."""
    n = float(counts.sum())
    p = counts / n
    row, column = p.sum(axis=1, keepdims=True), p.sum(axis=0, keepdims=True)
    part = p**2 / (row * column)
    slope = 2 * p / (row * column) - part.sum(axis=1, keepdims=True) / row - part.sum(axis=0, keepdims=True) / column
    return max(0.0, float((p * slope**2).sum() - (p * slope).sum() ** 2) / n)
