"""Whether some class is given, found or wrongly given more often in one group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

from assay.core.check import check
from assay.core.errors import AssayError, Message
from assay.core.measure import Limit, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import check_depth, gap, group_rates, overall_rate, shrunken_rates
from assay.fairness.estimates import compare_estimates
from assay.fairness.multiclass.one_vs_rest import Classes, macro, widest_over_classes, worst_class
from assay.fairness.rates import GroupRates, Rate, rates_by_group

NO_LABEL = Message("no-label", "no column is given as label (the true outcome)")


@check(
    "fairness.multiclass_rates",
    version=3,
    title="Some class is given or found more often in one group",
    counts=by("protected", "prediction", "label?"),
    tasks=("multiclass",),
    limit=tuple(
        Limit(f"{name}_gap", better="lower", warn=0.05, fail=0.10) for name in ("selection_rate", "tpr", "fpr")
    ),
    clauses=("eu-ai-act:10(2)(f)", "eu-ai-act:15(1)", "nist-ai-rmf:measure-2.11"),
)
def multiclass_rates(counts: Counts, /, *, depth: int = 2, level: float = 0.95, classes: int = 20) -> Iterator[Measure]:
    """Selection rate, TPR and FPR of each class against all others by group, their widest gaps, mean and worst class.

    Of a class c: `selection_rate` is the share predicted c, `tpr` the share of label c that is predicted c, `fpr`
    the share of other labels that is. `_shrunken` beside each is as in fairness.error_rates. None of the classes is
    the good one: a gap in either direction may harm. The gaps of all classes, attributes and crossings (up to
    `depth`) are one family of tests.

    Over the classes: `macro_tpr` (balanced accuracy) and `macro_fpr` are plain means over all of them, with gap and
    spread; `worst_class_tpr` is the lowest of the classes shown, and `worst_class_tpr_gap`, `_fpr_gap`,
    `_selection_rate_gap` the widest gap of any class, with intervals that hold over the classes. A group without rows
    of some class has no macro rate.

    At most `classes` classes are shown, those with the most rows; the means are over all. Without labels the
    selection rates alone. The limits (0.05, 0.10) are convention and no law's.
    """
    check_depth(depth)
    if classes < 2:
        raise AssayError(f"{classes} classes are none to compare.", code="parameter", hint="Give at least 2.")
    named = Classes.of(counts, most=classes)
    labelled = counts.has("label")
    rates = named.rates(labelled=labelled)
    for rate in rates:
        yield overall_rate(counts, rate, level=level)
    tables = list(rates_by_group(counts, rates, depth=depth))
    for table in tables:
        yield from group_rates(table, level=level)
        yield from shrunken_rates(table, level=level)
        yield gap(table, level=level)
    yield from _widest(tables, level)
    if not labelled:
        yield Measure("macro_tpr", None, 0, reason=NO_LABEL)
        return
    for name in ("tpr", "fpr"):
        yield from compare_estimates(
            counts,
            f"macro_{name}",
            partial(macro, classes=named, rate=name, level=level),
            depth=depth,
            level=level,
            widest=1.0,
        )
    yield from _worst(counts, [rate for rate in rates if rate.name == "tpr"], depth=depth, level=level)


def _widest(tables: Sequence[GroupRates], level: float) -> Iterator[Measure]:
    """The widest gap over the classes, for each rate over each set of attributes."""
    ordered = sorted(tables, key=lambda table: (table.over, table.rate.name))
    for _, same in groupby(ordered, key=lambda table: (table.over, table.rate.name)):
        yield widest_over_classes(list(same), level=level)


def _worst(counts: Counts, rates: Sequence[Rate], *, depth: int, level: float) -> Iterator[Measure]:
    yield worst_class(counts.marginal("label", "prediction"), rates, {}, level=level)
    for over in counts.groupings(depth=depth):
        for group in counts.groups(over):
            yield worst_class(group.counts, rates, group.slice, level=level)
