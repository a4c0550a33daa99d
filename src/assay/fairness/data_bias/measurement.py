"""Whether a feature means the same in every group: its missing values, and what it says of the label."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Interval, Measure, Slice
from assay.data.coding import Favourable
from assay.data.counts import Counts
from assay.fairness.comparisons import gap, group_differences, group_rates
from assay.fairness.data_bias.names import feature_key
from assay.fairness.rates import BASE_RATE, Rate, rates_by_group
from assay.fairness.stratified import pooled_differences
from assay.stats.auc import AUC, auc
from assay.stats.quantiles import two_sided, two_sided_p

VALIDITY = "label_auc_difference"
LEAST = 10
"""Fewest favourable and fewest other labels on each side for the normal law of an AUC to be near."""


def missing_shares(counts: Counts, /, *, depth: int, level: float) -> Iterator[Measure]:
    """`missing_share` by group, its differences and the widest gap; nothing where the feature is never missing."""
    feature = counts.dim("feature")
    if None not in feature.levels:
        return
    rate = Rate("missing_share", {"feature": None}, {}, within={feature_key(counts): feature.name})
    alone = counts.marginal("protected", "feature")
    for table in rates_by_group(alone, (rate,), depth=depth):
        # Here a missing value is what is counted; no row is left out for it.
        table = replace(table, notes=())
        yield from group_rates(table, level=level)
        yield from group_differences(table, level=level)
        yield gap(table, level=level)


def label_differences(counts: Counts, /, *, depth: int, level: float) -> Iterator[Measure]:
    """`label_difference_at_feature` of every group; nothing where there is no binary label."""
    if not has_binary_label(counts):
        return
    key, name = feature_key(counts), counts.dim("feature").name
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
        yield replace(measure, slice={key: name, **measure.slice})


def has_binary_label(counts: Counts, /) -> bool:
    """True where labels are favourable or not."""
    return counts.has("label") and isinstance(counts.dim("label").coding, Favourable)


def validity_differences(counts: Counts, /, *, depth: int, level: float) -> Iterator[Measure]:
    """`label_auc_difference` of every group; nothing where the feature holds no numbers or the label is not binary."""
    places = _places(counts)
    if not has_binary_label(counts) or len(places) < 2:
        return
    known = counts.marginal("protected", "feature", "label").where({"feature": tuple(places), "label": ("0", "1")})
    whole = known.marginal("feature", "label")
    named: Slice = {feature_key(counts): counts.dim("feature").name}
    for over in known.groupings(depth=depth):
        for group in known.groups(over):
            yield _validity_difference(
                group.counts, whole - group.counts, places, named, group.slice, over, level=level
            )


def _places(counts: Counts) -> dict[str, int]:
    """Each level of the feature that is a number, or a bin of numbers, with its rank; empty where another level is."""
    levels = [level for level in counts.dim("feature").levels if level is not None]
    try:
        numbers = {level: float(level) for level in levels}
    except ValueError:
        return {}
    if not all(map(math.isfinite, numbers.values())):
        return {}
    return {level: place for place, level in enumerate(sorted(levels, key=numbers.__getitem__))}


def _validity_difference(
    group: Counts,
    others: Counts,
    places: dict[str, int],
    named: Slice,
    slice_: Slice,
    over: tuple[str, ...],
    /,
    *,
    level: float,
) -> Measure:
    shown: Slice = {**named, **slice_}
    n = group.n, others.n
    mine, theirs = _area(group, places, level=level), _area(others, places, level=level)
    if mine is None or theirs is None:
        text = "the group and all others need {least} favourable and {least} other labels each"
        return Measure(
            VALIDITY, None, n, slice=shown, over=over, reason=Message("too-few-rows", text, {"least": LEAST})
        )
    value = mine.value - theirs.value
    error = math.hypot(mine.standard_error or 0.0, theirs.standard_error or 0.0)
    half = two_sided(level) * error
    interval = Interval(max(-1.0, value - half), min(1.0, value + half), level, "DeLong, difference of two")
    return Measure(
        VALIDITY,
        value,
        n,
        slice=shown,
        over=over,
        groups=(slice_,),
        interval=interval if error > 0 else None,
        p_value=two_sided_p(value / error) if error > 0 else None,
        family=VALIDITY if error > 0 else "",
        method="AUC of the feature for the label, of the group minus that of all others",
    )


def _area(counts: Counts, places: dict[str, int], /, *, level: float) -> AUC | None:
    sides = [counts.where({"label": label}) for label in ("1", "0")]
    if min(side.n for side in sides) < LEAST:
        return None
    effective = [side.share({}).effective for side in sides]
    return auc(*(_sizes(side, places) for side in sides), level=level, effective=(effective[0], effective[1]))


def _sizes(counts: Counts, places: dict[str, int]) -> NDArray[np.float64]:
    dim = counts.dim("feature")
    codes = counts.codes[:, counts.dims.index(dim)]
    place = np.array([places[level] for level in dim.levels if level is not None], dtype=np.int64)
    return np.bincount(place[codes], weights=counts.values(), minlength=len(places)).astype(np.float64)
