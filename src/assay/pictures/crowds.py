"""Marks of many at once: a cloud of dots, a bundle of thin lines, the rug under them, in few elements each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.pictures.axes import Axis, Names
from assay.pictures.marks import Frame, Place, line
from assay.pictures.paint import INK, MUTED, colour_of, coordinate, marker

Floats = NDArray[np.float64]

_STROKES = (
    "h0",
    "m-2 -2h4v4h-4z",
    "m0 -3l3 5h-6z",
    "m0 -3l3 3l-3 3l-3 -3z",
    "m0 3l3 -5h-6z",
    "m-2.5 0h5m-2.5 -2.5v5",
    "m-3 0l3 -3l3 3h-2v3h-2v-3z",
)
"""Shapes drawn from the middle of a dot: the same to the eye as the markers of `paint`, and a tenth as long."""


def dots(xs: Floats, ys: Floats, /, *, colour: str, shape: int = 0, size: float = 4.0, opacity: float = 1.0) -> str:
    """One element with a dot at each (x, y) of the sheet; shape 0 is round, with `size` its diameter."""
    if not len(xs):
        return ""
    stroke = _STROKES[shape % len(_STROKES)]
    where = "".join(f"M{coordinate(x)} {coordinate(y)}{stroke}" for x, y in zip(xs.tolist(), ys.tolist(), strict=True))
    seen = "" if opacity == 1 else f' opacity="{opacity:.2f}"'
    if shape % len(_STROKES) == 0:
        look = f'fill="none" stroke="{colour}" stroke-width="{coordinate(size)}" stroke-linecap="round"'
    else:
        look = f'fill="{colour}" stroke="{colour}" stroke-width="1"'
    return f'<path d="{where}" {look}{seen}/>'


def places(axis: Axis, values: tuple[Place, ...], /) -> Floats:
    """(points,) where each value lies on the axis; NaN where it is missing."""
    if isinstance(axis, Names):
        known: dict[Place, float] = {name: axis.at(name) for name in axis.names}
        return np.array([known.get(value, np.nan) for value in values])
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    return np.asarray(axis.start + (numbers - axis.low) / (axis.high - axis.low) * (axis.end - axis.start))


@dataclass(frozen=True, slots=True)
class Cloud:
    """A dot for each (x, y), round or of the series' own shape; on an axis of names they spread over half the band.

    `shape` and `colour` are those of the series `index` where they are not given.
    """

    name: str
    index: int
    xs: tuple[Place, ...]
    ys: tuple[Place, ...]
    colour: str = ""

    def x_values(self) -> Iterable[Place]:
        """Its x."""
        return self.xs

    def y_values(self) -> Iterable[Place]:
        """Its y."""
        return self.ys

    def draw(self, frame: Frame, /) -> Iterator[str]:
        """All dots as one element; the spread is by order of the dots, the same every time."""
        x, y = places(frame.x, self.xs), places(frame.y, self.ys)
        for axis, here in ((frame.x, x), (frame.y, y)):
            if isinstance(axis, Names):
                # The golden ratio's multiples are spread evenly over [0, 1) however many there are (Weyl 1916).
                here += (np.arange(len(here)) * 0.6180339887498949 % 1.0 - 0.5) * 0.5 * axis.band
        known = ~(np.isnan(x) | np.isnan(y))
        yield dots(x[known], y[known], colour=self._colour, shape=self.index, opacity=0.75)

    @property
    def _colour(self) -> str:
        return self.colour or colour_of(self.index)

    def key(self, x: float, y: float, /) -> str:
        """The marker."""
        return marker(x + 12, y, self.index, fill=self._colour)


@dataclass(frozen=True, slots=True)
class Threads:
    """Many thin pale lines over the same `xs`: `curves` has a row of y for each."""

    name: str
    xs: tuple[Place, ...]
    curves: Floats

    def x_values(self) -> Iterable[Place]:
        """Their x."""
        return self.xs

    def y_values(self) -> Iterable[Place]:
        """The least and the greatest y."""
        return (float(self.curves.min()), float(self.curves.max())) if self.curves.size else ()

    def draw(self, frame: Frame, /) -> Iterator[str]:
        """All lines as one element."""
        if not self.curves.size:
            return
        xs = [coordinate(x) for x in places(frame.x, self.xs).tolist()]
        assert not isinstance(frame.y, Names)
        low, high = frame.y.low, frame.y.high
        tall = frame.y.start + (self.curves - low) / (high - low) * (frame.y.end - frame.y.start)
        runs = ("M" + "L".join(f"{x} {coordinate(y)}" for x, y in zip(xs, run, strict=True)) for run in tall.tolist())
        yield f'<path d="{"".join(runs)}" fill="none" stroke="{MUTED}" stroke-width="0.7" stroke-opacity="0.25"/>'

    def key(self, x: float, y: float, /) -> str:
        """A thin line."""
        return line(x, x + 24, y, y, colour=MUTED, width=0.7)


@dataclass(frozen=True, slots=True)
class Rug:
    """A short stroke at the foot of the picture for each of `xs`: where there are rows."""

    name: str
    xs: tuple[Place, ...]

    def x_values(self) -> Iterable[Place]:
        """Its x."""
        return self.xs

    def y_values(self) -> Iterable[Place]:
        """Nothing."""
        return ()

    def draw(self, frame: Frame, /) -> Iterator[str]:
        """All strokes as one element; those that would fall together are drawn once."""
        assert not isinstance(frame.y, Names)
        at = sorted({coordinate(x) for x in places(frame.x, self.xs).tolist() if not np.isnan(x)}, key=float)
        foot = coordinate(frame.y.start)
        if at:
            marks = "".join(f"M{x} {foot}v-7" for x in at)
            yield f'<path d="{marks}" fill="none" stroke="{INK}" stroke-width="0.8" stroke-opacity="0.7"/>'

    def key(self, x: float, y: float, /) -> str:
        """A few strokes."""
        return f'<path d="M{coordinate(x + 6)} {coordinate(y + 4)}v-8m5 8v-8m2 8v-8" stroke="{INK}"/>'
