"""Numbers by group that are no shares (an AUC, a mean, a balanced accuracy), and the widest gap between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from assay.core.errors import Message
from assay.core.measure import Interval, Measure, Slice
from assay.data.counts import Counts
from assay.fairness.rates import missing_rows
from assay.fairness.words import left_out_groups, too_few_groups, widened_by
from assay.stats.gaps import spread_of_means, widest_gap_of_means


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number about the rows of one slice. A comparison needs its `error`, the standard error.

    `rows` are those it is about, `effective` how many independent rows carry as much. `value=None` needs a `reason`.
    """

    value: float | None
    rows: int
    effective: float = 0.0
    interval: Interval | None = None
    error: float | None = None
    method: str = ""
    reason: Message | None = None
    notes: tuple[Message, ...] = ()

    def measure(self, name: str, slice: Slice, /) -> Measure:
        """The Measure `name` of `slice`."""
        return Measure(
            name,
            self.value,
            self.rows,
            slice=slice,
            interval=self.interval,
            method=self.method,
            reason=self.reason,
            notes=self.notes,
        )


def compare_estimates(
    counts: Counts,
    name: str,
    estimate: Callable[[Counts], Estimate],
    /,
    *,
    depth: int,
    level: float,
    widest: float = math.inf,
) -> Iterator[Measure]:
    """`name` overall and by group, then `name_gap` and `name_spread` over each attribute and crossing.

    `estimate` is given Counts without protected dimensions. Groups without a standard error are shown, left out of
    the comparison and named. `widest` is the widest gap there can be. Rows with a missing value are counted in a note
    on the overall number.
    """
    rest = [dim for dim in counts.dims if dim.role != "protected"]
    whole = counts.marginal(*(dim.key for dim in rest))
    overall = estimate(whole)
    missing = missing_rows(whole, [dim.role for dim in rest])
    yield replace(overall, notes=(*overall.notes, *missing)).measure(name, {})
    for over in counts.groupings(depth=depth):
        groups = counts.groups(over)
        found = [estimate(group.counts) for group in groups]
        slices = [group.slice for group in groups]
        yield from (one.measure(name, slice_) for slice_, one in zip(slices, found, strict=True))
        yield from compared(name, over, slices, found, level=level, widest=widest)


def compared(
    name: str,
    over: tuple[str, ...],
    slices: Sequence[Slice],
    found: Sequence[Estimate],
    /,
    *,
    level: float,
    widest: float,
) -> Iterator[Measure]:
    """`name_gap` and `name_spread` of the groups that have a standard error."""
    usable = [i for i, one in enumerate(found) if one.value is not None and one.error is not None]
    left_out = [slices[i] for i in range(len(slices)) if i not in usable]
    notes = (left_out_groups(left_out),) if left_out else ()
    rows = sum(found[i].rows for i in usable)
    if len(usable) < 2:
        reason = too_few_groups([slices[i] for i in usable])
        for kind in ("gap", "spread"):
            yield Measure(f"{name}_{kind}", None, rows, over=over, reason=reason, notes=notes)
        return
    values = [value for i in usable if (value := found[i].value) is not None]
    errors = [error for i in usable if (error := found[i].error) is not None]
    gap = widest_gap_of_means(values, errors, [found[i].effective for i in usable], level=level)
    high, low = usable[gap.high], usable[gap.low]
    small = () if gap.widened_by is None else (usable[gap.widened_by],)
    yield Measure(
        f"{name}_gap",
        gap.value,
        (found[high].rows, found[low].rows),
        over=over,
        groups=(slices[high], slices[low]),
        interval=replace(gap.interval, high=min(gap.interval.high, max(widest, gap.value))),
        method=f"highest minus lowest of {len(usable)} groups",
        notes=(*notes, *(widened_by(slices[i], found[i].rows) for i in small)),
    )
    spread = spread_of_means(values, errors, level=level)
    yield Measure(
        f"{name}_spread",
        spread.value,
        rows,
        over=over,
        interval=spread.interval,
        method=f"de-biased standard deviation of {len(usable)} groups",
        notes=notes,
    )
