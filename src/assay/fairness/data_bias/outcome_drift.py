"""How the share of favourable labels of each group moved over time, and whether groups moved apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Measure, Share, Slice
from assay.fairness.comparisons import rate_measure
from assay.fairness.data_bias.case_rows import CaseRows, Floats, Grouping
from assay.fairness.data_bias.names import free_name
from assay.fairness.data_bias.periods import Periods, Times, periods_of
from assay.fairness.data_bias.slopes import Slope, slope, uncertainty
from assay.fairness.rates import BASE_RATE
from assay.fairness.words import left_out_rows, too_few_groups
from assay.stats.weighted import share_of, sums_of_rows

SHOWN = 48
"""Most periods whose rates are shown by group; more are only in the trend."""
Mask = NDArray[np.bool_]
DIFFERENCE = "base_rate_trend_difference"


def drift(
    rows: CaseRows, label: Floats, times: Times, /, *, period: str, depth: int, level: float
) -> Iterator[Measure]:
    """Rates by period and trends, overall and by group, and the differences of the groups' trends."""
    known = np.isfinite(label) & np.isfinite(times.years)
    periods = periods_of(times, known, period=period)
    codes = np.full(len(known), -1, dtype=np.int64)
    codes[known] = periods.codes
    missing = len(known) - int(known.sum())
    notes = (*rows.notes, *((left_out_rows(missing, "a time or a label"),) if missing else ()))
    yield _trend(rows, label, times, known, {}, level=level, notes=notes)
    yield from _rates(rows, label, codes, periods, known, {}, level=level)
    for grouping in rows.groupings(depth=depth):
        for group, slice_ in enumerate(grouping.slices):
            member = known & (grouping.codes == group)
            yield _trend(rows, label, times, member, slice_, level=level)
            yield _trend_difference(rows, label, times, known, member, grouping, slice_, level=level)
            yield from _rates(rows, label, codes, periods, member, slice_, level=level)


def _rates(
    rows: CaseRows,
    label: Floats,
    codes: NDArray[np.int64],
    periods: Periods,
    member: Mask,
    slice_: Slice,
    /,
    *,
    level: float,
) -> Iterator[Measure]:
    if len(periods.names) > SHOWN:
        return
    key = free_name("period", rows.protected)
    for code, name in enumerate(periods.names):
        share = _share(rows, label, member & (codes == code))
        yield rate_measure(BASE_RATE, share, slice={**slice_, key: name}, level=level)


def _share(rows: CaseRows, label: Floats, used: Mask) -> Share:
    n, y = int(used.sum()), label[used]
    weights = None if rows.weights is None else rows.weights[used]
    units = None if rows.units is None else rows.units[used]
    if weights is None and units is None:
        return Share(float(y.sum()), float(n), n, float(n))
    if weights is not None and rows.frequency and units is None:
        total = float(weights.sum())
        return Share(float((weights * y).sum()), total, int(total), total)
    return share_of(sums_of_rows(y, np.ones(n), weights=weights, units=units), rows=n)


def _slope(rows: CaseRows, label: Floats, times: Times, used: Mask) -> Slope | None:
    """The trend of the rows `used`, with a term for every row of the Case."""
    # Counted from the first row used, so that the squares of years stay small.
    years = times.years[used] - (times.years[used].min() if used.any() else 0.0)
    weights = None if rows.weights is None else rows.weights[used]
    strata = np.zeros(int(used.sum()), dtype=np.int64)
    found = slope(label[used], years, strata=strata, weights=weights, frequency=rows.frequency)
    if found is None or len(strata) < 3:
        return None
    terms = np.zeros(len(used))
    terms[used] = found.terms
    return Slope(found.value, terms)


def _one_time() -> Message:
    return Message("one-time", "a trend needs three rows, not all of one time")


def _trend(
    rows: CaseRows,
    label: Floats,
    times: Times,
    member: Mask,
    slice_: Slice,
    /,
    *,
    level: float,
    notes: tuple[Message, ...] = (),
) -> Measure:
    name, n, found = "base_rate_trend", int(member.sum()), _slope(rows, label, times, member)
    if found is None:
        return Measure(name, None, n, slice=slice_, reason=_one_time(), notes=notes)
    sure = uncertainty(found.value, found.terms, member, spent=2, units=rows.units, level=level)
    method = "least squares on time, change of the rate per year"
    return Measure(name, found.value, n, slice=slice_, interval=sure.interval, method=method, notes=notes)


def _trend_difference(
    rows: CaseRows,
    label: Floats,
    times: Times,
    known: Mask,
    member: Mask,
    grouping: Grouping,
    slice_: Slice,
    /,
    *,
    level: float,
) -> Measure:
    others = known & ~member
    n = int(member.sum()), int(others.sum())
    mine, theirs = _slope(rows, label, times, member), _slope(rows, label, times, others)
    if mine is None or theirs is None:
        reason = _one_time() if min(n) > 0 else too_few_groups([slice_])
        return Measure(DIFFERENCE, None, n, slice=slice_, over=grouping.over, reason=reason)
    value, terms = mine.value - theirs.value, mine.terms - theirs.terms
    sure = uncertainty(value, terms, member, spent=2, units=rows.units, level=level)
    return Measure(
        DIFFERENCE,
        value,
        n,
        slice=slice_,
        over=grouping.over,
        groups=(slice_,),
        interval=sure.interval,
        p_value=sure.p_value,
        family=DIFFERENCE,
        method="trend of the group minus that of all others, per year",
    )
