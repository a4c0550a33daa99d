"""Whether people who are alike in what may count were given the same labels."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.check import check
from assay.core.measure import Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import check_depth
from assay.fairness.rates import BASE_RATE
from assay.fairness.stratified import pooled_differences


@check(
    "fairness.label_conditional",
    version=2,
    title="Alike in what may count, yet labelled differently",
    counts=by("protected", "control", "label"),
    tasks=("binary",),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:map-2.3", "ecoa:1002.6(a)"),
)
def label_conditional(counts: Counts, /, *, depth: int = 2, level: float = 0.95) -> Iterator[Measure]:
    """Favourable labels of groups among people with the same values of all control features.

    `conditional_base_rate_difference`: the share of favourable labels of a group minus that of all others within
    strata of the controls, pooled by Mantel and Haenszel, for each attribute alone and crossed up to `depth`; the
    p-value is Cochran, Mantel and Haenszel's, that label and group are independent in every stratum.

    What is left of the difference that `fairness.label_bias` finds once the controls are held fixed is discrimination
    only if they hold all that may count, and is hidden if one of them carries the disadvantage itself (Kamiran,
    Zliobaite & Calders 2013, Knowledge and Information Systems 35:613). No limit: neither can be seen in the data.
    """
    check_depth(depth)
    yield from pooled_differences(
        counts,
        BASE_RATE,
        "control",
        "conditional_base_rate_difference",
        depth=depth,
        level=level,
        alike="with the same controls",
    )
