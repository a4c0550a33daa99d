"""The tables that New York City's Local Law 144 asks for (6 RCNY 5-301)."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.errors import AssayError, Message
from assay.core.measure import Measure
from assay.data.counts import Counts
from assay.fairness.comparisons import check_depth, group_rates, overall_rate
from assay.fairness.impact import impact_ratios, large_enough
from assay.fairness.rates import GroupRates, Rate, rates_by_group

MOST_EXCLUDED = 0.02
"""A category may be left out where it is less than this share of the data (5-301(d))."""


def audit(counts: Counts, rate: Rate, /, *, depth: int, level: float, exclude_under: float) -> Iterator[Measure]:
    """`rate` and `impact_ratio` of every known category, and `unknown_rows`, over each attribute and crossing."""
    check_depth(depth)
    if not 0 <= exclude_under <= MOST_EXCLUDED:
        raise AssayError(
            f"exclude_under {exclude_under} is not between 0 and {MOST_EXCLUDED}.",
            code="parameter",
            hint="The rule lets an auditor leave out categories under two per cent of the data.",
        )
    yield overall_rate(counts, rate, level=level)
    for table in rates_by_group(counts, (rate,), depth=depth):
        known = [i for i, slice_ in enumerate(table.slices) if None not in slice_.values()]
        categories = table.only(known)
        yield from group_rates(categories, level=level)
        yield from impact_ratios(large_enough(categories, exclude_under), level=level)
        yield unknown_rows(table, known)


def unknown_rows(table: GroupRates, known: list[int], /) -> Measure:
    """How many assessed people are in no category of these attributes; not known of counts by declared categories."""
    if table.whole.blur is not None:
        words = "counts that are published with noise leave out rows without a declared category"
        return Measure("unknown_rows", None, 0, over=table.over, reason=Message("not-declared", words))
    unknown = sum(share.rows for i, share in enumerate(table.shares) if i not in known)
    rows = table.whole.rows
    return Measure("unknown_rows", float(unknown), rows, over=table.over, method="rows without a category", exact=True)
