"""Whether the same score means the same in every group."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.core.check import check
from assay.core.measure import Limit, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import check_depth
from assay.fairness.rates import BASE_RATE
from assay.fairness.scores.calibration import calibration_error, calibration_gap
from assay.fairness.scores.histogram import pooled_scores, score_bins
from assay.fairness.stratified import pooled_differences


@check(
    "fairness.calibration",
    version=2,
    title="The same score means different things in different groups",
    counts=by("protected", "label", "score", sums=("score",)),
    tasks=("binary",),
    limit=Limit("same_score_base_rate_difference", better="zero", warn=0.05, fail=0.10),
    clauses=("eu-ai-act:10(2)(f)", "eu-ai-act:15(1)", "nist-ai-rmf:measure-2.11"),
)
def calibration(
    counts: Counts, /, *, depth: int = 2, level: float = 0.95, bins: int = 10, seed: int = 0
) -> Iterator[Measure]:
    """Base rates of groups among people with the same score, and how far each group's scores are from its rates.

    `same_score_base_rate_difference`: the share of favourable labels in a group minus that of all others in the same
    of `bins` score bins of about equal rows, pooled over the bins by Mantel and Haenszel. Not zero: the label depends
    on the group even when the score is known (sufficiency fails; Barocas, Hardt & Narayanan 2023, ch. 3); above zero
    the group is scored too low. `calibration_error` is each group's expected calibration error over `bins` bins of
    equal size, de-biased (`seed` is for its interval), and `calibration_error_gap` the difference of the largest and
    smallest one, with an interval that holds for all groups at once. The groups of single attributes have their
    reliability curves attached, without bins of fewer than 10 rows. The overall error is in quality.calibration.
    Limits (0.05, 0.10) are convention.
    """
    check_depth(depth)
    yield from pooled_differences(
        pooled_scores(counts, bins=bins),
        BASE_RATE,
        "score",
        "same_score_base_rate_difference",
        depth=depth,
        level=level,
        alike="in the same score bin",
    )
    rng, places = np.random.default_rng(seed), score_bins(counts)
    for over in counts.groupings(depth=depth):
        groups = counts.groups(over)
        wide = 1 - (1 - level) / max(1, len(groups))
        found = [
            calibration_error(group.counts, places, group.slice, level=level, wide=wide, parts=bins, rng=rng)
            for group in groups
        ]
        yield from (one.measure for one in found)
        yield calibration_gap(found, over, level=level)
