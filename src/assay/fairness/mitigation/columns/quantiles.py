"""A distribution as its quantiles, so that a value can be moved to the same rank in another one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
STEPS = 1024
"""Steps of rank kept: a rank is exact to less than one thousandth, and no row's value is needed later."""
RANKS = np.linspace(0.0, 1.0, STEPS + 1)


def quantiles(values: Floats, weight: Floats | None = None, /) -> Floats:
    """(1025,) values at equal steps of rank, interpolated between rows whose ranks are the middles of their weight.

    Equal values (an atom) are a flat stretch. Source: Hazen (1914); Hyndman & Fan (1996), definition 5.
    """
    order = np.argsort(values, kind="stable")
    heavy = np.ones(len(values)) if weight is None else weight[order]
    ends = np.cumsum(heavy)
    return np.interp(RANKS, (ends - heavy / 2) / ends[-1], values[order])


def rank(values: Floats, table: Floats, /) -> Floats:
    """(rows,) rank in [0, 1] of each value in the distribution of `table`; the middle of its stretch for an atom."""
    left, right = np.searchsorted(table, values, "left"), np.searchsorted(table, values, "right")
    atom = right > left
    middle = (RANKS[np.minimum(left, STEPS)] + RANKS[np.maximum(right - 1, 0)]) / 2
    low = np.clip(left - 1, 0, STEPS - 1)
    rise = table[low + 1] - table[low]
    share = np.divide(values - table[low], rise, out=np.zeros(len(values)), where=rise > 0)
    between = (low + np.clip(share, 0.0, 1.0)) / STEPS
    return np.where(atom, middle, between)


def value(ranks: Floats, table: Floats, /) -> Floats:
    """(rows,) value at each rank."""
    return np.interp(ranks, RANKS, table)
