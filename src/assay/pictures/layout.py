"""Where title, legend, axes and layers of a chart go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from assay.core.errors import AssayError
from assay.pictures.axes import Axis, Names, nice_scale
from assay.pictures.marks import Bars, Frame, Heat, Mark, Place, line, rect
from assay.pictures.paint import GRID, MUTED, coordinate, shade
from assay.pictures.sheet import note, sheet
from assay.pictures.wording import escaped, number_text, width_of

LABEL, LEGEND = 60, 40
"""Most letters of the label of an axis and of a name in the legend."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The numbers at the ends of the scale of shades; `signed`: pale is zero, else pale is the low end."""

    low: float
    high: float
    signed: bool


class Described(Protocol):
    """What a picture says of itself."""

    title: str
    x: str
    y: str
    note: str
    width: int
    height: int | None


@dataclass(frozen=True, slots=True)
class Box:
    """The field between the axes, and the height of the whole picture."""

    left: float
    right: float
    top: float
    bottom: float
    height: float
    tilted: bool


def render(chart: Described, marks: Sequence[Mark], shades: Ends | None, /) -> str:
    """The SVG text of a chart; one without layers says that nothing is there to show."""
    rows = list(_legend(marks, chart.width))
    top = 20 if chart.note else 0
    x_names = _names([v for mark in marks for v in mark.x_values()], chart.x or "x")
    y_names = _names([v for mark in marks for v in mark.y_values()], chart.y or "y")
    slots = max(1, sum(isinstance(mark, Bars) for mark in marks))
    box = _box(chart, marks, x_names, y_names, slots, lines=len(rows) + bool(top), scale=shades is not None)
    x = _axis([m.x_values() for m in marks], x_names, box.left, box.right)
    y = _axis([m.y_values() for m in marks], y_names, *((box.top, box.bottom) if y_names else (box.bottom, box.top)))
    body = [
        note(chart.note, 46, width=chart.width) if chart.note else "",
        *(f'<g transform="translate(16 {48 + top + 20 * i})">{row}</g>' for i, row in enumerate(rows)),
        *_grid(chart, x, y, box, heat=any(isinstance(mark, Heat) for mark in marks)),
        *(element for mark in marks for element in mark.draw(Frame(x, y, slots))),
        *(_scale(shades, box) if shades else ()),
    ]
    said = "; ".join(filter(None, [f"{len(marks)} layers", chart.note, chart.x, chart.y, *(m.name for m in marks)]))
    return sheet(chart.title, body, width=chart.width, height=box.height, said=said)


def _names(values: Iterable[Place], axis: str) -> tuple[str, ...]:
    """The names on an axis in the order they came; () where it has numbers. Both on one axis are an AssayError."""
    known = [value for value in values if value is not None]
    names = tuple(dict.fromkeys(value for value in known if isinstance(value, str)))
    if names and not all(isinstance(value, str) for value in known):
        raise AssayError(f"The axis {axis} has both names and numbers.", code="picture")
    return names


def _axis(values: Iterable[Iterable[Place]], names: tuple[str, ...], start: float, end: float) -> Axis:
    if names:
        return Names(names, start, end)
    found = [float(v) for layer in values for v in layer if v is not None]
    return nice_scale(found, start=start, end=end)


def _box(
    chart: Described,
    marks: Sequence[Mark],
    x_names: tuple[str, ...],
    y_names: tuple[str, ...],
    slots: int,
    *,
    lines: int,
    scale: bool,
) -> Box:
    """Room for the labels first; the rest is for the data."""
    numbers = _axis([m.y_values() for m in marks], (), 0.0, 1.0).ticks if not y_names else ()
    left = 24 + max([width_of(label) for label in (*y_names, *(tick.text for tick in numbers))], default=0.0)
    right = chart.width - (84 if scale else 24)
    top = 44.0 + 20 * lines + (18 if chart.y else 0)
    widest = max(map(width_of, x_names), default=0.0)
    tilted = bool(x_names) and widest + 6 > (right - left) / len(x_names)
    below = (30 + 0.64 * widest if tilted else 30) + (20 if chart.x else 4)
    height = float(chart.height or (top + below + max(22, 15 * slots) * max(2, len(y_names)) if y_names else 400))
    return Box(left, max(right, left + 60), top, max(height - below, top + 40), height, tilted)


def _grid(chart: Described, x: Axis, y: Axis, box: Box, /, *, heat: bool) -> Iterator[str]:
    """Grid lines under the data, labels of the ticks, and the names of the axes."""
    for tick in y.ticks:
        if not isinstance(y, Names):
            yield line(box.left, box.right, tick.at, tick.at, colour=GRID, width=1)
        place = f'x="{coordinate(box.left - 8)}" y="{coordinate(tick.at + 4)}" text-anchor="end"'
        yield f'<text {place} fill="{MUTED}">{escaped(tick.text)}</text>'
    for tick in x.ticks:
        if not isinstance(x, Names):
            yield line(tick.at, tick.at, box.top, box.bottom, colour=GRID, width=1)
        place = f'x="{coordinate(tick.at)}" y="{coordinate(box.bottom + 18)}" text-anchor="middle"'
        if box.tilted:
            turn = f"rotate(-38 {coordinate(tick.at + 4)} {coordinate(box.bottom + 14)})"
            place = (
                f'x="{coordinate(tick.at + 4)}" y="{coordinate(box.bottom + 14)}" text-anchor="end" transform="{turn}"'
            )
        yield f'<text {place} fill="{MUTED}">{escaped(tick.text)}</text>'
    for axis, start, end in ((x, (box.top, box.bottom), True), (y, (box.left, box.right), False)):
        if not isinstance(axis, Names) and axis.low < 0 < axis.high:
            zero = axis.at(0.0)
            yield line(zero, zero, *start, colour=MUTED) if end else line(*start, zero, zero, colour=MUTED)
    if not heat:
        yield line(box.left, box.right, box.bottom, box.bottom, colour=MUTED, width=1)
    middle = coordinate((box.left + box.right) / 2)
    if chart.x:
        place = f'x="{middle}" y="{coordinate(box.height - 10)}" text-anchor="middle"'
        yield f"<text {place}>{escaped(chart.x, longest=LABEL)}</text>"
    if chart.y:
        yield f'<text x="16" y="{coordinate(box.top - 12)}">{escaped(chart.y, longest=LABEL)}</text>'


def _legend(marks: Sequence[Mark], width: int) -> Iterator[str]:
    """Lines of samples and names, as many as fit in each."""
    row, at = "", 0.0
    for mark in marks:
        if mark.name:
            wide = 44 + width_of(mark.name, longest=LEGEND)
            if row and at + wide > width - 32:
                yield row
                row, at = "", 0.0
            name = escaped(mark.name, longest=LEGEND)
            row += f'{mark.key(at, 0)}<text x="{coordinate(at + 30)}" y="4">{name}</text>'
            at += wide
    if row:
        yield row


def _scale(ends: Ends, box: Box) -> Iterator[str]:
    """The scale of shades at the right, dark end on top."""
    steps, left = 24, box.right + 16
    tall = min(160.0, box.bottom - box.top)
    most = max(abs(ends.low), abs(ends.high)) or 1.0
    for i in range(steps):
        share = (i + 0.5) / steps
        part = (ends.low + share * (ends.high - ends.low)) / most if ends.signed else 0.15 + 0.85 * share
        y = box.top + tall * (1 - (i + 1) / steps)
        yield rect(left, y, 12, tall / steps + 0.3, fill=shade(part))
    for value, y in ((ends.high, box.top + 9), (ends.low, box.top + tall)):
        yield f'<text x="{coordinate(left + 17)}" y="{coordinate(y)}" fill="{MUTED}">{number_text(value)}</text>'
