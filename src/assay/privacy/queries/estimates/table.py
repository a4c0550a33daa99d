"""A table of noisy counts made non-negative, with margins that are the sums of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from assay.privacy.noise.laplace import DiscreteLaplace
from assay.privacy.noise.release import Noise
from assay.privacy.queries.estimates.estimate import Estimate
from assay.stats.quantiles import two_sided

Floats = NDArray[np.float64]
_DRAWS = 20_000
_MANY = 200
_SEED = 20260102


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell, or a margin: the place of a level for each dimension, None where all levels are added up."""

    levels: tuple[int | None, ...]
    estimate: Estimate


def consistent(noisy: Floats, /) -> Floats:
    """The non-negative table nearest to `noisy` (least squares) with the same total, or zeros where that is below 0.

    The Euclidean projection on the simplex of that total: one number is taken from every cell, and what falls below 0
    is 0 (Duchi et al. 2008, Figure 1). Sums over any dimension then agree with each other, and no budget is used.
    """
    total = float(noisy.sum())
    if total <= 0:
        return np.zeros_like(noisy)
    ordered = np.sort(noisy, axis=None)[::-1]
    excess = (np.cumsum(ordered) - total) / np.arange(1, ordered.size + 1)
    last = np.flatnonzero(ordered > excess)[-1]
    return np.asarray(np.maximum(noisy - excess[last], 0.0))


def entries(numbers: Sequence[int], shape: Sequence[int], noise: Noise, /, *, level: float) -> list[Entry]:
    """Every cell of the consistent table and every margin down to the total.

    Intervals are those of the noise about the noisy numbers and their sums, from 0 up, and widened to the consistent
    value where it lies outside.
    """
    noisy = np.array([float(number) for number in numbers]).reshape(tuple(shape))
    table = consistent(noisy)
    found = []
    for kept in [axes for size in range(len(shape), -1, -1) for axes in combinations(range(len(shape)), size)]:
        summed = tuple(axis for axis in range(len(shape)) if axis not in kept)
        values, raw = table.sum(axis=summed), noisy.sum(axis=summed)
        half = _half_width(noise, int(noisy.size / max(1, raw.size)), level)
        for place in np.ndindex(raw.shape):
            where = iter(place)
            levels = tuple(next(where) if axis in kept else None for axis in range(len(shape)))
            value, about = float(values[place]), float(raw[place])
            low, high = max(0.0, about - half), max(0.0, about + half)
            found.append(Entry(levels, Estimate(value, min(low, value), max(high, value), max(0, round(value)))))
    return found


def _half_width(noise: Noise, added: int, level: float) -> float:
    """The quantile of the absolute sum of `added` draws: exact for one, by 20,000 draws for some, normal for many."""
    if added == 1:
        return float(noise.within(level))
    if added > _MANY or not isinstance(noise, DiscreteLaplace):
        return float(two_sided(level) * (added * noise.variance) ** 0.5)
    drawn = np.random.default_rng(_SEED).laplace(scale=float(noise.scale), size=(_DRAWS, added)).sum(axis=1)
    return float(np.quantile(np.abs(drawn), level))
