"""The least and the most that the widest gap between groups can be, where the rate of each is only bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.measure import Interval
from assay.fairness.selective.composite import Between
from assay.stats.gaps.pairs import Extreme, critical_values, extreme_pair

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BoundedGap:
    """The gap lies in [lowest, highest] whatever the unknown outcomes are; `interval` covers that whole region.

    `leading` are the places of the group that could be highest and the one that could be lowest in the widest gap;
    `apart` those of the pair that is furthest apart at the least.
    """

    lowest: float
    highest: float
    interval: Interval
    leading: tuple[int, int]
    apart: tuple[int, int]


def bounded_gap(groups: Sequence[Between], /, *, level: float) -> BoundedGap:
    """The region of the widest gap of two or more groups, with an interval that covers it.

    Unknown outcomes of different groups are not tied to each other, so that the least gap is the largest L_g − H_h
    (or 0) and the largest is the largest H_g − L_h, over pairs of different groups. The interval is that of the widest
    gap (stats.gaps.widest_gap) with these ends in place of the rates: it covers the whole region, and so the true gap,
    at least as often as that one covers its gap; for the gap alone a little less would do (Imbens & Manski 2004,
    Econometrica 72:1845), but how much depends on a width that is estimated (Stoye 2009, Econometrica 77:1299).
    """
    low = np.array([group.low.value for group in groups])
    high = np.array([group.high.value for group in groups])
    near_z, far_z = critical_values(len(groups), level)
    near = _largest(low, _below(groups, near_z), high, _above(groups, near_z), sign=-1.0)
    far = _largest(high, _above(groups, far_z), low, _below(groups, far_z), sign=1.0)
    nothing = np.zeros(len(groups))
    apart = _largest(low, nothing, high, nothing, sign=1.0)
    widest = _largest(high, nothing, low, nothing, sign=1.0)
    lowest, highest = max(0.0, apart.bound), max(0.0, widest.bound)
    ends = (min(max(0.0, near.bound), lowest), max(min(1.0, far.bound), highest))
    return BoundedGap(lowest, highest, Interval(*ends, level, "covers the whole region"), widest.pair, apart.pair)


def _below(groups: Sequence[Between], z: float) -> Floats:
    return np.array([group.low.reach(z).below for group in groups])


def _above(groups: Sequence[Between], z: float) -> Floats:
    return np.array([group.high.reach(z).above for group in groups])


def _largest(first: Floats, own: Floats, second: Floats, other: Floats, *, sign: float) -> Extreme:
    """The largest first[i] − second[j] ± √(own[i]² + other[j]²) over i ≠ j, with the pair."""

    def bound(rows: slice) -> Floats:
        reach = np.hypot(own[rows, None], other[None, :])
        found: Floats = first[rows, None] - second[None, :] + sign * reach
        return found

    return extreme_pair(len(first), bound)
