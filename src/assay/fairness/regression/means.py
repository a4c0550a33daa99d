"""Means by group of what a model that predicts a number predicts and gets wrong, from sums over the rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from assay.core.measure import Measure
from assay.data.counts import Counts
from assay.fairness.estimates import Estimate, compare_estimates
from assay.fairness.words import empty_denominator
from assay.stats.moments import mean

QUANTITIES = {
    "mean_prediction": ("y_hat", "y_hat_squared"),
    "mean_label": ("y", "y_squared"),
    "mae": ("absolute_error", "squared_error"),
    "mean_error": ("error", "squared_error"),
}
"""Mean -> its sum and the sum of its squares in Counts."""
SUMS = tuple(dict.fromkeys(name for pair in QUANTITIES.values() for name in pair))


def compare_means(counts: Counts, /, *, depth: int, level: float) -> Iterator[Measure]:
    """Every mean whose sums the Counts have: overall, by group, widest gap and spread.

    Where there are no labels, only the mean prediction; the others are unmeasured with the reason.
    """
    for name, (total, squares) in QUANTITIES.items():
        if {total, squares} <= set(counts.sums):
            estimate = partial(mean_of, total=total, squares=squares, level=level)
            yield from compare_estimates(counts, name, estimate, depth=depth, level=level)
        else:
            yield Measure(name, None, 0, reason=empty_denominator("rows with label and prediction"))


def mean_of(counts: Counts, /, *, total: str, squares: str, level: float) -> Estimate:
    """The mean of one sum with Student's interval on the effective rows; no standard error where all rows are alike."""
    share = counts.share({})
    if share.total <= 0:
        return Estimate(None, 0, reason=empty_denominator("rows with label and prediction"))
    found = mean(counts.total(total), counts.total(squares), share.total, level=level, effective=share.effective)
    return Estimate(found.value, share.rows, share.effective, found.interval, found.standard_error)
