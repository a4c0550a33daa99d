"""Whether both kinds of prediction are equally reliable for those who deserve them, in every group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import fmean

from assay.core.check import check
from assay.core.measure import Interval, Limit, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import check_depth, gap, ratio
from assay.fairness.rates import FPR, TPR, rates_by_group


@check(
    "fairness.equalized_odds",
    version=2,
    title="Error rates together differ between groups",
    counts=by("protected", "label", "prediction"),
    tasks=("binary",),
    limit=Limit("equalized_odds_difference", better="lower", warn=0.05, fail=0.10),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11"),
    noisy=True,
)
def equalized_odds(counts: Counts, /, *, depth: int = 2, level: float = 0.95) -> Iterator[Measure]:
    """The wider of the gaps in true and false positive rate, the lower of their ratios, and the mean of the gaps.

    Equalized odds asks that both rates be equal (Hardt, Price & Srebro 2016). `equalized_odds_difference` and
    `equalized_odds_ratio` as Fairlearn defines them; `average_odds_difference` is the mean of the two gaps and has no
    sign. Intervals hold for both rates at once (Bonferroni), so that they are a little wider than needed.
    Unmeasured where either rate is. The rates themselves are in fairness.error_rates.
    """
    check_depth(depth)
    both = 1 - (1 - level) / 2
    tables = list(rates_by_group(counts, (TPR, FPR), depth=depth))
    for true, false in zip(tables[::2], tables[1::2], strict=True):
        gaps = [gap(true, level=both), gap(false, level=both)]
        ratios = [ratio(true, level=both), ratio(false, level=both)]
        yield joined("equalized_odds_difference", gaps, max, "wider of the gaps in tpr and fpr", level=level)
        yield joined("equalized_odds_ratio", ratios, min, "lower of the ratios of tpr and fpr", level=level)
        yield joined("average_odds_difference", gaps, fmean, "mean of the gaps in tpr and fpr", level=level)


def joined(
    name: str, parts: list[Measure], combine: Callable[[list[float]], float], method: str, /, *, level: float
) -> Measure:
    """The largest, smallest or mean of two comparisons whose intervals hold at once, with the interval that follows."""
    over = parts[0].over
    for part in parts:
        if part.value is None:
            return Measure(name, None, part.n, over=over, reason=part.reason, notes=part.notes)
    values = [value for part in parts if (value := part.value) is not None]
    bounds = [part.interval for part in parts if part.interval is not None]
    low, high = combine([b.low for b in bounds]), combine([b.high for b in bounds])
    value = combine(values)
    leading = parts[values.index(value)] if value in values else parts[0]
    return Measure(
        name,
        value,
        leading.n,
        over=over,
        groups=leading.groups if value in values else (),
        interval=Interval(low, high, level, f"{bounds[0].method}, Bonferroni"),
        method=method,
        notes=leading.notes,
    )
