"""The discrete Gaussian distribution: exact samples, probabilities, quantiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from assay.privacy.noise.bernoulli import Integers, exponential
from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.laplace import DiscreteLaplace, kept_until
from assay.stats.quantiles import check_level, two_sided

_SUMMED = 4096
"""Standard deviation up to which quantiles are sums of the probabilities."""


@dataclass(frozen=True, slots=True)
class DiscreteGaussian:
    """Integers x with probability proportional to exp(−x² / (2 sigma_squared)), for a rational above 0.

    Sampled by Algorithm 3 of Canonne, Kamath & Steinke (2020), arXiv 2004.00010: Y of DiscreteLaplace(t), t = ⌊σ⌋ + 1,
    is kept with probability exp(−(|Y| − σ²/t)² / (2σ²)); the product of the two is exp(−Y²/(2σ²)) times a constant.
    """

    sigma_squared: Fraction

    def sample(self, n: int, source: Entropy, /) -> Integers:
        """`n` independent draws, exactly of this distribution."""
        return kept_until(n, lambda tries: self._tries(tries, source))

    def _tries(self, n: int, source: Entropy) -> Integers:
        """What is kept of `n` proposals; each is kept or not by itself, so the kept are independent draws."""
        p, q = self.sigma_squared.numerator, self.sigma_squared.denominator
        t = math.isqrt(p // q) + 1
        proposed = DiscreteLaplace(Fraction(t)).sample(n, source)
        # (|y| − p/(qt))² / (2p/q) = (|y|tq − p)² / (2pqt²)
        denominator = 2 * p * q * t * t
        furthest = max(t * q * max(abs(int(y)) for y in proposed), p)
        if furthest < 1 << 31 and denominator < 1 << 62:
            off = np.abs(proposed.astype(np.int64)) * (t * q) - p
            return proposed[exponential((off * off).astype(np.uint64), denominator, source)]
        return proposed[exponential((np.abs(proposed) * (t * q) - p) ** 2, denominator, source)]

    def weights(self, last: int, /) -> NDArray[np.float64]:
        """exp(−x²/(2σ²)) for x = 0 … last."""
        x = np.arange(last + 1, dtype=np.float64)
        return np.asarray(np.exp(-x * x / (2 * float(self.sigma_squared))))

    @property
    def normaliser(self) -> float:
        """Σ exp(−x²/(2σ²)) over all integers; √(2πσ²) from σ = 4 on, where the two differ by less than 1e-130.

        The Poisson summation formula gives √(2πσ²) (1 + 2 Σ exp(−2π²σ²k²)).
        """
        sigma_squared = float(self.sigma_squared)
        if sigma_squared >= 16:
            return math.sqrt(2 * math.pi * sigma_squared)
        return float(2 * self.weights(160).sum() - 1)

    def pmf(self, x: int, /) -> float:
        """P(X = x)."""
        return math.exp(-x * x / (2 * float(self.sigma_squared))) / self.normaliser

    def within(self, level: float, /) -> int:
        """The smallest k with P(|X| ≤ k) ≥ level.

        Beyond a standard deviation of 4096 by the normal distribution with a correction of one half for the steps,
        where the two differ by less than 1e-8 in probability.
        """
        sigma = math.sqrt(self.sigma_squared)
        if sigma > _SUMMED:
            return math.ceil(two_sided(level) * sigma - 0.5)
        inside = 2 * np.cumsum(self.weights(math.ceil(40 * sigma) + 1)) - 1
        return int(np.searchsorted(inside, min(check_level(level) * self.normaliser, inside[-1])))

    @property
    def variance(self) -> float:
        """The variance, which is at most sigma_squared (Corollary 9), and next to it from σ = 1 on."""
        if self.sigma_squared >= 16:
            return float(self.sigma_squared)
        x = np.arange(161, dtype=np.float64)
        return float(2 * (x * x * self.weights(160)).sum() / self.normaliser)
