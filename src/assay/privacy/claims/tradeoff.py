"""What a claim allows an attacker who tells neighbouring data apart, and what his errors say of epsilon."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from assay.privacy.accounting.accountants import privacy_profile
from assay.privacy.accounting.plan import Plan
from assay.privacy.claims.trainee import Floats

_EPSILONS = np.concatenate([np.linspace(0, 2, 41), np.linspace(2.1, 40, 160)])


@dataclass(frozen=True, eq=False, slots=True)
class TradeOff:
    """The least share of misses that the claim leaves to an attacker, by his share of false alarms.

    Made of the privacy profile δ(ε): f(α) = max over ε of max(0, 1 − δ − e^ε α, e^−ε (1 − δ − α)). Source: Wasserman &
    Zhou 2010; Dong, Roth & Su 2022, arXiv 1905.02383, proposition 2.12. With deltas from above it lies at or below the
    curve that is kept.
    """

    epsilons: Floats
    deltas: Floats

    def misses(self, false_alarms: float, /) -> float:
        """f(α)."""
        left = 1 - self.deltas
        steep = left - np.exp(self.epsilons) * false_alarms
        flat = np.exp(-self.epsilons) * (left - false_alarms)
        return max(0.0, float(steep.max()), float(flat.max()))


@lru_cache(maxsize=8)
def tradeoff_of(plan: Plan, /) -> TradeOff:
    """The TradeOff of everything that `plan` releases."""
    return TradeOff(_EPSILONS, np.clip(privacy_profile(plan, epsilons=list(_EPSILONS)), 0, 1))


def gaussian_mu(false_alarms: float, misses: float, /) -> float:
    """The mu of the Gaussian trade-off through these two shares, at least 0 (Dong, Roth & Su 2022, equation 6)."""
    from scipy.stats import norm

    if false_alarms >= 1 or misses >= 1:
        return 0.0
    return max(0.0, float(norm.isf(false_alarms) - norm.ppf(misses)))


def epsilon_of_mu(mu: float, /, *, delta: float) -> float:
    """The epsilon at `delta` of mu-Gaussian differential privacy (Balle & Wang 2018; Dong, Roth & Su, corollary 1)."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    def excess(epsilon: float) -> float:
        second = epsilon + norm.logcdf(-epsilon / mu - mu / 2)
        return float(norm.cdf(-epsilon / mu + mu / 2) - math.exp(second)) - delta

    if mu <= 0 or excess(0.0) <= 0:
        return 0.0
    return float(brentq(excess, 0.0, mu * mu / 2 + mu * float(norm.isf(delta)) + 1, xtol=1e-10))


def most_likely_share(hits: int, n: int, /, *, level: float) -> float:
    """The one-sided upper Clopper–Pearson bound of a share, at `level`."""
    from scipy.stats import beta

    return 1.0 if hits >= n else float(beta.ppf(level, hits + 1, n - hits))
