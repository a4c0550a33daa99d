"""How sure one can be of a precision, and which of many rules to sample next."""

from __future__ import annotations

import math

import numpy as np

from assay.core.measure import Interval
from assay.explain.columns import Floats


def divergence(p: Floats, q: Floats, /) -> Floats:
    """The Kullback-Leibler divergence of Bernoulli(p) from Bernoulli(q), in nats."""
    from scipy.special import rel_entr

    return np.asarray(rel_entr(p, q) + rel_entr(1 - p, 1 - q))


def kl_bounds(hits: Floats, draws: Floats, rate: float, /) -> tuple[Floats, Floats]:
    """(low, high): the furthest precisions that `draws` · KL(observed, precision) ≤ `rate` allows; (0, 1) undrawn.

    Each is exceeded with a probability of at most exp(−rate). Source: Kaufmann & Kalyanakrishnan (2013), Information
    complexity in bandit subset selection, COLT, section 4.
    """
    seen = hits / np.maximum(draws, 1)
    ends = []
    for start, outside in ((seen, np.zeros_like(seen)), (seen, np.ones_like(seen))):
        inside, outside = start.copy(), outside.copy()
        for _ in range(40):
            middle = (inside + outside) / 2
            allowed = draws * divergence(seen, middle) <= rate
            inside, outside = np.where(allowed, middle, inside), np.where(allowed, outside, middle)
        ends.append(np.where(draws > 0, outside, outside.round()))
    return ends[0], ends[1]


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
