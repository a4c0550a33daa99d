"""How much discrete Gaussian noise a promise of (epsilon, delta) needs, by the exact sum."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from assay.privacy.loss.conversion import epsilon_of_zcdp
from assay.privacy.noise.gaussian import DiscreteGaussian

_BLOCKS = 2048
_REACH = 40
_SLACK = 1e-9
_BITS = 24


def delta_of(epsilon: float, /, *, sigma_squared: Fraction, sensitivity: int) -> float:
    """A delta at which discrete Gaussian noise on one integer of that sensitivity is (epsilon, delta)-private.

    Σ max(0, p(y) − e^ε p(y + Δ)): Canonne, Kamath & Steinke (2020), arXiv 2004.00010, Theorem 7. A smaller distance
    needs no more: p is log-concave, so the best test is a threshold on y, and its power grows with the distance. All
    terms are positive, so floats lose less than the 1e-9 that is added; from σ = 4096 on, blocks of ⌊σ/2048⌋
    integers count as their largest density times their largest excess, less than 2 % more for deltas from 1e-15 up.
    """
    sigma_squared_, sigma = float(sigma_squared), math.sqrt(sigma_squared)
    block = max(1, int(sigma / _BLOCKS))
    first = epsilon * sigma_squared_ / sensitivity - sensitivity / 2
    start = math.floor(max(first, -_REACH * sigma))
    count = math.ceil((max(0.0, -float(start)) + _REACH * sigma) / block) + 2
    left = start + block * np.arange(count, dtype=np.float64)
    right = left + (block - 1)
    nearest = np.where(left > 0, left, np.where(right < 0, -right, 0.0))
    excess = -np.expm1(np.minimum(0.0, epsilon - (2 * right + sensitivity) * sensitivity / (2 * sigma_squared_)))
    weights = np.exp(-nearest * nearest / (2 * sigma_squared_))
    end = float(right[-1])
    beyond = math.exp(-end * end / (2 * sigma_squared_)) * (1 + sigma_squared_ / end) + math.exp(-(_REACH**2) / 2)
    total = (block * float((weights * excess).sum()) + beyond) / DiscreteGaussian(sigma_squared).normaliser
    return min(1.0, total * (1 + _SLACK))


def sigma_squared_for(epsilon: Fraction, delta: Fraction, /, *, sensitivity: int) -> Fraction:
    """A sigma² with `delta_of` at most `delta`, and within 1e-6 of the smallest: for one integer."""
    below, enough = float(epsilon) * (1 - 1e-15), float(delta) * (1 - 1e-15)
    return _smallest(
        lambda s: delta_of(below, sigma_squared=s, sensitivity=sensitivity) <= enough, Fraction(sensitivity)
    )


def rho_for(epsilon: Fraction, delta: Fraction, /) -> Fraction:
    """A rho that implies (epsilon, delta), within 1e-6 of the largest: for vectors, for which there is no exact sum."""
    return 1 / _smallest(lambda inverse: epsilon_of_zcdp(1 / inverse, delta=delta) <= epsilon, Fraction(1))


def _smallest(enough: Callable[[Fraction], bool], start: Fraction) -> Fraction:
    """A number for which `enough` was found to hold, and for which it did not at a factor of 1 − 1e-6 of it."""
    high = start
    while not enough(high):
        high *= 4
    low = high / 4
    while enough(low):
        high, low = low, low / 4
    for _ in range(_BITS):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
