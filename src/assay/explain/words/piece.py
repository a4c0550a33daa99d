"""Text that knows where each of its numbers comes from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Literal


@dataclass(frozen=True, slots=True)
class Marks:
    """How a language writes numbers: what stands before decimals, and what between thousands."""

    decimal: str = "."
    thousands: str = ","


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is `shown`, the `value` behind it, and the `source` that the value is from.

    The value of a digit in a name or a category ("0 to 200 DM") is that whole text. `factor` is 100 for percent.
    `bound` "<" or ">": the text says only that the value is under or over what is shown.
    """

    shown: str
    value: float | str
    source: str
    factor: float = 1.0
    bound: Literal["", "<", ">"] = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A text, its numbers in the order of the text, and the ids of the messages that it was made of."""

    text: str
    numbers: tuple[Number, ...] = ()
    ids: tuple[str, ...] = ()


@cache
def _pattern(marks: Marks) -> re.Pattern[str]:
    thousands, decimal = re.escape(marks.thousands), re.escape(marks.decimal)
    return re.compile(rf"[-−]?\d+(?:{thousands}\d{{3}}(?!\d))*(?:{decimal}\d+)?(?:e[-−+]?\d+)?")


def tokens(text: str, marks: Marks, /) -> tuple[str, ...]:
    """Every number that is written with digits in the text, in order.

    >>> tokens("P is 23%, −1,204.5 under 12,345 (1.2e−7)", Marks())
    ('23', '−1,204.5', '12,345', '1.2e−7')
    """
    return tuple(_pattern(marks).findall(text))


def quoted(text: str, source: str, marks: Marks, /) -> Piece:
    """A text of the records, with its digits accounted for; `source` is the key of that text."""
    return Piece(text, tuple(Number(shown, text, source) for shown in tokens(text, marks)))


def fill(id: str, template: str, fields: dict[str, Piece], /) -> Piece:
    """The template with its fields filled, numbers in the order in which they now stand.

    What is filled in is never read as a template, so braces in a name stay braces.
    """
    text: list[str] = []
    numbers: list[Number] = []
    ids = [id]
    for literal, name, _, _ in Formatter().parse(template):
        text.append(literal)
        if name is not None:
            piece = fields[name]
            text.append(piece.text)
            numbers += piece.numbers
            ids += piece.ids
    return Piece("".join(text), tuple(numbers), tuple(ids))


def join(pieces: Sequence[Piece], between: str, /) -> Piece:
    """The pieces with `between` among them."""
    return Piece(
        between.join(piece.text for piece in pieces),
        tuple(number for piece in pieces for number in piece.numbers),
        tuple(id for piece in pieces for id in piece.ids),
    )
