"""Amounts of privacy as exact rational numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction

from assay.core.errors import AssayError

Number = int | float | str | Decimal | Fraction
"""What a person may write for an exact number: `Fraction(1, 3)`, `"0.1"`, `"1/3"`, `2`, `0.1`."""

FLOAT_DECIMALS = 17
"""Significant decimal digits of a float's value; further digits round it up."""

UNITS = ("epsilon", "delta", "rho", "rdp")
"""`epsilon` and `delta` of differential privacy, `rho` of zCDP, `rdp` of Rényi differential privacy at one order."""

FURTHEST = 300
"""Powers of ten that a number may be away from 1: floats go little further, and a huge power takes for ever."""

_POWER = re.compile(r"[eE]([+-]?[0-9_]+)\Z")
_CEILING = Context(prec=FLOAT_DECIMALS, rounding=ROUND_CEILING)


def exact(value: Number, /, *, name: str) -> Fraction:
    """`value` as a rational number: texts, decimals and integers exactly, a float rounded up.

    A float is a binary number near what was typed. Its exact value is rounded up to FLOAT_DECIMALS significant
    digits, so that 0.1 is 0.10000000000000001: never less than the computer would calculate with. Write "0.1" for one
    tenth. `name` is used in the AssayError "number" for what is no finite number, or one further than 1e300 or 1e-300.
    """
    found = _fraction(value)
    if found is None or (found and not Fraction(1, 10**FURTHEST) <= abs(found) <= 10**FURTHEST):
        raise AssayError(
            f"{name} {value!r} is not a finite number that can be used.",
            code="number",
            hint=f'Write {name} as in 0.5, "0.1" or "1/3", within 1e-300 and 1e300.',
        )
    return found


def written(value: float, /) -> Fraction:
    """The decimal that a float is written as: 1e-5 is one in 100,000, and not the next binary number above it.

    The shortest decimal that no other float is nearer to, at most half of the last bit away: for what a person typed
    and is held to elsewhere as a text, as the terms of a ledger are.
    """
    return Fraction(repr(float(value)))


def _fraction(value: Number) -> Fraction | None:
    """None for what is no finite number, or too far from 1 to be written out."""
    if isinstance(value, float) and math.isfinite(value):
        return Fraction(_CEILING.create_decimal_from_float(value))
    if isinstance(value, int | Fraction) and not isinstance(value, bool):
        return Fraction(value)
    if isinstance(value, str | Decimal) and len(text := str(value).strip()) <= 100:
        power = _POWER.search(text)
        try:
            return None if power and abs(int(power[1])) > 2 * FURTHEST else Fraction(text)
        except (ValueError, ZeroDivisionError):
            pass
    return None


def positive(value: Number, /, *, name: str) -> Fraction:
    """`value` as an exact rational number above 0, or AssayError `name`."""
    number = exact(value, name=name)
    if number <= 0:
        raise AssayError(f"{name} must be above 0; it is {value!r}.", code=name, hint=f"Give a positive {name}.")
    return number


def probability(value: Number, /, *, name: str) -> Fraction:
    """`value` as an exact rational number strictly between 0 and 1, or AssayError `name`."""
    number = exact(value, name=name)
    if not 0 < number < 1:
        raise AssayError(
            f"{name} must lie strictly between 0 and 1; it is {value!r}.", code=name, hint="Give for example 1e-6."
        )
    return number


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Amount(Mapping[str, Fraction]):
    """Unit -> exact rational number; units that are not given are absent, not 0. Nothing is below 0.

    >>> Amount(epsilon="0.1") + Amount(epsilon="0.2", delta="1e-6")
    Amount(epsilon='3/10', delta='1/1000000')
    """

    numbers: Mapping[str, Fraction]

    def __init__(
        self,
        *,
        epsilon: Number | None = None,
        delta: Number | None = None,
        rho: Number | None = None,
        rdp: Number | None = None,
    ) -> None:
        given = zip(UNITS, (epsilon, delta, rho, rdp), strict=True)
        numbers = {unit: exact(value, name=unit) for unit, value in given if value is not None}
        if not numbers:
            raise AssayError("An amount of privacy needs at least one unit.", code="amount", hint=f"Units: {UNITS}.")
        for unit, number in numbers.items():
            if number < 0 or (unit == "delta" and number >= 1):
                raise AssayError(f"{unit} {number} is no amount of privacy.", code=unit, hint="Give 0 or more.")
        object.__setattr__(self, "numbers", numbers)

    def __getitem__(self, unit: str) -> Fraction:
        return self.numbers[unit]

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def __eq__(self, other: object) -> bool:
        return dict(self) == dict(other) if isinstance(other, Mapping) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.numbers.items()))

    def __repr__(self) -> str:
        return f"Amount({', '.join(f'{unit}={str(number)!r}' for unit, number in self.numbers.items())})"

    def __add__(self, other: Amount) -> Amount:
        """The sum of each unit: basic composition, right for every measure that these units belong to."""
        units = [unit for unit in UNITS if unit in self or unit in other]
        return Amount(**{unit: self.get(unit, Fraction()) + other.get(unit, Fraction()) for unit in units})
