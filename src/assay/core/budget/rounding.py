"""Rationals rounded in the direction that is safe: what is spent never shrinks, what is left never grows."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from math import isqrt
from typing import Literal

GRID = 10**30
"""Amounts are kept to thirty decimals: far below any loss that matters, and sums stay short."""

SMALL = 1000
"""Denominators up to this are kept as they are, so that three thirds are one."""


def rounded_up(value: Fraction, /) -> Fraction:
    """The least multiple of 1/GRID that is not below `value`; a small denominator stays exact.

    >>> rounded_up(Fraction("0.1")), rounded_up(Fraction(1, 3))
    (Fraction(1, 10), Fraction(1, 3))
    """
    if value.denominator <= SMALL or GRID % value.denominator == 0:
        return value
    return Fraction(-(-value.numerator * GRID // value.denominator), GRID)


def text_of(value: Fraction, /) -> str:
    """`numerator/denominator`, which `exact` reads back."""
    return f"{value.numerator}/{value.denominator}"


def decimal_text(value: Fraction, /, *, toward: Literal["up", "down"], digits: int = 9) -> str:
    """`value` as a short decimal, rounded so that it promises nothing: what is left down, what is spent up.

    >>> decimal_text(Fraction(1, 3), toward="down"), decimal_text(Fraction(1, 10**6), toward="up")
    ('0.333333333', '0.000001')
    """
    context = Context(prec=digits, rounding=ROUND_CEILING if toward == "up" else ROUND_FLOOR)
    found = context.divide(Decimal(value.numerator), Decimal(value.denominator)).normalize(context)
    plain = found == 0 or -9 < found.adjusted() < 16
    return f"{found:f}" if plain else f"{found:e}"


def sqrt_down(value: Fraction, /) -> Fraction:
    """A rational at most √value, within 1/GRID of it; `value` is not negative."""
    return Fraction(isqrt(value.numerator * GRID**2 // value.denominator), GRID)


def sqrt_up(value: Fraction, /) -> Fraction:
    """A rational at least √value, within 2/GRID of it; `value` is not negative."""
    root = sqrt_down(value)
    return root if root * root >= value else root + Fraction(1, GRID)


def log_up(value: Fraction, /) -> Fraction:
    """A rational at least ln(value), within 1e-28 of it, for `value` of 1 or more.

    ln(m 2^k) = k ln 2 + ln m with 1 ≤ m < 2, and ln m = 2 artanh((m - 1)/(m + 1)), whose series has positive terms: the
    rest after the term of degree d is below that of a geometric series.
    """
    if value < 1:
        raise ValueError(f"log_up is for values of 1 or more, not {value}")
    doublings = (value.numerator // value.denominator).bit_length() - 1
    rest = value / (1 << doublings)
    return rounded_up(_log_of_small(rest) + doublings * _log_of_small(Fraction(2)))


def _log_of_small(value: Fraction) -> Fraction:
    """ln(value) rounded up, for 1 ≤ value ≤ 2: there (value - 1)/(value + 1) ≤ 1/3."""
    step = rounded_up((value - 1) / (value + 1))
    total, power, degree = Fraction(0), step, 1
    while power > Fraction(1, 100 * GRID):
        total += power / degree
        power = rounded_up_to(power * step * step, 10**40)
        degree += 2
    tail = power / degree / (1 - step * step)
    return 2 * rounded_up_to(total + tail, 10**40)


def rounded_up_to(value: Fraction, grid: int, /) -> Fraction:
    """The least multiple of 1/grid that is not below `value`."""
    return Fraction(-(-value.numerator * grid // value.denominator), grid)
