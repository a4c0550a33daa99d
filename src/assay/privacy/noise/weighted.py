"""One choice among candidates with probability proportional to weight · exp(−γ), exactly."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from itertools import accumulate

from assay.privacy.noise.entropy import Entropy

_BITS = 128
_MORE = 64


@dataclass(frozen=True, slots=True)
class _Bounds:
    low: int
    high: int


def choose(gammas: Sequence[Fraction], weights: Sequence[int], source: Entropy, /) -> int:
    """The place i of a candidate, with probability weights[i]·exp(−gammas[i]) over the sum of these.

    No probability is rounded. Each weight·exp(−γ)·2^128 lies between two neighbouring integers, or nearly so, that
    are known; a candidate is drawn by the upper one, and kept if the point at which it was hit is below the true value.
    Almost always the lower one settles that; else the point and the value are taken to 64 more bits, until they
    differ. At least one weight is positive; gammas are from 0 up, the smallest 0.
    """
    known: dict[Fraction, _Bounds] = {}
    bounds = []
    for gamma, weight in zip(gammas, weights, strict=True):
        if gamma not in known:
            known[gamma] = _exp_bounds(gamma, _BITS)
        bounds.append(_Bounds(weight * known[gamma].low, weight * known[gamma].high))
    ends = list(accumulate(bound.high for bound in bounds))
    while True:
        hit = source.integer(ends[-1])
        place = bisect_right(ends, hit)
        offset = hit - (ends[place] - bounds[place].high)
        if offset < bounds[place].low or _below(offset, gammas[place], weights[place], source):
            return place


def _below(point: int, gamma: Fraction, weight: int, source: Entropy) -> bool:
    """True when `point`, continued by fair bits, lies below weight · exp(−gamma) · 2^128."""
    bits = _BITS
    while True:
        bounds = _exp_bounds(gamma, bits)
        if point < weight * bounds.low:
            return True
        if point >= weight * bounds.high:
            return False
        point = (point << _MORE) | source.integer(1 << _MORE)
        bits += _MORE


def _exp_bounds(gamma: Fraction, bits: int) -> _Bounds:
    """Integers around exp(−gamma)·2^bits.

    `Decimal.exp` is rounded correctly to its precision, and so is the division before it: with 20 digits more than the
    result has, both errors together are below a relative (2 + gamma)·10^-(digits − 1).
    """
    if gamma == 0:
        return _Bounds(1 << bits, 1 << bits)
    if gamma > bits:
        return _Bounds(0, 1)
    digits = bits // 3 + 20
    context = Context(prec=digits)
    power = context.exp(context.divide(Decimal(-gamma.numerator), Decimal(gamma.denominator)))
    near = Fraction(power) * (1 << bits)
    error = near * (2 + gamma) / 10 ** (digits - 2)
    low, high = near - error, near + error
    return _Bounds(low.numerator // low.denominator, -(-high.numerator // high.denominator))
