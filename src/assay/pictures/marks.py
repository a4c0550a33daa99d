"""What is drawn on axes: lines, points, bars and heat maps, as SVG elements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from assay.pictures.axes import Axis, Names
from assay.pictures.paint import INK, MUTED, colour_of, coordinate, dash_of, ink_on, marker, shade
from assay.pictures.wording import escaped, number_text, width_of

Place = float | str | None
"""A number, a name, or nothing."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The two axes of a picture and how many series of bars share a band."""

    x: Axis
    y: Axis
    slots: int = 1


class Mark(Protocol):
    """A layer of a picture."""

    @property
    def name(self) -> str:
        """What the legend calls it; empty for what needs no legend."""

    def x_values(self) -> Iterable[Place]:
        """What must lie on the x axis."""

    def y_values(self) -> Iterable[Place]:
        """What must lie on the y axis."""

    def draw(self, frame: Frame, /) -> Iterator[str]:
        """The SVG elements."""

    def key(self, x: float, y: float, /) -> str:
        """A sample for the legend, 24 wide, that begins at (x, y)."""


def at(axis: Axis, value: Place, /) -> float | None:
    """Where `value` lies on `axis`; None where it is missing."""
    if value is None:
        return None
    return axis.at(str(value)) if isinstance(axis, Names) else axis.at(float(value))


def path(points: Sequence[tuple[float, float]], /) -> str:
    """The `points` attribute of a polyline or polygon."""
    return " ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in points)


@dataclass(frozen=True, slots=True)
class Line:
    """A line with a band from `low` to `high`; it breaks where a number is missing."""

    name: str
    index: int
    xs: tuple[Place, ...]
    ys: tuple[Place, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()

    def x_values(self) -> Iterable[Place]:
        """Its x."""
        return self.xs

    def y_values(self) -> Iterable[Place]:
        """Its y and the ends of its band."""
        return (*self.ys, *self.low, *self.high)

    def draw(self, frame: Frame, /) -> Iterator[str]:
        """The band, then the line, a piece between two gaps each; a single point is a dot."""
        colour = colour_of(self.index)
        lows, highs = self.low or self.ys, self.high or self.ys
        for piece in self._pieces(lows, frame):
            upper = {x: y for part in self._pieces(highs, frame) for x, y in part}
            back = [(x, upper[x]) for x, _ in reversed(piece) if x in upper]
            if self.low and len(piece) > 1 and len(back) == len(piece):
                yield f'<polygon points="{path([*piece, *back])}" fill="{colour}" fill-opacity="0.15"/>'
        for piece in self._pieces(self.ys, frame):
            if len(piece) == 1:
                yield marker(*piece[0], self.index)
            else:
                yield (
                    f'<polyline points="{path(piece)}" fill="none" stroke="{colour}" stroke-width="2"'
                    f'{dash_of(self.index)} stroke-linejoin="round"/>'
                )

    def _pieces(self, ys: Sequence[Place], frame: Frame) -> list[list[tuple[float, float]]]:
        """The points between two gaps."""
        found = [(at(frame.x, x), at(frame.y, y)) for x, y in zip(self.xs, ys, strict=True)]
        runs = groupby(found, key=lambda p: p[0] is not None and p[1] is not None)
        return [[(x, y) for x, y in run if x is not None and y is not None] for known, run in runs if known]

    def key(self, x: float, y: float, /) -> str:
        """A piece of the line."""
        ends = f'x1="{coordinate(x)}" x2="{coordinate(x + 24)}" y1="{coordinate(y)}" y2="{coordinate(y)}"'
        return f'<line {ends} stroke="{colour_of(self.index)}" stroke-width="2"{dash_of(self.index)}/>'


@dataclass(frozen=True, slots=True)
class Points:
    """Points, with an interval on the axis of numbers (y where both are); `parts` in [0, 1] are their shades."""

    name: str
    index: int
    xs: tuple[Place, ...]
    ys: tuple[Place, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    sizes: tuple[float, ...] = ()
    parts: tuple[float | None, ...] = ()

    @property
    def _sideways(self) -> bool:
        return any(isinstance(y, str) for y in self.ys)

    def x_values(self) -> Iterable[Place]:
        """Its x, and the ends of intervals that lie along x."""
        return (*self.xs, *self.low, *self.high) if self._sideways else self.xs

    def y_values(self) -> Iterable[Place]:
        """Its y, and the ends of intervals that lie along y."""
        return self.ys if self._sideways else (*self.ys, *self.low, *self.high)

    def draw(self, frame: Frame, /) -> Iterator[str]:
        """The interval of each point, then the point."""
        for i, (x, y) in enumerate(zip(self.xs, self.ys, strict=True)):
            left, top = at(frame.x, x), at(frame.y, y)
            if left is None or top is None:
                continue
            if self.low and self.high:
                yield self._interval(frame, left, top, self.low[i], self.high[i])
            part = self.parts[i] if self.parts else None
            fill = shade(0.15 + 0.85 * part) if part is not None else MUTED if self.parts else ""
            yield marker(left, top, self.index, size=self.sizes[i] if self.sizes else 1.0, fill=fill)

    def _interval(self, frame: Frame, x: float, y: float, low: Place, high: Place) -> str:
        axis = frame.x if self._sideways else frame.y
        first, last = at(axis, low), at(axis, high)
        if first is None or last is None:
            return ""
        ends = (first, last, y, y) if self._sideways else (x, x, first, last)
        return line(*ends, colour=colour_of(self.index))

    def key(self, x: float, y: float, /) -> str:
        """The marker."""
        return marker(x + 12, y, self.index)


def line(x1: float, x2: float, y1: float, y2: float, /, *, colour: str, width: float = 1.4) -> str:
    """A straight line."""
    a, b, c, d = map(coordinate, (x1, x2, y1, y2))
    return f'<line x1="{a}" x2="{b}" y1="{c}" y2="{d}" stroke="{colour}" stroke-width="{width}"/>'


@dataclass(frozen=True, slots=True)
class Bars:
    """Horizontal bars from zero, with the interval of each; `slot` is its place among the bars of a name.

    Alone (`signed`), what is below zero has another colour.
    """

    name: str
    index: int
    slot: int
    names: tuple[str, ...]
    values: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    signed: bool = False

    def x_values(self) -> Iterable[Place]:
        """Zero, the values and the ends of intervals."""
        return (0.0, *self.values, *self.low, *self.high)

    def y_values(self) -> Iterable[Place]:
        """The names."""
        return self.names

    def draw(self, frame: Frame, /) -> Iterator[str]:
        """Each bar, then its interval; where the number is missing, a dash."""
        assert isinstance(frame.y, Names)
        thick = 0.72 * frame.y.band / frame.slots
        zero = at(frame.x, 0.0) or 0.0
        for i, (name, value) in enumerate(zip(self.names, self.values, strict=True)):
            middle = frame.y.at(name) + (self.slot - (frame.slots - 1) / 2) * thick
            end = at(frame.x, value)
            if value is None or end is None:
                yield f'<text x="{coordinate(zero + 5)}" y="{coordinate(middle + 4)}" fill="{MUTED}">–</text>'
                continue
            colour = colour_of(1 if self.signed and value < 0 else self.index)
            yield rect(min(zero, end), middle - thick / 2, abs(end - zero), thick - 1, fill=colour)
            low, high = (at(frame.x, side[i]) if side else None for side in (self.low, self.high))
            if low is not None and high is not None:
                yield line(low, high, middle - 0.5, middle - 0.5, colour=INK)

    def key(self, x: float, y: float, /) -> str:
        """A small bar."""
        return rect(x + 4, y - 5, 16, 10, fill=colour_of(self.index))


def rect(x: float, y: float, width: float, height: float, /, *, fill: str) -> str:
    """A filled rectangle."""
    a, b, c, d = map(coordinate, (x, y, width, height))
    return f'<rect x="{a}" y="{b}" width="{c}" height="{d}" fill="{fill}"/>'


@dataclass(frozen=True, slots=True)
class Heat:
    """A table of numbers as shades: darker is further from zero, blue above and orange below."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    texts: tuple[tuple[str, ...], ...]
    most: float
    name: str = ""

    def x_values(self) -> Iterable[Place]:
        """The columns."""
        return self.columns

    def y_values(self) -> Iterable[Place]:
        """The rows."""
        return self.rows

    def draw(self, frame: Frame, /) -> Iterator[str]:
        """Each cell with its text, where there is room for it; a missing number leaves the cell empty."""
        assert isinstance(frame.x, Names)
        assert isinstance(frame.y, Names)
        wide, tall = frame.x.band, frame.y.band
        for i, row in enumerate(self.rows):
            for j, column in enumerate(self.columns):
                value, x, y = self.values[i][j], frame.x.at(column), frame.y.at(row)
                text = self.texts[i][j] if self.texts else number_text(value) if value is not None else ""
                part = (value or 0.0) / self.most
                if value is not None:
                    yield rect(x - wide / 2, y - tall / 2, wide - 1, tall - 1, fill=shade(part))
                if text and width_of(text) < wide and tall >= 14:
                    place = f'x="{coordinate(x)}" y="{coordinate(y + 4)}" text-anchor="middle"'
                    yield f'<text {place} fill="{ink_on(part)}">{escaped(text)}</text>'

    def key(self, x: float, y: float, /) -> str:
        """Nothing: a heat map has a scale of shades instead."""
        return ""
