"""Whether a system that compares two samples errs more often in one group, at its threshold."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.check import check
from assay.core.measure import NOT_RUN, Limit, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import compare
from assay.fairness.rates import FMR, FNMR
from assay.fairness.words import no_verification


@check(
    "fairness.verification_rates",
    version=2,
    title="People are confused with others, or not recognised, more often in one group",
    counts=by("protected", "label", "prediction"),
    tasks=("binary",),
    limit=Limit("fnmr_gap", better="lower", warn=0.05, fail=0.10),
    clauses=("eu-ai-act:10(2)(f)", "eu-ai-act:15(1)", "nist-ai-rmf:measure-2.11"),
)
def verification_rates(
    counts: Counts, /, *, verification: bool = False, depth: int = 2, level: float = 0.95
) -> Iterator[Measure]:
    """False match and false non-match rate by group, with gaps and ratios, at the threshold of the Case.

    For one-to-one comparison alone: say `verification`, and give pairs of samples as rows, with the favourable label
    for two samples of one person (mated) and the favourable prediction for a match. `fmr`: the share of pairs of
    different people that match; `fnmr`: the share of mated pairs that do not. A pair belongs to the group of the
    person who claims an identity; how other people's samples were paired (within the group or across) moves `fmr` by
    orders of magnitude and must be said. A false match rate is judged by its ratio over groups rather than its gap, and
    nobody has agreed how far it may go: only `fnmr_gap` has a limit (0.05, 0.10), which is convention.

    Sources: ISO/IEC 19795-1:2021 (rates) and 19795-10:2024 (differences over groups); Grother, Ngan & Hanaoka (2019),
    Face Recognition Vendor Test part 3, NISTIR 8280, section 4.
    """
    if not verification:
        yield Measure(NOT_RUN, None, counts.n, reason=no_verification())
        return
    yield from compare(counts, (FMR, FNMR), depth=depth, level=level)
