"""Whether predicted numbers, or their errors, differ between groups."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.check import check
from assay.core.measure import Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import check_depth
from assay.fairness.regression.means import SUMS, compare_means


@check(
    "fairness.regression_gaps",
    version=2,
    title="Predicted numbers or their errors differ between groups",
    counts=by("protected", "prediction", "label?", sums=SUMS),
    tasks=("regression",),
    clauses=("eu-ai-act:10(2)(f)", "eu-ai-act:15(1)", "nist-ai-rmf:measure-2.11"),
)
def regression_gaps(counts: Counts, /, *, depth: int = 2, level: float = 0.95) -> Iterator[Measure]:
    """Mean prediction, mean label, mean absolute error and mean error by group, with the widest gap and the spread.

    `mean_prediction` and its gap need no labels (statistical parity in the mean: Agarwal, Dudik & Wu 2019, sec. 2.1,
    asks it of the whole distribution, which is fairness.regression_distributions). `mean_label` says how far the
    groups lie apart in the data. `mae` is the mean of |prediction - label|; a wide `mae_gap` means that the model
    serves one group worse (bounded group loss, ibid.). `mean_error` is the mean of prediction - label: above 0 the
    group's numbers are overstated; its gap is what the model adds to the difference of the labels.

    All are in units of the label. Each protected attribute alone and crossed with others up to `depth` at a time; the
    missing value of an attribute is a group of its own. `_gap` is highest minus lowest mean with an interval that
    holds over all pairs of groups, on normal errors: under some 30 rows a group it is optimistic. Groups whose rows
    are all alike have no standard error, are named and left out of the gap. Rows without prediction (or label, where
    there are any) are in no denominator.

    No limits: what difference matters depends on the unit. Set them in the policy.
    """
    check_depth(depth)
    yield from compare_means(counts, depth=depth, level=level)
