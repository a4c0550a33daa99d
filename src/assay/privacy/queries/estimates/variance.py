"""The variance that three noisy sums say, with an interval by drawing the noise again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.privacy.noise.laplace import DiscreteLaplace
from assay.privacy.noise.release import Noise
from assay.privacy.queries.bounding.lattice import Lattice
from assay.privacy.queries.estimates.estimate import TOO_FEW, Estimate

Floats = NDArray[np.float64]
_DRAWS = 4000
_KEYS = 256
_SEED = 20260101


def variances(triples: Sequence[Sequence[int]], noise: Noise, places: Lattice, /, *, level: float) -> list[Estimate]:
    """The variance (divided by the number of rows) of each noisy triple (Σ(M−v)², Σ2v(M−v), Σv²).

    With shares p0, p1, p2 of their sum, E[v/M] = p2 + p1/2 and E[(v/M)²] = p2. The interval takes 4,000 draws of the
    noise away again: its level is nominal where the number of rows is far above the noise, and it is the whole range
    where a draw leaves less than one row. Rounding to the lattice adds step²/12.
    """
    sums = np.array([[float(value) for value in triple] for triple in triples], dtype=np.float64).reshape(-1, 3)
    generator = np.random.default_rng(_SEED)  # Post-processing: these draws hide nothing.
    scale = float(noise.scale) if isinstance(noise, DiscreteLaplace) else noise.variance**0.5
    drawn = scale * (
        generator.laplace(size=(_DRAWS, 3))
        if isinstance(noise, DiscreteLaplace)
        else generator.standard_normal((_DRAWS, 3))
    )
    one, squared, most = float(places.last) ** 2, float(places.bounds.width) ** 2, 0.25
    found: list[Estimate] = []
    for start in range(0, len(sums), _KEYS):
        part = sums[start : start + _KEYS]
        again = part[:, None, :] - drawn
        unsure = (again.sum(axis=2) < one).mean(axis=1) > (1 - level) / 4
        values = _variance(again, one)
        ends = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=1)
        middle = _variance(part, one)
        for place in range(len(part)):
            count = float(part[place].sum() / one)
            low, high = (0.0, most) if unsure[place] else (float(ends[0, place]), float(ends[1, place]))
            rows = max(0, round(count))
            if count < 1:
                found.append(Estimate(None, low * squared, high * squared, rows, TOO_FEW))
                continue
            value = float(middle[place])
            found.append(Estimate(value * squared, min(low, value) * squared, max(high, value) * squared, rows))
    return found


def _variance(sums: Floats, one: float) -> Floats:
    """(…,) of (…, 3) sums, on the unit scale, cut to [0, 1/4]; less than one row counts as one."""
    total = np.maximum(sums.sum(axis=-1), one)
    second = sums[..., 2] / total
    first = second + sums[..., 1] / (2 * total)
    return np.asarray(np.clip(second - first * first, 0.0, 0.25))
