"""Whether the model is right less often about one group."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from assay.core.check import check
from assay.core.measure import Interval, Limit, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import compare
from assay.fairness.estimates import Estimate, compare_estimates
from assay.fairness.outcomes import with_correct
from assay.fairness.rates import ACCURACY, TNR, TPR
from assay.fairness.words import empty_denominator
from assay.stats.rates import wilson


@check(
    "fairness.accuracy",
    version=3,
    title="The model is right less often about one group",
    counts=by("protected", "label", "prediction"),
    tasks=("binary", "multiclass"),
    limit=tuple(
        Limit(f"{name}_gap", better="lower", warn=0.05, fail=0.10) for name in ("accuracy", "balanced_accuracy")
    ),
    clauses=("eu-ai-act:15(1)", "nist-ai-rmf:measure-2.11"),
    noisy=True,
)
def accuracy(
    counts: Counts, /, *, depth: int = 2, level: float = 0.95, reference: Mapping[str, str] | None = None
) -> Iterator[Measure]:
    """Share of right predictions by group, and for two classes the mean of the shares right in each.

    `accuracy` depends on the base rate of the group; `balanced_accuracy`, (tpr + tnr) / 2, does not. Its interval is
    made from Wilson's of the two (MOVER: Zou & Donner 2008, Statistics in Medicine 27:1693). Equal accuracy is no
    protection from unequal harm: it can hide false alarms in one group behind misses in another. Gaps, groups and
    limits as in fairness.error_rates.
    """
    yield from compare(with_correct(counts), (ACCURACY,), depth=depth, level=level, reference=reference)
    levels = {level for role in ("label", "prediction") for level in counts.dim(role).levels if level is not None}
    if levels <= {"0", "1"}:
        yield from compare_estimates(
            counts, "balanced_accuracy", lambda rows: balanced(rows, level=level), depth=depth, level=level, widest=1.0
        )


def balanced(counts: Counts, /, *, level: float) -> Estimate:
    """(tpr + tnr) / 2 of the rows; no number where one class is empty."""
    shares = [counts.share(rate.of, rate.among) for rate in (TPR, TNR)]
    rows = sum(share.rows for share in shares)
    rates = [value for share in shares if (value := share.value) is not None]
    if len(rates) < 2:
        return Estimate(None, rows, reason=empty_denominator("both classes"))
    value = sum(rates) / 2
    bounds = [wilson(share, level=level) for share in shares]
    low = value - math.hypot(*(rate - b.low for rate, b in zip(rates, bounds, strict=True))) / 2
    high = value + math.hypot(*(b.high - rate for rate, b in zip(rates, bounds, strict=True))) / 2
    if any(share.blur for share in shares):  # limits that the noise moved to 0 or 1 are no standard errors to combine
        low, high = (sum(ends) / 2 for ends in zip(*((b.low, b.high) for b in bounds), strict=True))
    # One success and one failure more (Agresti & Caffo 2000), so that a rate of 0 or 1 is not taken as certain.
    sizes = [share.effective + 2 for share in shares]
    smoothed = [(rate * (n - 2) + 1) / n for rate, n in zip(rates, sizes, strict=True)]
    error = math.sqrt(sum(p * (1 - p) / n for p, n in zip(smoothed, sizes, strict=True))) / 2
    interval = Interval(max(0.0, low), min(1.0, high), level, "MOVER on Wilson")
    effective = 4 / sum(1 / share.effective for share in shares)
    return Estimate(value, rows, effective, interval, error, "mean of tpr and tnr")
