"""Distances between rows of mixed columns, and whether a row lies where the data are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.explain.columns import Floats
from assay.explain.recourse.space import Bools, Space

NEIGHBOURS = 5
TYPICAL = 0.95
SAMPLE = 500
BLOCK = 1 << 21
"""Most distances held at once."""


def pairwise(a: Floats, b: Floats, weights: Floats, nominal: Bools, /) -> Floats:
    """(len(a), len(b)) Σ weight · |difference| of numbers and Σ weight of categories that differ.

    Missing against known counts as one category that differs, missing against missing as nothing. Columns of weight 0
    are left out. Source: Gower (1971), Biometrics 27:857, with robust scales in place of ranges.
    """
    out = np.zeros((len(a), len(b)))
    for j in np.flatnonzero(weights > 0):
        x, y = a[:, j], b[:, j]
        absent_x, absent_y = np.isnan(x), np.isnan(y)
        if nominal[j]:
            x, y = np.where(absent_x, -1, x), np.where(absent_y, -1, y)
            out += weights[j] * (x[:, None] != y[None, :])
            continue
        step = np.abs(x[:, None] - y[None, :]) * weights[j]
        if absent_x.any() or absent_y.any():
            step = np.where(absent_x[:, None] & absent_y[None, :], 0.0, np.where(np.isnan(step), 1.0, step))
        out += step
    return out


def distance_weights(space: Space, /) -> Floats:
    """(columns,) what makes `pairwise` the distance of the Space: costs left aside."""
    weights = 1 / space.scale
    for group in space.groups:
        weights[group.places] = 0.5
    return np.asarray(weights)


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Where the data are: background `points`, and how near their own neighbours are to most of them (`typical`)."""

    points: Floats
    weights: Floats
    nominal: Bools
    typical: float

    @classmethod
    def of(cls, space: Space, background: Floats, /, *, most: int = 2000) -> Neighbourhood:
        """The Neighbourhood of the background: `typical` is the 95th percentile of its rows' own nearness.

        At most the first `most` rows (they are in random order), of which the first 500 say what is typical.
        """
        points = background[:most]
        weights, nominal = distance_weights(space), space.nominal
        own = _nearness(points[:SAMPLE], points, weights, nominal, skip=1) if len(points) > 1 else np.zeros(1)
        return cls(points, weights, nominal, float(np.quantile(own, TYPICAL)))

    def nearness(self, matrix: Floats, /) -> Floats:
        """(rows,) mean distance to the five nearest background rows."""
        return _nearness(matrix, self.points, self.weights, self.nominal, skip=0)

    def plausible(self, matrix: Floats, /) -> Bools:
        """(rows,) True where a row is as near to the data as 95 % of the data are to each other."""
        return np.asarray(self.nearness(matrix) <= self.typical)


def _nearness(rows: Floats, points: Floats, weights: Floats, nominal: Bools, *, skip: int) -> Floats:
    """Mean of the five smallest distances; the nearest `skip` (a row itself) left out."""
    most = min(NEIGHBOURS + skip, len(points))
    size = max(1, BLOCK // len(points))
    out = [np.zeros(0)]
    for start in range(0, len(rows), size):
        apart = pairwise(rows[start : start + size], points, weights, nominal)
        nearest = np.sort(np.partition(apart, most - 1, axis=1)[:, :most], axis=1)
        out.append(nearest[:, min(skip, most - 1) :].mean(axis=1))
    return np.concatenate(out)
