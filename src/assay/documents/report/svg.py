"""Geometry of interval plots in per cent of their width, so that one drawing fits a desk and a telephone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from assay.core.measure import Limit, Measure


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis: where (per cent) and its number."""

    at: float
    value: float


@dataclass(frozen=True, slots=True)
class Band:
    """A shaded range (per cent): `kind` is "warn" or "fail"."""

    kind: str
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Zones:
    """What a limit looks like on an axis: shaded bands, and the lines of the failing and the warning limit."""

    bands: tuple[Band, ...] = ()
    fail: tuple[float, ...] = ()
    warn: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A dot and its whisker (per cent). `cut_low` and `cut_high` say that the whisker goes on beyond the axis."""

    at: float
    low: float | None = None
    high: float | None = None
    cut_low: bool = False
    cut_high: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from `low` to `high`, with round ticks."""

    low: float
    high: float
    ticks: tuple[Tick, ...]

    def place(self, value: float, /) -> float:
        """Where `value` lies, in per cent, kept within the axis."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)

    def mark(self, measure: Measure, /) -> Mark | None:
        """The dot and whisker of `measure`; None where it has no value."""
        if measure.value is None:
            return None
        at, interval = self.place(measure.value), measure.interval
        if interval is None:
            return Mark(at)
        return Mark(
            at,
            self.place(interval.low),
            self.place(interval.high),
            interval.low < self.low,
            interval.high > self.high,
        )

    def zones(self, limit: Limit, /) -> Zones:
        """Bands beyond the warning and the failing limit, on the bad side or, for "zero", on both."""
        sides = {"lower": (1,), "higher": (-1,), "zero": (-1, 1)}[limit.better]
        bands: list[Band] = []
        for side in sides:
            sign = side if limit.better == "zero" else 1
            warn, fail = self.place(sign * limit.warn), self.place(sign * limit.fail)
            end = 100.0 if side > 0 else 0.0
            bands += [_band("warn", warn, fail), _band("fail", fail, end)]
        signs = (-1, 1) if limit.better == "zero" else (1,)
        fails = tuple(self.place(s * limit.fail) for s in signs if self.low <= s * limit.fail <= self.high)
        warns = tuple(self.place(s * limit.warn) for s in signs if self.low <= s * limit.warn <= self.high)
        return Zones(tuple(b for b in bands if b.width > 0), fails, warns if limit.warn != limit.fail else ())


def _band(kind: str, start: float, end: float) -> Band:
    return Band(kind, min(start, end), round(abs(end - start), 2))


def axis(measures: Sequence[Measure], limits: Sequence[Limit], /, *, small: int = 0) -> Axis | None:
    """A scale that holds the values, their intervals and the limits, with a little air.

    None without values, and for numbers no drawing can hold.

    Intervals of measures on fewer than `small` rows do not stretch it; their whiskers are cut instead. Numbers
    that all lie within 0 and 1 get a scale that does not leave it.
    """
    values = [m.value for m in measures if m.value is not None]
    if not values:
        return None
    sure = [m.interval for m in measures if m.interval and min(m.rows) >= small]
    edges = [x for limit in limits for x in (limit.warn, limit.fail)]
    edges += [-x for limit in limits if limit.better == "zero" for x in (limit.warn, limit.fail)]
    points = values + [i.low for i in sure] + [i.high for i in sure] + edges
    low, high = min(points), max(points)
    unit = low >= 0 and high <= 1
    air = 0.06 * (high - low) or 0.1 * abs(high) or 0.5
    low, high = low - air, high + air
    if unit:
        low, high = (0.0, 1.0) if high - low > 0.6 else (max(0.0, low), min(1.0, high))
        low = 0.0 if low < 0.12 else low
    return _round(low, high) if 1e-12 * max(abs(low), abs(high)) < high - low < 1e300 else None


def _round(low: float, high: float) -> Axis:
    step = _step((high - low) / 4)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    start, end = first * step, last * step
    values = [float(f"{i * step:.10g}") for i in range(first, last + 1)]
    scale = Axis(start, end, ())
    return Axis(start, end, tuple(Tick(scale.place(v), v) for v in values))


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(m for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999) * power)
