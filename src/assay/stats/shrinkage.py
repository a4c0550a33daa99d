"""Rates of small groups, pulled towards the others as far as the data say groups are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.measure import Interval, Share
from assay.stats.quantiles import check_level
from assay.stats.rates import rate_of

Floats = NDArray[np.float64]
SPREADS, CENTRES, REACH = 160, 17, 4.0
"""Nodes of the numerical integral: over the between-group spread, and over the centre, ± REACH standard errors."""


@dataclass(frozen=True, slots=True)
class Shrunken:
    """A group's partially pooled rate; `weight` is the part of its own raw rate in it, 1 − weight that of all groups.

    A group without rows has weight 0: its value is what the other groups say of it, and no measurement.
    """

    value: float
    interval: Interval
    weight: float


@dataclass(frozen=True, slots=True)
class _Prior:
    """Beta priors of the group rates, one a node, with the posterior weight of each node."""

    alpha: Floats
    beta: Floats
    weight: Floats


def shrink(shares: Sequence[Share], /, *, level: float = 0.95) -> list[Shrunken]:
    """Beta-binomial partially pooled rates of all groups, in input order, with intervals.

    Groups are taken as exchangeable draws from a Beta(μM, (1−μ)M) fitted to these very groups. To offer beside raw
    rates, never instead. M and μ are integrated out, flat on μ and on the between-group spread 1/√(1+M), so that
    the intervals hold although the prior is estimated; each is the Beta with the posterior's mean and variance.
    Covers on average over groups, not for a group chosen because it is extreme. At least two groups with rows, or
    AssayError "too-few-groups". Sources: Efron & Morris (1975), JASA 70:311; Kass & Steffey (1989), JASA 84:717;
    Gelman (2006), Bayesian Analysis 1:515.
    """
    tail = (1 - check_level(level)) / 2
    known = [rate_of(s) if s.total > 0 else (0.0, 0.0) for s in shares]
    n = np.array([size for _, size in known])
    x = np.array([rate * size for rate, size in known])
    if int((n > 0).sum()) < 2:
        raise AssayError(
            "Partial pooling needs two groups with rows.",
            code="too-few-groups",
            hint="Report the raw rate with its interval.",
        )
    prior = _prior(x[n > 0], n[n > 0])
    strength = (prior.alpha + prior.beta)[:, None] + n
    means = (prior.alpha[:, None] + x) / strength
    value = prior.weight @ means
    variance = prior.weight @ (means * (1 - means) / (strength + 1) + (means - value) ** 2)
    own = prior.weight @ (n / strength)
    low, high = _beta_interval(value, variance, tail)
    method = "beta-binomial partial pooling"
    return [
        Shrunken(float(v), Interval(float(a), float(b), level, method), float(w))
        for v, a, b, w in zip(value, low, high, own, strict=True)
    ]


def _prior(x: Floats, n: Floats) -> _Prior:
    """Nodes over spread (log-spaced, the first for all below it) and centre, weighted by marginal likelihood."""
    from scipy.special import betaln

    smoothed = (x + 0.5) / (n + 1)
    pooled = (x.sum() + 0.5) / (n.sum() + 1)
    spread = np.geomspace(0.02 / np.sqrt(n.max() + 1), 0.995, SPREADS)
    precision = 1 / (pooled * (1 - pooled) * (spread[:, None] ** 2 + (1 - spread[:, None] ** 2) / n))
    centre = (precision @ smoothed) / precision.sum(axis=1)
    error = 1 / (np.sqrt(precision.sum(axis=1)) * centre * (1 - centre))
    logit = np.log(centre / (1 - centre))[:, None] + np.linspace(-REACH, REACH, CENTRES) * error[:, None]
    mu = np.clip(1 / (1 + np.exp(-logit)), 1e-12, 1 - 1e-12)
    strength = (1 / spread**2 - 1)[:, None]
    alpha, beta = (mu * strength).reshape(-1), ((1 - mu) * strength).reshape(-1)
    fit = (betaln(x + alpha[:, None], n - x + beta[:, None]) - betaln(alpha, beta)[:, None]).sum(axis=1)
    width = np.gradient(spread)
    width[0] += spread[0]
    log = fit + np.log((mu * (1 - mu) * error[:, None] * width[:, None]).reshape(-1))
    weight = np.exp(log - log.max())
    return _Prior(alpha, beta, weight / weight.sum())


def _beta_interval(mean: Floats, variance: Floats, tail: float) -> tuple[Floats, Floats]:
    from scipy.special import betaincinv

    strength = np.maximum(mean * (1 - mean) / variance - 1, 1e-6)
    a, b = mean * strength, (1 - mean) * strength
    low, high = betaincinv(a, b, tail), betaincinv(a, b, 1 - tail)
    return np.minimum(low, mean), np.maximum(high, mean)
