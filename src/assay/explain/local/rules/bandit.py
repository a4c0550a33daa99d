"""How sure one can be of a precision, and which of many rules to sample next."""

from __future__ import annotations

import math

import numpy as np

from assay.core.measure import Interval
from assay.explain.columns import Floats


def divergence(p: float, q: float, /) -> float:
    """The Kullback-Leibler divergence of Bernoulli(p) from Bernoulli(q), q strictly between 0 and 1, in nats."""
    return sum(a * math.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0)


def kl_bounds(hits: Floats, draws: Floats, rate: float, /) -> Floats:
    """(2, rules) lowest and highest precision that `draws` · KL(observed, precision) ≤ `rate` allows; 0, 1 undrawn.

    Each is exceeded with a probability of at most exp(−rate). By 30 bisections, rounded outwards. Source: Kaufmann &
    Kalyanakrishnan (2013), Information complexity in bandit subset selection, COLT, section 4.
    """
    from scipy.special import xlog1py, xlogy

    missed = draws - hits
    seen = hits / np.maximum(draws, 1)
    allowed = rate - xlogy(hits, seen) - xlog1py(missed, -seen)
    inside, outside = np.stack([seen, seen]), np.stack([np.zeros_like(seen), np.ones_like(seen)])
    for _ in range(30):
        middle = (inside + outside) / 2
        within = -xlogy(hits, middle) - xlog1py(missed, -middle) <= allowed
        inside, outside = np.where(within, middle, inside), np.where(within, outside, middle)
    return outside


def exploration(step: int, arms: int, delta: float, /) -> float:
    """The exploration rate of KL-LUCB at `step` among `arms`, for a total error of `delta`.

    Source: Kaufmann & Kalyanakrishnan (2013), theorem 1, with α = 1.1 and k₁ = 405.5.
    """
    scaled = math.log(405.5 * arms * step**1.1 / delta)
    return scaled + math.log(scaled)


def clopper_pearson(hits: int, draws: int, /, *, level: float = 0.95) -> Interval:
    """The exact interval for a rate. Source: Clopper & Pearson (1934), Biometrika 26:404."""
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = float(betaincinv(hits, draws - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, draws - hits, 1 - tail)) if hits < draws else 1.0
    return Interval(low, high, level, "Clopper-Pearson")
