"""Arithmetic that several national numbers share."""

from __future__ import annotations

from collections.abc import Sequence


def digits_of(text: str, /) -> list[int]:
    """The decimal digits (0 to 9) of `text`, in order."""
    return [int(character) for character in text if "0" <= character <= "9"]


def weighted(digits: Sequence[int], weights: Sequence[int], /) -> int:
    """Sum of digits times weights; digits beyond the weights are left out."""
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def luhn(digits: Sequence[int], /) -> bool:
    """True when the digits end with their Luhn check digit (ISO/IEC 7812-1, annex B)."""
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def differ(digits: Sequence[int], /) -> bool:
    """True unless all digits are the same: such numbers pass many checksums and are given to nobody."""
    return len(set(digits)) > 1
