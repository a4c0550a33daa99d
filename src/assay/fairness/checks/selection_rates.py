"""Whether one group is selected less often than another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.core.check import check
from assay.core.measure import Limit, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import (
    between_group_spread,
    check_depth,
    gap,
    group_differences,
    group_rates,
    overall_rate,
    ratio,
    shrunken_rates,
)
from assay.fairness.impact import impact_ratios, large_enough
from assay.fairness.rates import SELECTION_RATE, check_reference, rates_by_group


@check(
    "fairness.selection_rates",
    version=3,
    title="One group is selected less often",
    counts=by("protected", "prediction"),
    tasks=("binary",),
    limit=(
        Limit("selection_rate_ratio", better="higher", warn=0.8, fail=0.8),
        Limit("selection_rate_gap", better="lower", warn=0.05, fail=0.10),
    ),
    clauses=("29-cfr:1607.4(D)", "eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11", "ecoa:1002.6(a)"),
    noisy=True,
)
def selection_rates(
    counts: Counts,
    /,
    *,
    depth: int = 2,
    level: float = 0.95,
    reference: Mapping[str, str] | None = None,
    minimum_share: float = 0.0,
) -> Iterator[Measure]:
    """Share of favourable predictions by group, the widest gap and ratio, and the four-fifths rule.

    Needs predictions only. `selection_rate_gap` is highest minus lowest rate (demographic parity difference),
    `selection_rate_ratio` lowest over highest, `selection_rate_difference` a group minus the `reference` group of its
    attribute, or minus all other rows. Each attribute alone and crossed up to `depth` at a time; the missing value is a
    group of its own and compared like any other. Rows without prediction are in no denominator. Over three groups or
    more `selection_rate_shrunken` stands beside each raw rate (see fairness.error_rates).

    `impact_ratio` is each group's rate over the highest rate. 29 CFR 1607.4(D) takes a ratio under four fifths as
    evidence of adverse impact, and asks that the difference be statistically significant: `selection_rate_ratio` fails
    only where its whole interval lies under 0.8, and is inconclusive where the rows are too few to say. p-values by
    Fisher's exact or the two-proportion test, controlled over all groups and crossings. With `minimum_share`=0.02 the
    groups under two per cent of the rows, for which 29 CFR 1607.15(A)(2)(a) asks no determination, are named and left
    out of the ratios; by default none is. The limits on the gap (0.05, 0.10) are convention and no law's.
    """
    check_depth(depth)
    check_reference(counts, reference)
    yield overall_rate(counts, SELECTION_RATE, level=level)
    for table in rates_by_group(counts, (SELECTION_RATE,), depth=depth):
        yield from group_rates(table, level=level)
        yield from shrunken_rates(table, level=level)
        yield from group_differences(table, level=level, reference=reference)
        yield gap(table, level=level)
        yield between_group_spread(table, level=level)
        large = large_enough(table, minimum_share)
        yield ratio(large, level=level)
        yield from impact_ratios(large, level=level)
