"""Real numbers on a lattice of steps, and how far two neighbours can be apart there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np

from assay.core.errors import AssayError
from assay.privacy.loss.amount import Number, positive

Real = int | float | Decimal | Fraction


def step_of(granularity: Number, /) -> Fraction:
    """`granularity` as an exact positive number; a float is the shortest decimal that denotes it, so 0.1 is 1/10."""
    return positive(repr(granularity) if isinstance(granularity, float) else granularity, name="granularity")


def rounded(values: Sequence[Real], step: Fraction, /) -> list[int]:
    """Each value, exactly as it is, as the nearest whole number of steps (halves to even).

    Values must be finite: clamp or replace what is not before, by a rule that is public. The error does not say where.
    """
    try:
        return [round(Fraction(value) / step) for value in values]
    except (ValueError, OverflowError, TypeError) as error:
        raise AssayError(
            "Values must be finite numbers.", code="values", hint="Clamp them to public bounds before noise is added."
        ) from error


def l1(sensitivity: Number, step: Fraction, coordinates: int, /) -> int:
    """An upper bound, in steps, of the L1 distance of two neighbours after rounding.

    Two numbers that differ by a steps differ by at most ⌈a⌉ once rounded, so those that differ by A in total, in d
    coordinates, differ by Σ⌈a_i⌉ < A + d, which is at most ⌈A⌉ + d − 1.
    """
    return math.ceil(positive(sensitivity, name="sensitivity") / step) + _counted(coordinates) - 1


def l2_squared(sensitivity: Number, step: Fraction, coordinates: int, /) -> Fraction:
    """An upper bound, in squared steps, of the squared L2 distance of two neighbours after rounding.

    ⌈A⌉² for one coordinate. For d, each coordinate grows by less than 1: at most (A + √d)² by the triangle inequality,
    with √d rounded up.
    """
    size = positive(sensitivity, name="sensitivity") / step
    if _counted(coordinates) == 1:
        return Fraction(math.ceil(size) ** 2)
    root = Fraction(math.isqrt((coordinates << 64) - 1) + 1, 1 << 32)
    return (size + root) ** 2


def _counted(coordinates: int) -> int:
    if coordinates < 1:
        raise AssayError(
            f"coordinates must be 1 or more; it is {coordinates}.",
            code="coordinates",
            hint="Give how many of the values one unit can change.",
        )
    return coordinates


def whole(values: Sequence[Real], /, *, name: str) -> list[int]:
    """`values` as Python ints; an error that shows none of them where one is no integer."""
    found: list[int] = []
    for value in values:
        plain = value.item() if isinstance(value, np.generic) else value
        if not isinstance(plain, int) or isinstance(plain, bool):
            raise AssayError(f"{name} must be integers.", code="values", hint="Round them to a public lattice first.")
        found.append(plain)
    return found


def whole_l2_squared(sensitivity: Number, /) -> Fraction:
    """The square of a sensitivity of vectors of integers: rounded down, as their squared distances are integers."""
    return Fraction(whole_sensitivity(positive(sensitivity, name="sensitivity") ** 2))


def whole_sensitivity(sensitivity: Number, /) -> int:
    """A positive sensitivity of integers: rounded down, as integers differ by integers; below 1 is an error."""
    number = math.floor(positive(sensitivity, name="sensitivity"))
    if number < 1:
        raise AssayError(
            f"Integers that differ at all differ by 1: the sensitivity cannot be {sensitivity}.",
            code="sensitivity",
            hint="Give 1 or more, or use real values with a granularity.",
        )
    return number
