"""The widest gap between means (or AUCs, Brier scores, precisions) whose errors are about normal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.core.errors import AssayError
from assay.core.measure import Interval
from assay.stats.gaps.pairs import Floats, Gap, critical_values, extreme_pair, too_small
from assay.stats.rates import FEW


def widest_gap_of_means(
    means: Sequence[float], errors: Sequence[float], ns: Sequence[float], /, *, level: float = 0.95
) -> Gap:
    """The highest mean minus the lowest, with an interval for the true widest gap.

    `errors` are standard errors and `ns` effective sample sizes, one of each a group, groups independent. The
    construction of `widest_gap`, with the pair's bounds d ± z √(e_i² + e_j²). Leave out, and say so, a group that
    has no standard error: fewer than two groups is AssayError "too-few-groups". A standard error made of fewer than
    30 rows is no proof: such a group widens the interval and never lifts its low end.
    """
    centre, error, size = (np.asarray(v, dtype=np.float64) for v in (means, errors, ns))
    if not len(centre) == len(error) == len(size):
        raise AssayError(
            "Means, errors and ns must be of equal length.", code="shape", hint="Give one of each a group."
        )
    if not (np.isfinite(centre).all() and np.isfinite(error).all() and (error >= 0).all()):
        raise AssayError(
            "Means and errors must be finite, errors not negative.", code="value", hint="Leave a group out."
        )
    if len(centre) < 2:
        raise AssayError(
            f"{len(centre)} groups; a comparison needs two.",
            code="too-few-groups",
            hint="Report it as unmeasured, with this reason.",
        )
    z_low, z_high = critical_values(len(centre), level)
    squares = error**2

    def bound(rows: slice, z: float) -> Floats:
        return centre[rows, None] - centre[None, :] + z * np.sqrt(squares[rows, None] + squares[None, :])

    many = size >= FEW

    def proven(rows: slice, table: Floats) -> Floats:
        return np.where(many[rows, None] & many[None, :], table, -np.inf)

    low = extreme_pair(len(centre), lambda rows: proven(rows, bound(rows, -z_low)))
    high = extreme_pair(len(centre), lambda rows: bound(rows, z_high))
    top, bottom = int(np.argmax(centre)), int(np.argmin(centre))
    if top == bottom:
        bottom = 1
    value = float(centre[top] - centre[bottom])
    method = "normal difference, cut at 0" if len(centre) == 2 else "studentised-range normal"
    interval = Interval(min(max(0.0, low.bound), value), max(high.bound, value), level, method)
    return Gap(value, interval, top, bottom, too_small(size, high.pair))
