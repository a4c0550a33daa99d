"""Impact ratios: each group's rate over that of the group with the highest rate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from assay.core.errors import AssayError, Message
from assay.core.measure import Interval, Measure, Share
from assay.fairness.comparisons import equal_rates
from assay.fairness.rates import GroupRates
from assay.fairness.words import group_names
from assay.stats.quantiles import studentised_range, two_sided_p
from assay.stats.rates import koopman


def large_enough(table: GroupRates, minimum_share: float, /) -> GroupRates:
    """The table without groups that hold less than `minimum_share` of the rows, with a note that names them."""
    if not 0 <= minimum_share < 1:
        raise AssayError(
            f"minimum_share {minimum_share} is no share of the rows.",
            code="parameter",
            hint="0.02 leaves out groups under two per cent; 0 leaves out none.",
        )
    least = minimum_share * table.whole.total
    small = [i for i in table.filled if table.shares[i].total < least]
    if not small:
        return table
    text = "under {share} of the rows and left out: {groups}"
    params = {"share": f"{minimum_share:.4g}", "groups": group_names([table.slices[i] for i in small])}
    kept = table.only([i for i in range(len(table.shares)) if i not in small])
    return replace(kept, notes=(*table.notes, Message("small-groups-left-out", text, params)))


def impact_ratios(table: GroupRates, /, *, level: float) -> Iterator[Measure]:
    """Every group's rate over the highest rate, with an interval that holds for all groups at once.

    Koopman's score interval at the studentised range, because the highest group was picked by looking; for two groups
    that is the plain interval. p-values compare each group with the highest one and form one family. Nothing where
    fewer than two groups have rows or every rate is 0.
    """
    places = table.filled
    rates = {i: table.shares[i].hits / table.shares[i].total for i in places}
    if len(places) < 2 or max(rates.values()) <= 0:
        return
    best = max(places, key=lambda i: (rates[i], table.shares[i].effective))
    top = table.shares[best]
    for i in places:
        share = table.shares[i]
        measure = Measure(
            "impact_ratio",
            rates[i] / rates[best],
            (share.rows, top.rows),
            slice={**table.rate.within, **table.slices[i]},
            over=table.over,
            groups=(table.slices[i], table.slices[best]),
            method=f"rate over the highest of {len(places)} groups",
            notes=table.notes,
        )
        if i == best:
            yield replace(measure, notes=(*table.notes, Message("highest-rate", "the group with the highest rate")))
            continue
        test = equal_rates(share, top)
        yield replace(
            measure,
            interval=_simultaneous(share, top, len(places), level),
            p_value=test.p_value,
            family="impact_ratio",
            method=f"{measure.method}; p: {test.method}",
        )


def _simultaneous(share: Share, top: Share, groups: int, level: float) -> Interval | None:
    z = studentised_range(level, groups) / math.sqrt(2)
    found = koopman(share, top, level=1 - two_sided_p(z))
    if found is None:
        return None
    method = found.method if groups == 2 else f"{found.method}, studentised range"
    return Interval(found.low, found.high, level, method)
