"""Normal and studentised-range quantiles, without the import cost of scipy.stats."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError

_NORMAL = NormalDist()


def check_level(level: float, /) -> float:
    """`level` itself, or the error that says it is no confidence level."""
    if not 0 < level < 1:
        raise AssayError(f"level {level} is no confidence level.", code="level", hint="Give one in (0, 1), like 0.95.")
    return level


def normal_quantile(p: float, /) -> float:
    """Φ⁻¹(p)."""
    return _NORMAL.inv_cdf(p)


def two_sided(level: float, /) -> float:
    """z with P(|Z| <= z) = level: 1.96 at 0.95."""
    return _NORMAL.inv_cdf(0.5 + check_level(level) / 2)


def two_sided_p(z: float, /) -> float:
    """P(|Z| >= |z|) of a standard normal Z; exact far into the tail."""
    return math.erfc(abs(z) / math.sqrt(2))


@lru_cache(maxsize=4096)
def studentised_range(p: float, k: int, /) -> float:
    """The quantile at `p` of max − min over `k` independent standard normals (infinite degrees of freedom).

    P(range <= q) = k ∫ φ(x) [Φ(x) − Φ(x − q)]^(k−1) dx (Tukey 1949; David & Nagaraja 2003, eq. 2.3.3 for the
    normal), by the trapezoid rule, which converges exponentially here; errors below 1e-9 for k up to 10,000.
    """
    if k < 2 or not 0 < p < 1:
        raise AssayError(f"No studentised range at p={p}, k={k}.", code="level", hint="k >= 2 and 0 < p < 1.")
    x = np.arange(-9.0, 9.0, 1 / 16)
    density = k / 16 * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    cumulated = _phi(x)
    low, high = 0.0, 40.0
    while high - low > 1e-11:
        middle = (low + high) / 2
        if float(density @ (cumulated - _phi(x - middle)) ** (k - 1)) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _phi(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Φ at every x, by the standard library: a few hundred values are made sooner than scipy.special is imported."""
    return np.array([math.erfc(-value / math.sqrt(2)) / 2 for value in x.tolist()])
