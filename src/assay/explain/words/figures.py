"""Numbers as people read them, each rounded no further than its text says."""

from __future__ import annotations

import math
from decimal import Decimal

from assay.explain.words.piece import Marks, Number, Piece

NEAR = 0.01
"""A probability nearer to 0 or 1 than this is said to be under or over it."""
FINEST = 12
"""Most decimals of a percentage."""
GROUPED = 10_000
"""From here on thousands are set apart; below, a year stays a year."""


def figure(
    value: float, source: str, marks: Marks, /, *, digits: int, signed: bool = False, short: bool = False
) -> Piece:
    """`value` to `digits` significant digits, or whole where it has more; `short`: without zeros at the end.

    >>> [figure(x, "", Marks(), digits=2).text for x in (0.0512, 0.5, -1234.5, 98765.4, 0.0, 1.23e-9)]
    ['0.051', '0.50', '−1234', '98,765', '0', '1.2e−9']
    """
    text = _digits(value, digits)
    text = written(text.rstrip("0").rstrip(".") if short and "." in text and "e" not in text else text, marks)
    if signed and value > 0:
        text = f"+{text}"
    return Piece(text, (Number(text.removeprefix("+"), value, source),))


def _digits(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size < -6 or size >= 15:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    decimals = max(0, digits - 1 - size)
    return f"{value:,.{decimals}f}" if abs(value) >= GROUPED else f"{value:.{decimals}f}"


def written(text: str, marks: Marks, /) -> str:
    """A number as Python writes it in the marks of a language, with a true minus."""
    by = {",": marks.thousands, ".": marks.decimal, "-": "−"}
    return "".join(by.get(char, char) for char in text)


def read(shown: str, marks: Marks, /) -> Decimal:
    """The number that is shown, as exactly as it is shown.

    >>> read("−98,765.40", Marks())
    Decimal('-98765.40')
    """
    return Decimal(shown.replace(marks.thousands, "").replace(marks.decimal, ".").replace("−", "-"))


def bound_above(size: float, source: str, marks: Marks, /, *, least: int = -9) -> Piece:
    """A power of ten that `size` is under, 10^`least` at least: for what is of no interest but for being small.

    >>> [bound_above(x, "", Marks()).text for x in (0.0, 3e-15, 2e-5, 0.02)]
    ['1e−9', '1e−9', '0.0001', '0.1']
    """
    power = least if size == 0 else max(least, math.floor(math.log10(size)) + 1)
    text = written(f"1e{power}" if power < -6 else f"{10.0**power:.{max(0, -power)}f}", marks)
    return Piece(text, (Number(text, size, source, bound="<"),))


def percent(chance: float, source: str, marks: Marks, /, *, edge: float | None = None) -> Piece:
    """A probability in whole percent; the number alone, its `bound` set where it is under 1 % or over 99 %.

    With the `edge` where a decision turns, so many decimals that the text does not stand on its other side.
    """
    near_edge = edge is not None and (edge < NEAR or edge > 1 - NEAR)
    if chance < NEAR and not near_edge:
        return _number("1", chance, source, "<")
    if chance > 1 - NEAR and not near_edge:
        return _number("99", chance, source, ">")
    share, decimals = Decimal(repr(chance)) * 100, 0
    turn = None if edge is None else Decimal(repr(edge)) * 100
    while decimals < FINEST and not _tells(share, decimals, turn):
        decimals += 1
    return _number(written(f"{round(share, decimals):f}", marks), chance, source)


def exact_percent(share: float, source: str, marks: Marks, /) -> Piece:
    """A share that somebody set, without rounding that shows: `50`, `12.5`."""
    return _number(written(f"{100 * share:.10g}", marks), share, source)


def _tells(share: Decimal, decimals: int, turn: Decimal | None) -> bool:
    """True where the rounded share is on the right side of the turn, and is zero or hundred only if it is so."""
    shown = round(share, decimals)
    if shown != share and shown in (0, 100):
        return False
    return turn is None or (shown >= turn) == (share >= turn)


def _number(text: str, value: float, source: str, bound: str = "") -> Piece:
    return Piece(text, (Number(text, value, source, 100.0, bound),))  # type: ignore[arg-type]
