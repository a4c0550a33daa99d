"""Scales: where a number or a name lies on the picture, and the ticks that say so."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sized
from dataclasses import dataclass
from typing import Any

from assay.core.canonical import rounded
from assay.core.errors import AssayError
from assay.pictures.wording import clean, number_text

LARGEST = 1e300
"""Numbers beyond this cannot be put on an axis."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and its label."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers from `low` to `high`, drawn from `start` to `end` (`end` may be the smaller: y grows downwards)."""

    low: float
    high: float
    start: float
    end: float
    step: float

    def at(self, value: float) -> float:
        """Where `value` lies."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """Every multiple of `step`, with as many decimals as the step needs."""
        decimals = max(0, -math.floor(math.log10(self.step) + 1e-9))
        first, last = round(self.low / self.step), round(self.high / self.step)
        values = [rounded(i * self.step) for i in range(first, last + 1)]
        large = max(abs(self.low), abs(self.high)) >= 1e7 or decimals > 7
        return tuple(Tick(self.at(v), number_text(v, decimals=None if large else decimals)) for v in values)


@dataclass(frozen=True, slots=True)
class Names:
    """Names in order, each in the middle of a band; two names that look alike stay two."""

    names: tuple[str, ...]
    start: float
    end: float

    @property
    def band(self) -> float:
        """How much room a name has."""
        return abs(self.end - self.start) / max(1, len(self.names))

    def at(self, name: str) -> float:
        """The middle of the band of `name`."""
        return self.start + (self.names.index(name) + 0.5) / len(self.names) * (self.end - self.start)

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """Every name; every second, third … one where they would overlap."""
        every = max(1, math.ceil(13 / self.band)) if self.names else 1
        places = [self.start + (i + 0.5) / len(self.names) * (self.end - self.start) for i in range(len(self.names))]
        found = list(zip(places, self.names, strict=True))[::every]
        return tuple(Tick(at, clean(name)) for at, name in found)


Axis = Scale | Names


def nice_scale(values: Iterable[float | None], /, *, start: float, end: float, most: int = 7) -> Scale:
    """A Scale over `values` whose ends and at most about `most` ticks are 1, 2 or 5 times a power of ten."""
    known = [v for v in values if v is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    size = max(abs(low), abs(high))
    if high - low <= 1e-9 * size or size < 1e-290:
        pad = 0.1 * size if size >= 1e-290 else 0.5
        low, high = low - pad, high + pad
    rough = (high - low) / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Scale(first * step, max(last, first + 1) * step, start, end, step)


def numbers(values: Iterable[Any], /, *, what: str) -> tuple[float | None, ...]:
    """`values` as floats of ten digits, so that every machine draws the same; None is what is missing.

    Raises AssayError for NaN, infinity and what no axis can hold.
    """
    out: list[float | None] = []
    for value in values:
        number = None if value is None else float(value)
        if number is not None and not abs(number) < LARGEST:
            raise AssayError(
                f"{what}: {number} cannot be drawn.", code="picture", hint="Give None for a number that is missing."
            )
        out.append(None if number is None else rounded(number))
    return tuple(out)


def same_length(what: str, /, *columns: Sized | None) -> None:
    """Raises AssayError where the columns that are given are not equally long."""
    lengths = {len(column) for column in columns if column is not None}
    if len(lengths) > 1:
        raise AssayError(f"{what}: the columns have different lengths ({sorted(lengths)}).", code="picture")
