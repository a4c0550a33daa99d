"""What would have to be different for another answer, as a table: before, and after each way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay.explain.drawing.terms import cut, cut_middle, decimals_for, on_scale
from assay.explain.recourse.counterfactual import Change, Counterfactual, Recourse, Value
from assay.pictures import Picture
from assay.pictures.marks import line
from assay.pictures.paint import GRID, MUTED, SERIES, coordinate
from assay.pictures.sheet import MARGIN, note, sheet, words
from assay.pictures.wording import number_text

ROW, TOP = 28.0, 92.0
"""How tall a line of the table is, and where its head stands."""

MARKED = "#d6e8f5"
"""The ground of a changed cell; it has a border and an arrow too."""


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    marked: bool = False
    bold: bool = False


def recourse(found: Recourse, row: int = 0, /, *, most: int = 4, width: int = 720) -> Picture:
    """The picture of the ways of one row: a line for each thing that changes in any way, before and after.

    Changed cells have a border, a ground and an arrow (↑ ↓ for numbers, → else); what a way leaves is a dot. Below:
    the answer, the cost, whether the way is plausible and outlives a retraining. Where no way keeps the constraints,
    the nearest blocked one is drawn and what it breaks is said. Raises AssayError where there is no such row.
    """
    ways = found[row]
    drawn = (*ways.found[:most],) or (() if ways.blocked is None else (ways.blocked,))
    name = f"row {found.places[row]}" if found.places else f"row {row} of those asked about"
    title = f"What would change the answer: {name}"
    blocked = bool(drawn) and not ways.found
    left = len(ways.found) - len(drawn) if ways.found else 0
    said = f"wanted: {found.goal} · {found.method}" + (f" · {left} more ways" if left > 0 else "")
    body = [note(said, 46, width=width)]
    if not drawn:
        answer = "The row has the wanted answer as it is." if ways.already else "No way was found."
        body.append(words(MARGIN, 80, answer, longest=80))
        return Picture(title, sheet(title, body, width=width, height=110, said=said))
    head = ["", "now", *(["nearest, but blocked"] if blocked else [f"way {k + 1}" for k in range(len(drawn))])]
    lines = [*_changes(drawn), *_numbers(found, drawn)]
    body += _table(head, lines, width)
    height = TOP + ROW * len(lines) + 26
    stay = len(found.columns) - len({c.column for one in drawn for c in one.changes} & set(found.columns.names))
    body.append(note(f"{stay} other columns stay as they are.", height, width=width))
    if blocked:
        height += 18
        body.append(note(f"Breaks: {'; '.join(drawn[0].violated) or 'the wanted answer'}.", height, width=width))
    return Picture(title, sheet(title, body, width=width, height=height + 16, said=said))


def _changes(drawn: Sequence[Counterfactual]) -> Iterator[list[_Cell]]:
    """A line for each thing that changes, in the order of how many ways change it."""
    names = [change.column for one in drawn for change in one.changes]
    for name in sorted(dict.fromkeys(names), key=lambda each: -names.count(each)):
        by_way = [next((c for c in one.changes if c.column == name), None) for one in drawn]
        before = next(change.before for change in by_way if change is not None)
        cells = [_Cell("·") if change is None else _Cell(_after(change), marked=True) for change in by_way]
        yield [_Cell(name, bold=True), _Cell(_shown(before)), *cells]


def _after(change: Change) -> str:
    both = change.before, change.after
    if isinstance(both[0], float | int) and isinstance(both[1], float | int):
        return f"{'↑' if both[1] > both[0] else '↓'} {_shown(both[1])}"
    return f"→ {_shown(both[1])}"


def _shown(value: Value) -> str:
    if value is None:
        return "missing"
    return value if isinstance(value, str) else f"{value:.6g}".replace("-", "−")


def _numbers(found: Recourse, drawn: Sequence[Counterfactual]) -> Iterator[list[_Cell]]:
    """What is to be known of each way."""
    outputs = [drawn[0].output_before, *(one.output_after for one in drawn)]
    decimals = decimals_for(outputs)
    yield [
        _Cell(on_scale(found.target, found.scale)),
        *(_Cell(number_text(value, decimals=decimals), bold=True) for value in outputs),
    ]
    yield [
        _Cell("cost"),
        _Cell(""),
        *(_Cell(number_text(one.cost) + (" (least)" if one.exact else "")) for one in drawn),
    ]
    yield [_Cell("like the data"), _Cell(""), *(_Cell("yes" if one.plausible else "no") for one in drawn)]
    robust = [one.robust_share for one in drawn]
    if any(share is not None for share in robust):
        cells = [_Cell("not known" if share is None else f"{share:.0%} of retrained models") for share in robust]
        yield [_Cell("still holds in"), _Cell(""), *cells]


def _table(head: Sequence[str], lines: Sequence[Sequence[_Cell]], width: int) -> Iterator[str]:
    """The table: first column wider, a line under the head and a thin one under each row."""
    first = 0.27 * (width - 2 * MARGIN)
    wide = (width - 2 * MARGIN - first) / (len(head) - 1)
    lefts = [MARGIN, *(MARGIN + first + i * wide for i in range(len(head) - 1))]
    for x, text in zip(lefts, head, strict=True):
        yield words(x + 6, TOP - 16, text, weight=600, longest=_letters(wide))
    yield line(MARGIN, width - MARGIN, TOP - 7, TOP - 7, colour=MUTED, width=1)
    for i, cells in enumerate(lines):
        y = TOP + ROW * i + 12
        yield line(MARGIN, width - MARGIN, y + 9, y + 9, colour=GRID, width=1)
        for j, (x, cell) in enumerate(zip(lefts, cells, strict=True)):
            letters = _letters(wide if j else first)
            if cell.marked:
                place = f'x="{coordinate(x)}" y="{coordinate(y - 15)}" width="{coordinate(wide - 6)}" height="21"'
                yield f'<rect {place} fill="{MARKED}" stroke="{SERIES[0]}" stroke-width="1.2"/>'
            weight = 600 if cell.marked or cell.bold else 400
            yield words(x + 6, y, (cut if j else cut_middle)(cell.text, letters), weight=weight, longest=letters)


def _letters(wide: float) -> int:
    """How many letters fit."""
    return max(4, int((wide - 14) / 7.0))
