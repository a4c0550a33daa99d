"""Which measures of fairness cannot hold together on these numbers, because base rates differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from assay.core.check import check
from assay.core.measure import Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import check_depth, gap, group_rates, overall_rate
from assay.fairness.estimates import Estimate, compared
from assay.fairness.rates import BASE_RATE, KNOWN, GroupRates, missing_rows, rates_by_group
from assay.fairness.tradeoffs.implied import Confusion, fpr_of, selection_of
from assay.fairness.tradeoffs.sentences import NOT_TWO_GROUPS, conflict, too_few_labels

IMPLIED = {"fpr_implied": fpr_of, "selection_rate_implied": selection_of}


@check(
    "fairness.incompatibility",
    version=2,
    title="Not all measures of fairness can hold together here",
    counts=by("protected", "label", "prediction"),
    tasks=("binary",),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11", "nist-ai-rmf:map-2.3"),
)
def incompatibility(counts: Counts, /, *, depth: int = 2, level: float = 0.95) -> Iterator[Measure]:
    """Base rates by group with a test that they are equal, and what equality of some rates would make of others.

    Where base rates differ, equal meaning of a prediction (predictive parity; calibration, for scores) and equal error
    rates (equalized odds) exclude each other, but for a model without error (Chouldechova 2017, Big Data 5:153, eq.
    2.6; Kleinberg, Mullainathan & Raghavan 2017, ITCS, theorem 1.1), and so do equal selection rates and equal error
    rates, but for a model whose predictions tell nothing (Barocas, Hardt & Narayanan 2023, ch. 3). How much, on these
    numbers:

    `fpr_implied` is the false positive rate a group would have with the positive predictive value and the false
    negative rate of all rows, p / (1 - p) (1 - PPV) / PPV (1 - FNR), p its base rate; above 1, no predictions can have
    them. `selection_rate_implied` is the selection rate with the true and false positive rate of all rows. `_gap` is
    the widest gap that follows, with an interval that holds over all groups, slightly too wide because all groups share
    the rates of all rows; `base_rate_gap` carries the test that base rates are equal.

    It describes what any policy has to choose between, so no limit is declared. Each protected attribute alone and
    crossed up to `depth` at a time. Only rows with label and prediction count. Groups with fewer than ten labels of
    either kind are shown, but not compared.
    """
    check_depth(depth)
    missing = missing_rows(counts.marginal("label", "prediction"), ("label", "prediction"))
    known = counts.where({"label": KNOWN, "prediction": KNOWN})
    overall = Confusion.of(known)
    yield replace(overall_rate(known, BASE_RATE, level=level), notes=missing)
    for name, implied in IMPLIED.items():
        yield implied(overall, overall, level=level).measure(name, {})
    for table in rates_by_group(known, (BASE_RATE,), depth=depth):
        yield from group_rates(table, level=level)
        base = gap(table, level=level)
        yield base
        groups = [Confusion.of(group.counts) for group in known.groups(table.over)]
        for name, implied in IMPLIED.items():
            found = [implied(one, overall, level=level) for one in groups]
            yield from (one.measure(name, slice_) for slice_, one in zip(table.slices, found, strict=True))
            few = [i for i, one in enumerate(groups) if not one.enough]
            widest = implied_gap(name, table, found, few, level=level)
            yield replace(widest, notes=(*conflict(name, base, widest, table, found, overall), *widest.notes))


def implied_gap(
    name: str, table: GroupRates, found: Sequence[Estimate], few: Sequence[int], /, *, level: float
) -> Measure:
    """The widest gap of the implied rates `found` of all groups but those at `few`, which are named."""
    kept = [i for i in range(len(found)) if i not in few]
    notes = (too_few_labels([table.slices[i] for i in few]),) if few else ()
    if len(kept) < 2:
        rows = sum(found[i].rows for i in kept)
        return Measure(f"{name}_gap", None, rows, over=table.over, reason=NOT_TWO_GROUPS, notes=notes)
    slices, estimates = [table.slices[i] for i in kept], [found[i] for i in kept]
    widest, _ = compared(name, table.over, slices, estimates, level=level, widest=math.inf)
    return replace(widest, notes=(*widest.notes, *notes))
