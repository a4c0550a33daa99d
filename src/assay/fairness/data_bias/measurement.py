"""Whether a feature means the same in every group: its missing values, and what it says of the label."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from assay.core.measure import Measure
from assay.data.coding import Favourable
from assay.data.counts import Counts
from assay.fairness.comparisons import gap, group_differences, group_rates
from assay.fairness.rates import BASE_RATE, Rate, rates_by_group
from assay.fairness.stratified import pooled_differences


def missing_shares(counts: Counts, /, *, depth: int, level: float) -> Iterator[Measure]:
    """`missing_share` by group, its differences and the widest gap; nothing where the feature is never missing."""
    feature = counts.dim("feature")
    if None not in feature.levels:
        return
    rate = Rate("missing_share", {"feature": None}, {}, within={"feature": feature.name})
    alone = counts.marginal("protected", "feature")
    for table in rates_by_group(alone, (rate,), depth=depth):
        # Here a missing value is what is counted; no row is left out for it.
        table = replace(table, notes=())
        yield from group_rates(table, level=level)
        yield from group_differences(table, level=level)
        yield gap(table, level=level)


def label_differences(counts: Counts, /, *, depth: int, level: float) -> Iterator[Measure]:
    """`label_difference_at_feature` of every group; nothing where there is no binary label."""
    if not counts.has("label") or not isinstance(counts.dim("label").coding, Favourable):
        return
    name = counts.dim("feature").name
    found = pooled_differences(
        counts,
        BASE_RATE,
        "feature",
        "label_difference_at_feature",
        depth=depth,
        level=level,
        alike="with the same value",
    )
    for measure in found:
        yield replace(measure, slice={"feature": name, **measure.slice})
