"""What is said of rates with unknown outcomes: both ends, the estimate with a slice, and the region of the gap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay.core.errors import Message
from assay.core.measure import Measure, Slice
from assay.data.counts import Counts
from assay.fairness.comparisons import rate_measure
from assay.fairness.rates import Rate
from assay.fairness.selective.composite import Between, plain
from assay.fairness.selective.ends import EVERY, RATES, Bounded, Ends, ends
from assay.fairness.selective.gaps import bounded_gap
from assay.fairness.selective.known import NAME, REJECTED, SELECTED, SLICE
from assay.fairness.selective.randomised import Tightened, tightened
from assay.fairness.words import empty_denominator, left_out_groups, left_out_rows, too_few_groups
from assay.stats.rates import wilson

OBSERVED = Rate("observed_rate", {NAME: (*SELECTED, *REJECTED)}, {NAME: EVERY})
RANDOMISED = Rate("randomised_rate", {NAME: tuple(k for k in EVERY if k.startswith(SLICE))}, {NAME: EVERY})
NOT_IDENTIFIED = Message(
    "not-identified",
    "the region is as wide as outcomes that nobody saw make it: more rows of this kind narrow it little",
)
"""Note of a number that no number of rows would settle."""


@dataclass(frozen=True)
class Found:
    """One rate of one slice: its ends, and with a randomised slice what that leaves open.

    `rows` are those in the denominator, or all with a prediction where the denominator depends on unknown outcomes.
    """

    rate: Bounded
    slice: Slice
    ends: Ends
    tightened: Tightened | None
    rows: int

    @property
    def between(self) -> Between | None:
        """What the gap is made from: the estimate where there is one, else ends; None for an empty denominator."""
        if self.tightened is not None:
            return self.tightened.between
        return Between(plain(self.ends.low), plain(self.ends.high)) if self.ends.defined else None


def find(counts: Counts, rate: Bounded, slice: Slice, /, *, drawn_from: str | None) -> Found:
    """What `counts` (by `known` alone) say of `rate`; `drawn_from` is None without a randomised slice."""
    both = ends(counts, rate)
    made = tightened(counts, rate, both, drawn_from=drawn_from) if drawn_from and both.defined else None
    rows = both.low.rows if rate.low[1] == rate.high[1] else counts.share({}, {NAME: EVERY}).rows
    return Found(rate, slice, both, made, rows)


def measures_of(found: Found, /, *, level: float) -> Iterator[Measure]:
    """`NAME_lowest`, `NAME_highest`, and with a slice `NAME`."""
    name = found.rate.name
    for end, share in (("lowest", found.ends.low), ("highest", found.ends.high)):
        yield Measure(
            f"{name}_{end}",
            share.value,
            share.rows,
            slice=found.slice,
            interval=wilson(share, level=level) if found.ends.defined else None,
            reason=None if found.ends.defined else empty_denominator(name),
            method="over every completion of the unknown outcomes",
        )
    made = found.tightened
    if made is None:
        return
    one = made.between.low
    yield Measure(
        name,
        one.value if made.reason is None else None,
        found.rows,
        slice=found.slice,
        interval=one.interval(level) if made.reason is None else None,
        reason=made.reason,
        method="the randomised slice stands for unknown outcomes, within group and prediction",
    )


def all_measures(counts: Counts, /, *, depth: int, level: float, drawn_from: str | None) -> Iterator[Measure]:
    """Every rate overall, by group and by crossing of up to `depth` attributes, and its gaps.

    `counts` are by protected attributes and `known`.
    """
    whole = counts.marginal(NAME)
    missing = sum(n for levels, n in whole if levels[NAME] is None)
    notes = (left_out_rows(missing, "prediction"),) if missing else ()
    yield from _shares(whole, {}, level=level, drawn=drawn_from is not None, notes=notes)
    for rate in RATES:
        yield from measures_of(find(whole, rate, {}, drawn_from=drawn_from), level=level)
    for over in counts.groupings(depth=depth):
        groups = counts.groups(over)
        for group in groups:
            yield from _shares(group.counts, group.slice, level=level, drawn=drawn_from is not None)
        for rate in RATES:
            found = [find(group.counts, rate, group.slice, drawn_from=drawn_from) for group in groups]
            for one in found:
                yield from measures_of(one, level=level)
            yield from gap_measures(found, over, level=level)


def _shares(
    counts: Counts, slice: Slice, *, level: float, drawn: bool, notes: tuple[Message, ...] = ()
) -> Iterator[Measure]:
    for rate in (OBSERVED, RANDOMISED) if drawn else (OBSERVED,):
        yield rate_measure(rate, counts.share(rate.of, rate.among), slice=slice, level=level, notes=notes)


def gap_measures(found: Sequence[Found], over: tuple[str, ...], /, *, level: float) -> Iterator[Measure]:
    """`NAME_gap_lowest` and `NAME_gap_highest` with the interval of the whole region; groups without rows named."""
    name = found[0].rate.name
    usable = [i for i, one in enumerate(found) if one.between is not None]
    between = [made for one in found if (made := one.between) is not None]
    if len(usable) < 2:
        reason, n = too_few_groups([found[i].slice for i in usable]), sum(found[i].rows for i in usable)
        for end in ("lowest", "highest"):
            yield Measure(f"{name}_gap_{end}", None, n, over=over, reason=reason)
        return
    gap = bounded_gap(between, level=level)
    empty = [one.slice for one in found if one.between is None]
    notes = [left_out_groups(empty)] if empty else []
    if gap.highest > gap.lowest:
        notes.append(NOT_IDENTIFIED)
    for end, value, pair in (("lowest", gap.lowest, gap.apart), ("highest", gap.highest, gap.leading)):
        first, second = (usable[i] for i in pair)
        yield Measure(
            f"{name}_gap_{end}",
            value,
            (found[first].rows, found[second].rows),
            over=over,
            groups=(found[first].slice, found[second].slice),
            interval=gap.interval,
            method=f"over {len(usable)} groups and every completion of the outcomes that nothing stands for",
            notes=tuple(notes),
        )
