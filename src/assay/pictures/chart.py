"""A chart: layers on two axes, with a title, a legend and a scale of shades, as one SVG text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.pictures.axes import numbers, same_length
from assay.pictures.crowds import Cloud, Rug, Threads
from assay.pictures.layout import Ends, render
from assay.pictures.marks import Bars, Heat, Line, Mark, Place, Points
from assay.pictures.picture import Picture

Column = Sequence[Any] | NDArray[Any]
"""Numbers, names or None, one for each point; an array of numpy will do."""

LARGEST_MARKER = 2.2
"""How many times the usual marker the largest of sized points is."""


class Chart:
    """A chart that layers are added to, one call each; `svg()` is the picture.

    Numbers or names may be given for x and y; an axis with names lists them in the order they came, y from above.
    A layer without a name has the colour of the one before it (the points of a line).
    None is a number that is missing and is left out; NaN and infinity are refused. `height` None: as high as the
    names on y need, else 400. `note` is small print under the title.
    """

    def __init__(
        self, title: str, *, x: str = "", y: str = "", note: str = "", width: int = 720, height: int | None = None
    ) -> None:
        self.title, self.x, self.y, self.note, self.width, self.height = title, x, y, note, width, height
        self._marks: list[Mark] = []
        self._shades: Ends | None = None

    def line(
        self,
        xs: Column,
        ys: Column,
        *,
        name: str = "",
        low: Column | None = None,
        high: Column | None = None,
    ) -> None:
        """Add a line through (xs, ys), in that order, with a band from `low` to `high`; None breaks it."""
        same_length("line", xs, ys, low, high)
        band = _interval("line", low, high)
        places = _places(xs, "line"), _places(ys, "line")
        self._marks.append(Line(name, self._series(name), *places, low=band.low, high=band.high))

    def points(
        self,
        xs: Column,
        ys: Column,
        *,
        name: str = "",
        low: Column | None = None,
        high: Column | None = None,
        sizes: Column | None = None,
        shades: Column | None = None,
    ) -> None:
        """Add points with intervals; `sizes` (not negative) are areas, `shades` numbers drawn pale to dark.

        An interval lies along the axis that has numbers, along y where both have.
        """
        same_length("points", xs, ys, low, high, sizes, shades)
        ends = _interval("points", low, high)
        self._marks.append(
            Points(
                name,
                self._series(name),
                _places(xs, "points"),
                _places(ys, "points"),
                low=ends.low,
                high=ends.high,
                sizes=_radii(numbers(sizes if sizes is not None else (), what="sizes")),
                parts=self._parts(numbers(shades if shades is not None else (), what="shades")),
            )
        )

    def bars(
        self,
        names: Sequence[str],
        values: Column,
        *,
        low: Column | None = None,
        high: Column | None = None,
        name: str = "",
    ) -> None:
        """Add horizontal bars from zero, the first name on top; a second call puts its bars beside the first's."""
        same_length("bars", names, values, low, high)
        slot = sum(isinstance(mark, Bars) for mark in self._marks)
        ends = _interval("bars", low, high)
        self._marks.append(
            Bars(
                name,
                self._series(name),
                slot,
                _once("bars", names),
                numbers(values, what="bars"),
                low=ends.low,
                high=ends.high,
                signed=not name,
            )
        )

    def heat(
        self,
        rows: Sequence[str],
        columns: Sequence[str],
        values: Sequence[Sequence[Any]] | NDArray[Any],
        *,
        texts: Sequence[Sequence[str]] | None = None,
    ) -> None:
        """Add a heat map of `values` (a row each), shaded by distance from zero; `texts` in place of the numbers."""
        for table in (values, texts if texts is not None else values):
            same_length("heat", rows, table)
            for row in table:
                same_length("heat", columns, row)
        found = tuple(numbers(row, what="heat") for row in values)
        known = [v for row in found for v in row if v is not None]
        most = max(map(abs, known), default=0.0) or 1.0
        written = tuple(tuple(map(str, row)) for row in texts) if texts is not None else ()
        self._marks.append(Heat(_once("heat", rows), _once("heat", columns), found, written, most))
        self._shades = Ends(-most if any(v < 0 for v in known) else 0.0, most, signed=True)

    def cloud(self, xs: Column, ys: Column, *, name: str = "", colour: str = "") -> None:
        """Add a dot for each point, thousands if need be; on an axis of names they are spread within the band."""
        same_length("cloud", xs, ys)
        self._marks.append(Cloud(name, self._series(name), _places(xs, "cloud"), _places(ys, "cloud"), colour))

    def threads(self, xs: Column, curves: NDArray[Any], *, name: str = "") -> None:
        """Add a thin pale line for each row of `curves` (lines, points), numbers over the same `xs`."""
        for curve in curves[:1]:
            same_length("threads", xs, curve)
        numbers((curves.min(), curves.max()) if curves.size else (), what="threads")
        self._marks.append(Threads(name, _places(xs, "threads"), curves))

    def rug(self, xs: Column, *, name: str = "") -> None:
        """Add a short stroke at the foot for each of `xs`: where there are rows."""
        self._marks.append(Rug(name, _places(xs, "rug")))

    def add(self, mark: Mark, /) -> None:
        """Add any other Mark."""
        self._marks.append(mark)

    def picture(self) -> Picture:
        """The picture, to be shown or written to a file."""
        return Picture(self.title, self.svg())

    def svg(self) -> str:
        """The picture as SVG text: fixed size, light ground, no script, no link, every text escaped."""
        return render(self, self._marks, self._shades)

    def _series(self, name: str) -> int:
        """The number of a new series; a layer without a name belongs to the one before it."""
        names = [mark.name for mark in self._marks if not isinstance(mark, Threads | Rug)]
        return sum(map(bool, [*names[1:], name])) if names else 0

    def _parts(self, shades: Sequence[float | None]) -> tuple[float | None, ...]:
        """Each shade as a share of the way from the least to the greatest."""
        known = [v for v in shades if v is not None]
        if not known:
            return tuple(shades)
        low, high = min(known), max(known)
        self._shades = Ends(low, high, signed=False)
        return tuple(None if v is None else (v - low) / (high - low) if high > low else 0.5 for v in shades)


@dataclass(frozen=True, slots=True)
class _Interval:
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


def _interval(what: str, low: Column | None, high: Column | None) -> _Interval:
    """Both sides of an interval, or neither."""
    if low is None and high is None:
        return _Interval()
    if low is None or high is None:
        raise AssayError(f"{what}: an interval has two ends: give low and high, or neither.", code="picture")
    return _Interval(numbers(low, what=what), numbers(high, what=what))


def _places(values: Column, what: str) -> tuple[Place, ...]:
    """Numbers, or names where they are texts."""
    if any(isinstance(value, str) for value in values):
        return tuple(None if value is None else str(value) for value in values)
    return numbers(values, what=what)


def _once(what: str, names: Sequence[str]) -> tuple[str, ...]:
    if not len(names) or len(set(names)) < len(names):
        raise AssayError(f"{what}: at least one name is needed, and each only once.", code="picture")
    return tuple(map(str, names))


def _radii(sizes: Sequence[float | None]) -> tuple[float, ...]:
    """How many times the usual marker each point is, so that areas are in proportion; never too small to see."""
    known = [max(0.0, v or 0.0) for v in sizes]
    most = max(known, default=0.0) or 1.0
    return tuple(max(0.4, LARGEST_MARKER * (v / most) ** 0.5) for v in known)
