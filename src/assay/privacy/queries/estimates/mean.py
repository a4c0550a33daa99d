"""The mean that two noisy sums say, with Fieller's interval for the noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.privacy.noise.laplace import DiscreteLaplace
from assay.privacy.noise.release import Noise
from assay.privacy.queries.bounding.lattice import Lattice
from assay.privacy.queries.estimates.estimate import TOO_FEW, Estimate
from assay.stats.quantiles import two_sided

Floats = NDArray[np.float64]

_GRID = 1025
_HALVINGS = 60
_SURE = 4.0
"""Below so many scales of noise, the sum of the two sums tells nothing of the mean."""


def means(pairs: Sequence[Sequence[int]], noise: Noise, places: Lattice, /, *, level: float) -> list[Estimate]:
    """The mean of each pair (Σv + X, Σ(M − v) + Y), with an interval that holds the mean without noise at `level`.

    With m = Σv / (Σv + Σ(M − v)), the number Σv (1 − m) − Σ(M − v) m is 0, so with the noise it is (1 − m) X − m Y, of
    which every quantile q(m) is known: the interval holds each m with |a (1 − m) − b m| ≤ q(m) (Fieller 1954), and has
    `level` exactly, however few rows there are. A noisy number of rows below one has no mean.
    """
    sums = np.array([[float(value) for value in pair] for pair in pairs], dtype=np.float64).reshape(-1, 2)
    scale = _scale_of(noise)
    total = sums.sum(axis=1)
    low, high = _ends(sums[:, 0] / scale, total / scale, _quantiles(noise, level))
    found = []
    for place in range(len(sums)):
        count = total[place] / places.last
        ends = (_number(low[place], places, -0.5), _number(high[place], places, 0.5))
        rows = max(0, round(count))
        if count < 1:
            found.append(Estimate(None, ends[0], ends[1], rows, TOO_FEW))
            continue
        middle = min(max(sums[place, 0] / total[place], 0.0), 1.0)
        value = _number(middle, places, 0.0)
        found.append(Estimate(value, min(ends[0], value), max(ends[1], value), rows))
    return found


def _number(share: Any, places: Lattice, steps: float) -> float:
    """The number at a share of the range, moved by a part of a step for the rounding, and not beyond the ends."""
    low, high = float(places.bounds.low), float(places.bounds.high)
    return min(max(low + float(places.bounds.width) * float(share) + steps * float(places.step), low), high)


def _scale_of(noise: Noise) -> float:
    """The scale of a Laplace distribution, the standard deviation of a normal one."""
    return float(noise.scale) if isinstance(noise, DiscreteLaplace) else float(noise.variance) ** 0.5


def _quantiles(noise: Noise, level: float) -> Floats:
    """(grid,) the quantile of |(1 − m) X − m Y| in scales, for m from 0 to 1; the lattice is far finer than a scale."""
    m = np.linspace(0.0, 1.0, _GRID)
    if not isinstance(noise, DiscreteLaplace):
        return np.asarray(two_sided(level) * np.hypot(1 - m, m))
    large, small = np.maximum(m, 1 - m), np.minimum(m, 1 - m)
    low, high = np.zeros(_GRID), np.full(_GRID, 4 - 2 * np.log1p(-level))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = _tail(middle, large, small) <= 1 - level
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.asarray(high * (1 + 1e-6))


def _tail(t: Floats, large: Floats, small: Floats) -> Floats:
    """P(|large · X − small · Y| > t) for two independent Laplace variables of scale 1."""
    same = large - small < 1e-9
    gap = np.where(same, 1.0, large**2 - small**2)
    slow = np.exp(-t / large)
    fast = np.where(small > 0, np.exp(-t / np.where(small > 0, small, 1.0)), 0.0)
    return np.where(same, slow * (1 + t / (2 * large)), (large**2 * slow - small**2 * fast) / gap)


def _ends(first: Floats, total: Floats, quantiles: Floats) -> NDArray[np.float64]:
    """(2, keys) the ends of the interval, as shares of the range; sums are in scales of the noise."""
    grid = np.linspace(0.0, 1.0, _GRID)

    def end(sign: float) -> Floats:
        # sign · (first − total m) − q(m), from below 0 at the estimate to above 0 at the end of the range.
        near = np.clip(np.divide(first, total, out=np.zeros_like(first), where=total > 0), 0.0, 1.0)
        far = np.zeros_like(first) if sign > 0 else np.ones_like(first)
        outside = sign * (first - total * far) > np.interp(far, grid, quantiles)
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            out = sign * (first - total * middle) > np.interp(middle, grid, quantiles)
            near, far = np.where(out, near, middle), np.where(out, middle, far)
        edge = 0.0 if sign > 0 else 1.0
        return np.asarray(np.where(outside, far, edge))

    sure = total > _SURE
    return np.stack([np.where(sure, end(1.0), 0.0), np.where(sure, end(-1.0), 1.0)])
