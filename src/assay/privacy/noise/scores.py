"""Scores of candidates, and how steeply a choice may follow them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from assay.core.errors import AssayError
from assay.privacy.loss.amount import Number, positive
from assay.privacy.noise.bernoulli import Integers, integers


def rate_of(epsilon: Fraction, sensitivity: Number, /, *, monotonic: bool) -> Fraction:
    """What one unit of score counts in the exponent: epsilon / (2 · sensitivity), or twice that where monotonic."""
    return epsilon / ((1 if monotonic else 2) * positive(sensitivity, name="sensitivity"))


def scored(scores: Sequence[int | Fraction], /) -> list[Fraction]:
    """`scores` as exact rational numbers; floats are refused, because their sums and differences are not exact."""
    found = [score.item() if hasattr(score, "item") else score for score in scores]
    if not found or not all(isinstance(score, int | Fraction) for score in found):
        raise AssayError(
            "Scores must be integers or Fractions, and one at least.",
            code="values",
            hint="Count, or round to a public lattice and use the whole steps.",
        )
    return [Fraction(score) for score in found]


def weighed(weights: Sequence[int] | None, n: int, /) -> list[int]:
    """`weights` as Python ints, 1 for each of `n` candidates where there are none."""
    if weights is None:
        return [1] * n
    found = [int(weight) for weight in weights]
    if len(found) != n or min(found) < 0 or not any(found):
        raise AssayError(
            f"Weights must be {n} integers from 0 up, not all 0.", code="weights", hint="Give one for each score."
        )
    return found


def exponents(scores: Sequence[Fraction], rate: Fraction, /) -> tuple[Integers, int]:
    """rate · (best − score) of each candidate as numerators over one denominator."""
    common = math.lcm(*(score.denominator for score in scores), 1) * rate.denominator
    best = max(scores)
    return integers([int((best - score) * rate * common) for score in scores]), common
