"""Whether every number of a text is found in the records that the text speaks of."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from assay.explain.words.figures import bound_above, percent, read
from assay.explain.words.piece import Marks, Number, tokens
from assay.explain.words.told import Sources

if TYPE_CHECKING:
    from assay.explain.words.paragraph import Paragraph


def verify(paragraph: Paragraph, sources: Sources, /) -> list[str]:
    """The numbers of the text that are not found in `sources`, as they are shown; empty where all are.

    The text is parsed anew. Its numbers must be, in order, those that the paragraph names; each of these must have a
    source of the same value (within 1e-9 of it), and be shown as that value is to the last digit shown; an "under 1 %"
    must be what is said of it. A digit within a name or category must stand in that very name or category. Numbers that
    the paragraph names and the text lacks are returned too.
    """
    marks = paragraph.marks
    seen, named = tokens(paragraph.text, marks), paragraph.numbers
    if seen != tuple(number.shown for number in named):
        return _differing(seen, [number.shown for number in named])
    return [number.shown for number in named if not _found(number, sources, marks)]


def _differing(seen: tuple[str, ...], named: list[str]) -> list[str]:
    """What stands on one side only; where only the order differs, all of it."""
    lacking = list(named)
    extra = []
    for shown in seen:
        if shown in lacking:
            lacking.remove(shown)
        else:
            extra.append(shown)
    return [*extra, *lacking] or [*seen]


def _found(number: Number, sources: Sources, marks: Marks) -> bool:
    source = sources.get(number.source)
    if isinstance(source, str):
        return source == number.value and number.shown in tokens(source, marks)
    if source is None or isinstance(number.value, str):
        return False
    if not math.isclose(source, number.value, rel_tol=1e-9, abs_tol=1e-12):
        return False
    if number.bound:
        say = percent if number.factor == 100 else bound_above
        return say(source, number.source, marks).text == number.shown
    try:
        shown = read(number.shown, marks)
    except InvalidOperation:
        return False
    exact = Decimal(float(source)) * Decimal(number.factor)
    exponent = shown.as_tuple().exponent
    # Half a unit of the last digit, and the last bit of a percentage.
    slack = Decimal(5).scaleb(int(exponent) - 1) + abs(exact) * Decimal(math.ulp(1.0))
    return abs(shown - exact) <= slack
