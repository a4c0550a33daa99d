"""The widest gap between the rates of groups, with an interval that holds at equality and away from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.core.measure import Interval, Share
from assay.stats.gaps.pairs import Extreme, Floats, Gap, Groups, critical_values, extreme_pair, too_small, with_rows


def widest_gap(shares: Sequence[Share], /, *, level: float = 0.95) -> Gap:
    """The highest rate minus the lowest, with an interval for the true widest gap.

    Groups without rows are left out; fewer than two with rows is AssayError "too-few-groups". Two groups:
    Newcombe's method 10, cut at 0. More: low = max(0, the largest of all pairs' Newcombe lower bounds at q_k(1 −
    0.6 α)/√2), q_k the studentised range; high = the largest of all pairs' Newcombe upper bounds at Φ⁻¹(1 − 0.4 α),
    α = 1 − level. Each end is right for its own reason: all lower bounds hold together, and the upper bound of the
    pair that truly is widest is among those maximised over. In the lower bounds a group of fewer than 30 rows has the
    wider of Wilson's limits and the exact ones, without which one person refused where 95 % are accepted would prove a
    gap. Simulated coverage: docs/why/widest-gap.md. Sources: Newcombe (1998), Statistics in Medicine 17:873, method
    10; Tukey (1953); Agresti et al. (2008), Biometrics 64:1270 (simultaneous comparison of proportions by the
    studentised range).
    """
    groups = with_rows(shares)
    k = len(groups.rates)
    z_low, z_high = critical_values(k, level)
    low = newcombe_extreme(groups, z_low, upper=False)
    high = newcombe_extreme(groups, z_high, upper=True)
    top, bottom = int(np.argmax(groups.rates)), int(np.argmin(groups.rates))
    if top == bottom:
        bottom = 1
    value = float(groups.rates[top] - groups.rates[bottom])
    method = groups.named("Newcombe 10, cut at 0" if k == 2 else "studentised-range Newcombe")
    interval = Interval(min(max(0.0, low.bound), value), max(min(1.0, high.bound), value), level, method)
    small = too_small(groups.ns, high.pair)
    where = groups.places
    return Gap(value, interval, where[top], where[bottom], None if small is None else where[small])


def newcombe_extreme(groups: Groups, z: float, /, *, upper: bool) -> Extreme:
    """The largest of all ordered pairs' Newcombe upper (or lower) bounds at `z`, with the pair."""
    rates = groups.rates
    low, high = groups.bounds(z, guarded=not upper)
    below, above = (rates - low) ** 2, (high - rates) ** 2
    first, second, sign = (above, below, 1.0) if upper else (below, above, -1.0)

    def bound(rows: slice) -> Floats:
        reach = np.sqrt(first[rows, None] + second[None, :])
        return rates[rows, None] - rates[None, :] + sign * reach

    return extreme_pair(len(rates), bound)
