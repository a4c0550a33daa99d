"""The lowest rate over the highest, with an interval that holds at equality and away from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.measure import Interval, Share
from assay.stats.gaps.pairs import Floats, Groups, critical_values, extreme_pair, with_rows


@dataclass(frozen=True, slots=True)
class Ratio:
    """The lowest rate over the highest, in [0, 1]; value and interval are None where every rate is 0.

    `high` and `low` are the places of those two groups in the input.
    """

    value: float | None
    interval: Interval | None
    high: int
    low: int


def widest_ratio(shares: Sequence[Share], /, *, level: float = 0.95) -> Ratio:
    """The lowest rate over the highest, with an interval for the true lowest ratio between any two groups.

    The construction of `widest_gap` on ratios: high = min(1, the smallest of all pairs' upper bounds at q_k(1 − 0.6
    α)/√2), low = the smallest of all pairs' lower bounds at Φ⁻¹(1 − 0.4 α); two groups: both at Φ⁻¹(1 − α/2), cut
    at 1. A pair's bounds are MOVER-R on Wilson limits: Donner & Zou (2012), Statistical Methods in Medical Research
    21:347, eq. 9; Newcombe (2016), same journal, 25:1774. Fewer than two groups with rows: AssayError
    "too-few-groups".
    """
    groups = with_rows(shares)
    k = len(groups.rates)
    top, bottom = int(np.argmax(groups.rates)), int(np.argmin(groups.rates))
    if top == bottom:
        bottom = 1
    places = groups.places[top], groups.places[bottom]
    if groups.rates[top] == 0:
        return Ratio(None, None, *places)
    z_high, z_low = critical_values(k, level)
    high = _smallest_bound(groups, z_high, upper=True)
    low = _smallest_bound(groups, z_low, upper=False)
    value = float(groups.rates[bottom] / groups.rates[top])
    method = groups.named("MOVER-R on Wilson, cut at 1" if k == 2 else "studentised-range MOVER-R on Wilson")
    return Ratio(value, Interval(min(max(0.0, low), value), max(min(1.0, high), value), level, method), *places)


def _smallest_bound(groups: Groups, z: float, *, upper: bool) -> float:
    """The smallest of all ordered pairs' MOVER-R upper (or lower) bounds of rate_i / rate_j at `z`."""
    rates = groups.rates
    low, high = groups.bounds(z, guarded=upper)
    from_low, from_high = low * (2 * rates - low), high * (2 * rates - high)
    first, second = (from_high, from_low) if upper else (from_low, from_high)

    def bound(rows: slice) -> Floats:
        product = rates[rows, None] * rates[None, :]
        root = np.sqrt(np.maximum(0.0, product**2 - first[rows, None] * second[None, :]))
        # Both roots of the MOVER-R quadratic, written so that neither subtracts nearly equal numbers.
        numerator, denominator = (
            (product + root, np.broadcast_to(second[None, :], product.shape))
            if upper
            else (np.broadcast_to(first[rows, None], product.shape), product + root)
        )
        endless = np.inf if upper else 0.0
        out = np.full(product.shape, -endless)
        np.divide(-numerator, denominator, out=out, where=denominator > 0)
        return out

    return -extreme_pair(len(rates), bound).bound
