"""What is said of rates over groups: each rate, its difference to others, the widest gap and ratio, the spread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from assay.core.errors import AssayError, Message
from assay.core.measure import Measure, Share, Slice
from assay.data.counts import Counts
from assay.fairness.rates import GroupRates, Rate, check_reference, missing_rows, rates_by_group, reference_place
from assay.fairness.words import (
    empty_denominator,
    left_out_groups,
    not_tested_singly,
    nothing_selected,
    pulled,
    too_few_groups,
    widened_by,
)
from assay.stats.gaps import omnibus, spread, widest_gap, widest_ratio
from assay.stats.rates import newcombe, wilson
from assay.stats.shrinkage import shrink
from assay.stats.tests import TestResult, fisher, two_proportions

SINGLED_OUT = 30
"""Over more groups than this no single group is tested against the rest; rates, gap, ratio and spread say it all."""
POOLED_FROM = 3
"""With fewer groups no rate is pulled towards the others."""
EXPECTED = 5.0
"""Fisher's exact test is used where an expected count is below this (Cochran 1954)."""


def compare(
    counts: Counts,
    rates: Sequence[Rate],
    /,
    *,
    depth: int,
    level: float,
    reference: Mapping[str, str] | None = None,
) -> Iterator[Measure]:
    """Every rate overall and by group; over each attribute and crossing the differences, gap, ratio and spread.

    Protected attributes alone and crossed up to `depth` at a time. The group of missing values is shown and
    compared like any other. `reference` maps an attribute to the group the others are subtracted from; without one
    each group is compared with all other rows.
    """
    check_depth(depth)
    check_reference(counts, reference)
    for rate in rates:
        yield overall_rate(counts, rate, level=level)
    for table in rates_by_group(counts, rates, depth=depth):
        yield from compare_groups(table, level=level, reference=reference)


def compare_groups(
    table: GroupRates, /, *, level: float, reference: Mapping[str, str] | None = None
) -> Iterator[Measure]:
    """All that is said of one rate over one set of groups."""
    yield from group_rates(table, level=level)
    yield from shrunken_rates(table, level=level)
    yield from group_differences(table, level=level, reference=reference)
    yield gap(table, level=level)
    yield ratio(table, level=level)
    yield between_group_spread(table, level=level)


def check_depth(depth: int, /) -> None:
    """Raise where `depth` is no number of attributes to cross."""
    if depth < 1:
        raise AssayError(f"depth {depth} crosses no attributes.", code="parameter", hint="Give 1 for no crossings.")


def overall_rate(counts: Counts, rate: Rate, /, *, level: float) -> Measure:
    """The rate over all rows."""
    whole = counts.marginal(*(dim.key for dim in counts.dims if dim.role != "protected"))
    share = whole.share(rate.of, rate.among)
    return rate_measure(rate, share, slice={}, level=level, notes=missing_rows(whole, rate.roles))


def rate_measure(
    rate: Rate, share: Share, /, *, slice: Slice, level: float, notes: tuple[Message, ...] = ()
) -> Measure:
    """One rate of one slice with Wilson's interval; unmeasured where the denominator is empty."""
    value = share.value
    return Measure(
        rate.name,
        value,
        share.rows,
        slice={**rate.within, **slice},
        interval=wilson(share, level=level) if value is not None else None,
        reason=empty_denominator(rate.name) if value is None else None,
        notes=notes,
    )


def group_rates(table: GroupRates, /, *, level: float) -> Iterator[Measure]:
    """The rate of every group, those without a denominator included."""
    for slice_, share in zip(table.slices, table.shares, strict=True):
        yield rate_measure(table.rate, share, slice=slice_, level=level)


def shrunken_rates(table: GroupRates, /, *, level: float) -> Iterator[Measure]:
    """`NAME_shrunken` of every group with a denominator: its rate pulled towards those of the others.

    Made by `stats.shrinkage`, to stand beside the raw rates, never in their place, and without a limit of its own.
    Nothing for fewer than three groups: a single difference cannot tell how far groups spread from how far samples do;
    and nothing where counts are noisy, as the beta-binomial knows nothing of that.
    """
    if len(table.filled) < POOLED_FROM or any(share.blur for share in table.shares):
        return
    found = shrink([table.shares[i] for i in table.filled], level=level)
    for i, one in zip(table.filled, found, strict=True):
        share = table.shares[i]
        yield Measure(
            f"{table.rate.name}_shrunken",
            one.value,
            share.rows,
            slice={**table.rate.within, **table.slices[i]},
            interval=one.interval,
            method=f"raw rate pulled towards those of {len(found)} groups",
            notes=(pulled(share.hits / share.total, one.weight),),
        )


def group_differences(
    table: GroupRates, /, *, level: float, reference: Mapping[str, str] | None = None
) -> Iterator[Measure]:
    """Each group's rate minus the reference group's, or minus that of all other rows; one family of tests.

    Nothing over more than `SINGLED_OUT` groups, and nothing for groups without a denominator.
    """
    if len(table.filled) < 2 or len(table.filled) > SINGLED_OUT:
        return
    place = reference_place(table, reference)
    for i in table.filled:
        other = table.rests[i] if place is None else table.shares[place]
        if i == place or other.total <= 0:
            continue
        share, test = table.shares[i], equal_rates(table.shares[i], other)
        interval = newcombe(share, other, level=level)
        yield Measure(
            f"{table.rate.name}_difference",
            share.hits / share.total - other.hits / other.total,
            (share.rows, other.rows),
            slice={**table.rate.within, **table.slices[i]},
            over=table.over,
            groups=(table.slices[i],) if place is None else (table.slices[i], table.slices[place]),
            interval=interval,
            p_value=test.p_value,
            family=f"{table.rate.name}_difference",
            method=f"group minus {'all other rows' if place is None else 'reference group'}; p: {test.method}",
        )


def equal_rates(a: Share, b: Share, /) -> TestResult:
    """The test that two rates are equal: Fisher's where counts are small and whole, else the pooled z test."""
    hits, total = a.hits + b.hits, a.total + b.total
    smallest = min(a.total, b.total) * min(hits, total - hits) / total
    whole = all(share.total == share.rows == share.effective for share in (a, b))
    return fisher(a, b) if whole and smallest < EXPECTED else two_proportions(a, b)


def gap(table: GroupRates, /, *, level: float) -> Measure:
    """Highest minus lowest rate, with the simultaneous interval and a test that all groups are equal."""
    name, filled = f"{table.rate.name}_gap", table.filled
    if len(filled) < 2:
        return uncompared(table, name)
    found = widest_gap(table.shares, level=level)
    test = omnibus(table.shares)
    notes = [*comparison_notes(table)]
    if found.widened_by is not None:
        notes.append(widened_by(table.slices[found.widened_by], table.shares[found.widened_by].rows))
    if len(filled) > SINGLED_OUT:
        notes.append(not_tested_singly(len(filled), SINGLED_OUT))
    return Measure(
        name,
        found.value,
        (table.shares[found.high].rows, table.shares[found.low].rows),
        slice=table.rate.within,
        over=table.over,
        groups=(table.slices[found.high], table.slices[found.low]),
        interval=found.interval,
        p_value=test.p_value,
        family=name,
        method=f"highest minus lowest of {len(filled)} groups; p: {test.method}",
        notes=tuple(notes),
    )


def ratio(table: GroupRates, /, *, level: float) -> Measure:
    """Lowest over highest rate, with the simultaneous interval; unmeasured where every rate is 0."""
    name, filled = f"{table.rate.name}_ratio", table.filled
    if len(filled) < 2:
        return uncompared(table, name)
    found = widest_ratio(table.shares, level=level)
    return Measure(
        name,
        found.value,
        (table.shares[found.low].rows, table.shares[found.high].rows),
        slice=table.rate.within,
        over=table.over,
        groups=(table.slices[found.low], table.slices[found.high]),
        interval=found.interval,
        method=f"lowest over highest of {len(filled)} groups",
        reason=nothing_selected() if found.value is None else None,
        notes=comparison_notes(table),
    )


def between_group_spread(table: GroupRates, /, *, level: float) -> Measure:
    """Standard deviation of the groups' true rates: unlike the gap it is not driven upwards by small groups."""
    name = f"{table.rate.name}_spread"
    usable = [i for i in table.filled if table.shares[i].effective > 1]
    if len(usable) < 2:
        return uncompared(table.only(usable), name)
    found = spread(table.shares, level=level)
    return Measure(
        name,
        found.value,
        sum(table.shares[i].rows for i in usable),
        slice=table.rate.within,
        over=table.over,
        interval=found.interval,
        method=f"de-biased standard deviation of {len(usable)} groups",
        notes=comparison_notes(table),
    )


def uncompared(table: GroupRates, name: str, /) -> Measure:
    """A comparison that is unmeasured: fewer than two groups have rows."""
    slices = [table.slices[i] for i in table.filled]
    rows = sum(table.shares[i].rows for i in table.filled)
    reason = too_few_groups(slices)
    return Measure(name, None, rows, slice=table.rate.within, over=table.over, reason=reason)


def comparison_notes(table: GroupRates, /) -> tuple[Message, ...]:
    """Which rows and groups a comparison leaves out."""
    empty = [slice_ for slice_, share in zip(table.slices, table.shares, strict=True) if share.total <= 0]
    return (*table.notes, *((left_out_groups(empty),) if empty else ()))
