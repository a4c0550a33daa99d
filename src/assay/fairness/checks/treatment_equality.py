"""Whether the model errs in one group's favour and to another's cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Interval, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import compare
from assay.fairness.outcomes import with_error_kind
from assay.fairness.rates import MISSES


@check(
    "fairness.treatment_equality",
    version=3,
    title="Errors favour one group and burden another",
    counts=by("protected", "label", "prediction"),
    tasks=("binary",),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11"),
)
def treatment_equality(
    counts: Counts, /, *, depth: int = 2, level: float = 0.95, reference: Mapping[str, str] | None = None
) -> Iterator[Measure]:
    """Of the wrong predictions, the share that withhold a favourable outcome: `miss_share`, FN / (FN + FP), by group.

    `error_balance` is the same as a ratio, FN / FP, as Berk et al. (2021) define treatment equality; it has no upper
    end, so that groups are compared by the share. It says which way the errors point, not how many there are,
    and depends on the base rate: a description, without limit. Gaps, ratios and groups as in fairness.error_rates.
    """
    for measure in compare(with_error_kind(counts), (MISSES,), depth=depth, level=level, reference=reference):
        yield measure
        if measure.name == MISSES.name:
            yield balance(measure)


def balance(share: Measure, /) -> Measure:
    """FN / FP from FN / (FN + FP): p / (1 - p), its interval likewise; unmeasured where there is no false positive."""
    odds = replace(share, name="error_balance", interval=None, method="false negatives over false positives")
    if share.value is None:
        return odds
    if share.value == 1:
        reason = Message("no-false-positive", "there is no false positive to divide by")
        return replace(odds, value=None, reason=reason)
    bounds = share.interval
    interval = None
    if bounds is not None and bounds.high < 1:
        low, high = bounds.low / (1 - bounds.low), bounds.high / (1 - bounds.high)
        interval = Interval(low, high, bounds.level, bounds.method)
    return replace(odds, value=share.value / (1 - share.value), interval=interval)
