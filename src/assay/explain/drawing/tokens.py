"""A text whose pieces are shaded by what they added."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from assay.core.errors import AssayError
from assay.explain.drawing.terms import decimals_for, on_scale, signed
from assay.explain.texts.attribution import TextAttributions
from assay.pictures import Picture
from assay.pictures.marks import rect
from assay.pictures.paint import MUTED, coordinate, ink_on, shade
from assay.pictures.sheet import MARGIN, note, sheet, words
from assay.pictures.wording import clean, number_text, width_of

LINE, TOP = 34.0, 92.0
"""From one line of text to the next, and where the first one stands."""

LONGEST = 60
"""Most letters of one piece."""

PIECES = 2000
"""Most pieces that are drawn; the note says how many are not."""


@dataclass(frozen=True, slots=True)
class Tint:
    """How a piece is shown: its ground, the colour of its letters, and the style of the line under it.

    The line says the sign without colour: "solid" where the piece raised the answer, "dotted" where it lowered it,
    "none" where it did neither.
    """

    ground: str
    ink: str
    line: str


def tint(value: float, largest: float, /) -> Tint:
    """The Tint of a piece that added `value`, where the `largest` size has the darkest ground.

    The one function that colours pieces of text, in pictures and in HTML alike.
    """
    part = value / largest if largest > 0 else 0.0
    return Tint(shade(part), ink_on(part), "solid" if value > 0 else "dotted" if value < 0 else "none")


def tokens(found: TextAttributions, text: int = 0, /, *, width: int = 720) -> Picture:
    """The picture of one text: pieces in their order, darker the more they added, underlined by sign.

    Blue and a full line raised the answer, brown and a dotted line lowered it. What lies between pieces is shown as it
    stands; line breaks are spaces. Raises AssayError where there is no such text.
    """
    if not 0 <= text < len(found):
        raise AssayError(
            f"There is no explained text {text}.",
            code="text",
            hint=f"They are numbered from 0 to {len(found) - 1}." if len(found) else "No text was explained.",
        )
    values = found.values[text]
    largest = float(np.abs(values).max()) if len(values) else 0.0
    decimals = decimals_for([largest])
    placed = list(_flow(found, text, width))
    lines = 1 + max((piece.line for piece in placed), default=0)
    height = TOP + LINE * lines + 34
    left = len(found.spans[text]) - PIECES
    base, output = (number_text(float(side[text]), decimals=decimals) for side in (found.base, found.outputs))
    said = f"base {base}, answer {output} · {found.method}" + (f" · {left:,} more pieces" if left > 0 else "")
    body = [
        note(said, 46, width=width),
        *_legend(largest, decimals),
        *(element for piece in placed for element in _drawn(piece, largest)),
        words(MARGIN, height - 12, f"added to {on_scale(found.target, found.scale)}", colour=MUTED, longest=80),
    ]
    title = f"What each piece of the text added to {found.target}"
    return Picture(title, sheet(title, body, width=width, height=height, said=said))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece where it stands; `value` None for what lies between pieces."""

    text: str
    value: float | None
    x: float
    line: int
    wide: float


def _flow(found: TextAttributions, text: int, width: int) -> Iterator[_Piece]:
    """The pieces and what is between them, wrapped at the edge of the sheet."""
    x, line = float(MARGIN), 0
    whole, spans = found.texts[text], found.spans[text][:PIECES]
    end = 0
    for (start, stop), value in zip(spans, found.values[text].tolist(), strict=False):
        for part, number in ((whole[end:start], None), (whole[start:stop], value)):
            shown = clean(part, longest=LONGEST) if part.strip() else " " if part and number is None else "␣"
            if not part:
                continue
            wide = _wide(shown)
            if x > MARGIN and x + wide > width - MARGIN:
                x, line = float(MARGIN), line + 1
            if shown != " " or x > MARGIN:
                yield _Piece(shown, number, x, line, wide)
                x += wide
        end = max(end, stop)
    rest = clean(whole[end:], longest=LONGEST)
    if rest:
        wide = _wide(rest)
        wrap = x > MARGIN and x + wide > width - MARGIN
        yield _Piece(rest, None, MARGIN if wrap else x, line + wrap, wide)


def _wide(text: str) -> float:
    """About how wide a piece is with some air; capitals and other broad letters count for more."""
    broad = sum(char.isupper() or char in "mw—@%&<>" for char in text)
    return width_of(text, longest=8 * LONGEST) + 3.2 * broad + 6


def _drawn(piece: _Piece, largest: float) -> Iterator[str]:
    y = TOP + LINE * piece.line
    if piece.value is None:
        yield words(piece.x + 3, y, piece.text, longest=8 * LONGEST, colour=MUTED)
        return
    look = tint(piece.value, largest)
    yield rect(piece.x, y - 15, piece.wide - 1, 21, fill=look.ground)
    yield words(piece.x + piece.wide / 2, y, piece.text, longest=8 * LONGEST, anchor="middle", colour=look.ink)
    if look.line != "none":
        yield _underline(piece.x, y + 9, piece.wide - 1, dotted=look.line == "dotted")


def _underline(x: float, y: float, wide: float, *, dotted: bool) -> str:
    dash = ' stroke-dasharray="2 3"' if dotted else ""
    place = f'x1="{coordinate(x)}" x2="{coordinate(x + wide)}" y1="{coordinate(y)}" y2="{coordinate(y)}"'
    return f'<line {place} stroke="{shade(-1.0 if dotted else 1.0)}" stroke-width="2"{dash}/>'


def _legend(largest: float, decimals: int) -> Iterator[str]:
    """Five shades from the lowest to the highest, with their numbers and underlines."""
    x = float(MARGIN)
    for part in (-1.0, -0.5, 0.0, 0.5, 1.0):
        text = signed(part * largest, decimals)
        wide = width_of(text) + 16
        yield rect(x, 54, wide, 16, fill=shade(part))
        yield words(x + wide / 2, 66, text, anchor="middle", colour=ink_on(part))
        if part:
            yield _underline(x, 73, wide, dotted=part < 0)
        x += wide + 3
    yield words(x + 8, 66, "full line: raised the answer; dotted: lowered it", colour=MUTED, longest=60)
