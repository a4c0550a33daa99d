"""How far the values of a class lie from those of the table: t-closeness by the earth mover's distance."""

from __future__ import annotations

import numpy as np

from assay.privacy.anonymity.measures.within import Within
from assay.privacy.anonymity.table import Codes, Floats


def equal_distance(found: Within, /) -> Floats:
    """(classes,) distance where any two values are 1 apart: half the sum of |p - q|.

    Li, Li & Venkatasubramanian 2007 (ICDE), section 4.2, equal distance.
    """
    more = np.maximum(found.shares - found.usual, 0.0)
    return np.bincount(found.of, weights=more, minlength=len(found.sizes)).astype(np.float64)


def ordered_distance(found: Within, /) -> Floats:
    """(classes,) distance where two values are as far apart as their ranks: (1/(m-1)) sum over i of |P_i - Q_i|.

    P and Q are cumulative shares over the m distinct values of the table in their order (ibid., section 4.1). A class
    is constant between its own values and Q only rises, so that each stretch is summed in closed form around the place
    where Q passes the class: n log m for n rows, in whole numbers of 1/rows.
    """
    m = len(found.overall)
    if m < 2:
        return np.zeros(len(found.sizes))
    table = np.cumsum(found.overall)
    summed = np.concatenate([[0], np.cumsum(table)])
    total = int(table[-1])
    starts = np.flatnonzero(np.diff(found.of, prepend=-1))
    running = np.cumsum(found.count)
    before = np.concatenate([[0], running])[starts]
    inside = running - np.repeat(before, np.diff(np.append(starts, len(found.of))))
    level = inside / found.sizes[found.of] * total
    last = np.append(starts[1:] - 1, len(found.of) - 1)
    begin = found.value
    end = np.append(found.value[1:], m)
    end[last] = m
    cross = np.clip(np.searchsorted(table, level), begin, end)
    below = level * (cross - begin) - (summed[cross] - summed[begin])
    above = (summed[end] - summed[cross]) - level * (end - cross)
    moved = np.bincount(found.of, weights=below + above, minlength=len(found.sizes))
    return np.asarray((moved + summed[found.value[starts]]) / (total * (m - 1)))


def tree_distance(found: Within, groups: Codes, /) -> Floats:
    """(classes,) distance where two values are as far apart as the height of the lowest group that holds both.

    `groups` is (heights, values): the group of each value at each height from 0 (itself) up to, but without, the root;
    all leaves are at the same depth (ibid., section 4.2, hierarchical distance). What moves over an edge of the tree
    is the difference of the shares below it, so that the distance is the mean over the heights of half the sum of
    |p - q| over the groups of that height.
    """
    total = np.zeros(len(found.sizes))
    for height in groups:
        size = int(height.max()) + 1
        span = found.of * size + height[found.value]
        keys, place = np.unique(span, return_inverse=True)
        count = np.bincount(place.reshape(-1), weights=found.count)
        usual = np.bincount(height, weights=found.overall, minlength=size) / found.overall.sum()
        of = keys // size
        more = np.maximum(count / found.sizes[of] - usual[keys % size], 0.0)
        total += np.bincount(of, weights=more, minlength=len(total))
    return total / len(groups)
