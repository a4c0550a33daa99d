"""Whether the model's mistakes fall on one group more than on another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.core.check import check
from assay.core.measure import Limit, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import compare
from assay.fairness.rates import FDR, FNR, FPR, TPR


@check(
    "fairness.error_rates",
    version=3,
    title="Mistakes fall more often on one group",
    counts=by("protected", "label", "prediction"),
    tasks=("binary",),
    limit=tuple(Limit(f"{rate}_gap", better="lower", warn=0.05, fail=0.10) for rate in ("tpr", "fpr", "fnr", "fdr")),
    clauses=("eu-ai-act:10(2)(f)", "eu-ai-act:15(1)", "nist-ai-rmf:measure-2.11"),
    noisy=True,
)
def error_rates(
    counts: Counts, /, *, depth: int = 2, level: float = 0.95, reference: Mapping[str, str] | None = None
) -> Iterator[Measure]:
    """True and false positive, false negative and false discovery rate by group, and how far the groups lie apart.

    `tpr` is the share of the favourable labels that are predicted favourable (Hardt, Price & Srebro 2016: equal
    opportunity asks for no gap), `fpr` that of the unfavourable labels, `fnr` = 1 - tpr, `fdr` the share of the
    favourable predictions whose label is not. Positive means favourable: swap the favourable value and tpr becomes
    the specificity. Rows without label or prediction are in no denominator and are counted in a note.

    Each protected attribute alone and crossed with others up to `depth` at a time; the missing value of an attribute is
    a group of its own and part of every gap. `_gap` is highest minus lowest rate with an interval for the true widest
    gap, `_ratio` lowest over highest, `_spread` the standard deviation of the true rates, `_difference` a group minus
    the `reference` group of its attribute, or minus all other rows. p-values are controlled over all groups and
    crossings.

    Over three groups or more `_shrunken` stands beside each raw rate: the rate pulled towards those of the others, the
    further the fewer its rows and the more alike the groups (beta-binomial empirical Bayes). It is the better guess of
    a small group's rate and is never judged; with two groups it is not there, because one difference cannot tell how
    far groups spread from how far samples do.

    The limits (warn 0.05, fail 0.10) are convention and no law's: set your own in the policy.
    """
    return compare(counts, (TPR, FPR, FNR, FDR), depth=depth, level=level, reference=reference)
