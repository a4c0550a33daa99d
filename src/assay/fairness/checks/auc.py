"""Whether the score ranks people less well in one group, or across groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Limit, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import check_depth
from assay.fairness.estimates import Estimate, compare_estimates
from assay.fairness.scores.histogram import Histogram, histogram, score_bins
from assay.fairness.words import drowned, empty_denominator
from assay.stats.auc import auc as area


@check(
    "fairness.auc",
    version=2,
    title="The score ranks people less well in one group, or one group below another",
    counts=by("protected", "label", "score"),
    tasks=("binary",),
    limit=Limit("auc_gap", better="lower", warn=0.05, fail=0.10),
    clauses=("eu-ai-act:10(2)(f)", "eu-ai-act:15(1)", "nist-ai-rmf:measure-2.11"),
    noisy=True,
)
def auc(counts: Counts, /, *, depth: int = 2, level: float = 0.95) -> Iterator[Measure]:
    """Area under the ROC curve within each group, and across each group and all others.

    `auc`: favourable against unfavourable labels of the same group (the subgroup AUC). `bpsn_auc`: favourable labels of
    others against unfavourable ones of the group; low where the group is scored too high. `bnsp_auc`: favourable
    labels of the group against unfavourable ones of others; low where it is scored too low (Borkan et al. 2019, WWW
    companion, section 3; positive is favourable here). A group can rank well within itself and stand below another,
    which only the cross-group areas show. DeLong's intervals, on score bins; a note bounds how far the binning can have
    moved the area. The limit (0.05, 0.10) on `auc_gap` is convention.
    """
    check_depth(depth)
    bins = score_bins(counts)
    yield from compare_estimates(
        counts, "auc", partial(within, bins=bins, level=level), depth=depth, level=level, widest=1.0
    )
    whole = counts.marginal("label", "score")
    everyone = {label: histogram(whole, bins, labels=(label,)) for label in "01"}
    for over in counts.groupings(depth=depth):
        groups = counts.groups(over)
        for group in groups if len(groups) > 1 else ():
            own = {label: histogram(group.counts, bins, labels=(label,)) for label in "01"}
            below = ranked(everyone["1"] - own["1"], own["0"], level=level)
            above = ranked(own["1"], everyone["0"] - own["0"], level=level)
            yield below.measure("bpsn_auc", group.slice)
            yield above.measure("bnsp_auc", group.slice)


def within(counts: Counts, /, *, bins: Mapping[str, int], level: float) -> Estimate:
    """The AUC of the rows."""
    return ranked(*(histogram(counts, bins, labels=(y,)) for y in "10"), level=level)


def ranked(positive: Histogram, negative: Histogram, /, *, level: float) -> Estimate:
    """P(a positive scores above a negative) with DeLong's interval; no number where either has no rows."""
    rows = positive.rows + negative.rows
    if not positive.rows or not negative.rows:
        return Estimate(None, rows, reason=empty_denominator("both labels, with score"))
    if positive.drowned or negative.drowned:
        return Estimate(None, rows, reason=drowned())
    noise = (positive.noise, negative.noise) if positive.noise else None
    effective = (positive.effective, negative.effective)
    found = area(positive.size, negative.size, level=level, effective=effective, noise=noise)
    text = "from {bins} score bins; the exact area lies within {bound} of it"
    note = Message("score-bins", text, {"bins": len(positive.size), "bound": f"{found.bound:.2g}"})
    error = found.standard_error if found.standard_error else None
    return Estimate(found.value, rows, sum(effective), found.interval, error, "area under the ROC curve", notes=(note,))
