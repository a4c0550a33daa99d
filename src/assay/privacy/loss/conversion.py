"""What a promise in one measure of privacy says in another; every result is rounded up."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, Context, Decimal, localcontext
from fractions import Fraction

_WORKING = Context(prec=50)
_STEP = Decimal("1e-15")
_SLACK = Decimal("1e-30")


def epsilon_of_zcdp(rho: Fraction, /, *, delta: Fraction) -> Fraction:
    """The epsilon for which rho-zCDP implies (epsilon, delta)-differential privacy, rounded up to 1e-15.

    Source: Canonne, Kamath & Steinke (2020), arXiv 2004.00010, Proposition 12: for any α > 1 it holds with
    αρ + (ln(1/δ) − ln α)/(α − 1) + ln(1 − 1/α). The α is searched for in floats; any α is valid, and the bound at the
    one found is evaluated to 50 digits. `delta` lies in (0, 1).
    """
    if rho == 0:
        return Fraction()
    order = Fraction(1 + math.exp(_best_log_excess(float(rho), float(delta))))
    with localcontext(_WORKING) as context:
        a, r, d = (Decimal(x.numerator) / Decimal(x.denominator) for x in (order, rho, delta))
        bound = a * r - (d.ln() + a.ln()) / (a - 1) + (1 - 1 / a).ln()
        context.rounding = ROUND_CEILING
        return max(Fraction(), Fraction((bound + _SLACK * (1 + abs(bound))).quantize(_STEP)))


def _best_log_excess(rho: float, delta: float) -> float:
    """ln(α − 1) near the minimum of the bound, by golden section: the bound has one minimum in α."""

    def bound(log_excess: float) -> float:
        excess = math.exp(log_excess)
        return rho * (1 + excess) - (math.log(delta) + math.log1p(excess)) / excess + log_excess - math.log1p(excess)

    low, high = -30.0, 30.0
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(80):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if bound(left) < bound(right) else (left, high)
    return (low + high) / 2


def zcdp_of_pure(epsilon: Fraction, /) -> Fraction:
    """The rho of a purely epsilon-private release: ε²/2 (Bun & Steinke 2016, arXiv 1605.02065, Proposition 1.4)."""
    return epsilon**2 / 2


def zcdp_of_bounded_range(epsilon: Fraction, /) -> Fraction:
    """The rho of an ε-bounded-range release, as the exponential mechanism is: ε²/8.

    Source: Cesar & Rogers (2021), arXiv 2004.07223.
    """
    return epsilon**2 / 8


def renyi_of_pure(epsilon: Fraction, /, *, order: Fraction) -> Fraction:
    """Rényi divergence of one order for pure ε: min(ε, αε²/2) (Mironov 2017, arXiv 1702.07476; Bun & Steinke)."""
    return min(epsilon, order * epsilon**2 / 2)
