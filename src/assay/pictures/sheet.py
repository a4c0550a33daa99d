"""The sheet that a picture is drawn on: its size, its title, and what it says of itself to those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterable

from assay.pictures.paint import INK, MUTED, PAPER, coordinate
from assay.pictures.wording import escaped

LONGEST = 300
"""Most letters of what is said of the picture and not drawn."""

TITLE_LETTER = 8.4
"""About so wide is a letter of the title; a title has as many as fit."""

MARGIN = 16


def sheet(title: str, body: Iterable[str], /, *, width: float, height: float, said: str = "") -> str:
    """The SVG text of a picture: fixed size, light ground, the title on top, then `body`, which is escaped already."""
    wide, tall = coordinate(width), coordinate(height)
    fits = max(1, int((width - 2 * MARGIN) / TITLE_LETTER))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{wide}" height="{tall}" '
        f'viewBox="0 0 {wide} {tall}" font-family="system-ui, sans-serif" font-size="12" fill="{INK}">'
        f"<title>{escaped(title, longest=LONGEST)}</title><desc>{escaped(said, longest=LONGEST)}</desc>"
        f'<rect width="{wide}" height="{tall}" fill="{PAPER}"/>'
        f'<text x="{MARGIN}" y="26" font-size="15" font-weight="600">{escaped(title, longest=fits)}</text>'
        f"{''.join(body)}</svg>"
    )


def words(
    x: float,
    y: float,
    text: object,
    /,
    *,
    longest: int = 32,
    anchor: str = "start",
    colour: str = INK,
    weight: int = 400,
) -> str:
    """A text that begins at (x, y), or ends or is centred there, cut after `longest` letters."""
    place = f'x="{coordinate(x)}" y="{coordinate(y)}"'
    look = "" if anchor == "start" else f' text-anchor="{anchor}"'
    look += "" if colour == INK else f' fill="{colour}"'
    look += "" if weight == 400 else f' font-weight="{weight}"'
    return f"<text {place}{look}>{escaped(text, longest=longest)}</text>"


def note(text: str, y: float, /, *, width: float) -> str:
    """A line of small print across the sheet, cut where the sheet ends."""
    return words(MARGIN, y, text, longest=max(1, int((width - 2 * MARGIN) / 6.2)), colour=MUTED)
