"""Whether the scores of a system that compares two samples tell people apart less well in one group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from assay.core.check import check
from assay.core.errors import AssayError
from assay.core.measure import NOT_RUN, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import check_depth, compare
from assay.fairness.estimates import Estimate, compare_estimates
from assay.fairness.rates import FMR, FNMR
from assay.fairness.scores.histogram import histogram, score_bins
from assay.fairness.scores.matching import decided, equal_error_rate, first_bin
from assay.fairness.words import no_verification

OVERALL = "overall fmr"
"""What a slice calls the false match rate over all groups at which a threshold was set."""


@check(
    "fairness.verification_scores",
    version=2,
    title="Scores tell one person from another less well in one group",
    counts=by("protected", "label", "score"),
    tasks=("binary",),
    clauses=("eu-ai-act:10(2)(f)", "eu-ai-act:15(1)", "nist-ai-rmf:measure-2.11"),
)
def verification_scores(
    counts: Counts,
    /,
    *,
    verification: bool = False,
    fmr: tuple[float, ...] = (0.01, 0.001),
    depth: int = 2,
    level: float = 0.95,
) -> Iterator[Measure]:
    """Equal error rate by group, and both error rates by group at thresholds common to all, from score bins.

    For one-to-one comparison alone: say `verification`; rows are pairs as for fairness.verification_rates, the score is
    that of a match. `eer`: the error at the threshold of the group's own at which false matches and false non-matches
    are equally frequent; no threshold in use has to be that one. `fnmr` and `fmr` with "overall fmr" in the slice: at
    the lowest threshold at which at most that share of the pairs of different people matches, over all groups; shown
    where at least 30 false matches are to be expected. Intervals take the threshold as given. The scores within a bin
    count as equal. A description, without limit.

    Sources: ISO/IEC 19795-1:2021 (rates, rule of 30) and 19795-10:2024; Grother, Ngan & Hanaoka (2019), Face
    Recognition Vendor Test part 3, NISTIR 8280, which fixes one threshold for all groups.
    """
    check_depth(depth)
    if any(not 0 < target < 1 for target in fmr):
        raise AssayError("A false match rate lies between 0 and 1.", code="parameter", hint="Give, say, fmr=0.001.")
    if not verification:
        yield Measure(NOT_RUN, None, counts.n, reason=no_verification())
        return
    bins = score_bins(counts)

    def equal(part: Counts) -> Estimate:
        mated, nonmated = (histogram(part, bins, labels=(label,)) for label in "10")
        return equal_error_rate(mated, nonmated, level=level)

    yield from compare_estimates(counts, "eer", equal, depth=depth, level=level, widest=1.0)
    others = histogram(counts.marginal("label", "score"), bins, labels=("0",))
    for target in dict.fromkeys(fmr):
        within = {OVERALL: f"{target:g}"}
        first = first_bin(others, target)
        if not isinstance(first, int):
            yield Measure("fnmr", None, others.rows, slice=within, reason=first)
            continue
        rates = [replace(rate, within=within) for rate in (FNMR, FMR)]
        yield from compare(decided(counts, bins, first), rates, depth=depth, level=level)
