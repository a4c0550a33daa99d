"""One number overall, in every group and every intersection, and the widest gap between groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from assay.core.errors import Message
from assay.core.measure import Interval, Measure, Share, Slice
from assay.data.counts import Counts
from assay.stats.gaps import Gap, widest_gap, widest_gap_of_means
from assay.stats.moments import mean
from assay.stats.rates import wilson

T = TypeVar("T")
IN_NOISE = Message("drowned", "the noise in the counts is about as large as the counts themselves")
"""Why a number of counts that were released with noise is left out."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number about the rows of one slice, with what a Measure and a comparison of groups need.

    A rate carries its `share`, any other number its `standard_error` where it has one. `value=None` needs a `reason`.
    """

    value: float | None
    n: int
    interval: Interval | None = None
    share: Share | None = None
    standard_error: float | None = None
    method: str = ""
    reason: Message | None = None
    notes: tuple[Message, ...] = ()
    exact: bool = False

    @property
    def comparable(self) -> bool:
        """True when another group's number can be held against this one with an interval."""
        return self.value is not None and (self.share is not None or self.standard_error is not None)

    def measure(self, name: str, slice: Slice, /) -> Measure:
        """The Measure `name` of `slice`."""
        return Measure(
            name,
            self.value,
            self.n,
            slice=slice,
            interval=self.interval,
            method=self.method,
            reason=self.reason,
            notes=self.notes,
            exact=self.exact,
        )


def absent(n: int, what: str, /) -> Estimate:
    """No number, because the slice has no rows with `what`."""
    return Estimate(None, n, reason=Message("empty-denominator", "no rows with {what} in this slice", {"what": what}))


def rate(share: Share, what: str, /, *, level: float) -> Estimate:
    """The share with its Wilson interval; absent where there are no rows with `what` to be a share of."""
    if share.value is None:
        return absent(share.rows, what)
    return Estimate(share.value, share.rows, wilson(share, level=level), share=share)


def average(
    total: float, squares: float, weight: float, effective: float, rows: int, what: str, /, *, level: float
) -> Estimate:
    """The mean of a quantity from Σw·v, Σw·v² and Σw, with Student's interval on `effective` rows.

    Weights and repeated units enter through Kish's effective n, (Σw)²/Σ(w of a unit)², which takes the rows of a
    unit to be alike and so errs to the wide side (Kish 1965, Survey Sampling, section 11.7).
    """
    if weight <= 0:
        return absent(rows, what)
    found = mean(total, squares, weight, level=level, effective=effective)
    return Estimate(found.value, rows, found.interval, standard_error=found.standard_error)


@dataclass(frozen=True, slots=True)
class Quantity(Generic[T]):
    """A named number that `of` finds in the rows of one slice; `gap` says whether groups are compared by it.

    `widest` is the widest gap there can be.
    """

    name: str
    of: Callable[[T], Estimate]
    gap: bool = True
    widest: float = math.inf


Groups = Mapping[tuple[str, ...], Sequence[tuple[Slice, T]]]
"""Attributes -> the groups they make, each with its rows."""


def over(counts: Counts, /, *roles: str) -> Counts:
    """Rows and weights of `counts` over those of the `roles` that it has."""
    return counts.marginal(*(role for role in roles if counts.has(role))).with_sums()


def groups_of(counts: Counts, /) -> Groups[Counts]:
    """Every protected attribute and every pair of them, each with its groups."""
    return {
        attributes: [(group.slice, group.counts) for group in counts.groups(attributes)]
        for attributes in counts.groupings()
    }


def disaggregate(
    quantities: Sequence[Quantity[T]], overall: T, groups: Groups[T], /, *, level: float
) -> Iterator[Measure]:
    """Each quantity overall, by group, and as `NAME_gap`: the widest gap over the groups of each attribute."""
    for quantity in quantities:
        yield quantity.of(overall).measure(quantity.name, {})
    for attributes, members in groups.items():
        for quantity in quantities:
            found = [(slice_, quantity.of(rows)) for slice_, rows in members]
            yield from (estimate.measure(quantity.name, slice_) for slice_, estimate in found)
            if quantity.gap:
                yield _widest(quantity, attributes, found, level)


def _widest(
    quantity: Quantity[T], over: tuple[str, ...], found: Sequence[tuple[Slice, Estimate]], level: float
) -> Measure:
    name = f"{quantity.name}_gap"
    known = [(slice_, estimate) for slice_, estimate in found if estimate.comparable]
    notes: list[Message] = []
    if left_out := len(found) - len(known):
        words = "{count} of {groups} groups have no number to compare and are left out"
        notes.append(Message("groups-left-out", words, {"count": left_out, "groups": len(found)}))
    if len(known) < 2:
        reason = Message("one-group", "fewer than two groups have a number to compare")
        return Measure(name, None, sum(e.n for _, e in known), over=over, reason=reason, notes=tuple(notes))
    gap = _gap([estimate for _, estimate in known], level)
    if gap.widened_by is not None:
        words = "the group {group} has few rows ({rows}) and widens the interval"
        slice_, estimate = known[gap.widened_by]
        group = ", ".join("missing" if value is None else value for value in slice_.values())
        notes.append(Message("widened-by", words, {"group": group, "rows": estimate.n}))
    (high, a), (low, b) = known[gap.high], known[gap.low]
    interval = replace(gap.interval, high=min(gap.interval.high, quantity.widest))
    return Measure(name, gap.value, (a.n, b.n), over=over, groups=(high, low), interval=interval, notes=tuple(notes))


def _gap(estimates: Sequence[Estimate], level: float) -> Gap:
    shares = [e.share for e in estimates if e.share is not None]
    if len(shares) == len(estimates):
        return widest_gap(shares, level=level)
    return widest_gap_of_means(
        [e.value or 0.0 for e in estimates],
        [e.standard_error or 0.0 for e in estimates],
        [e.n for e in estimates],
        level=level,
    )
