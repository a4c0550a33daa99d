"""One row for a terminal: a table with bars of text."""

from __future__ import annotations

from assay.explain.attribution import Attributions
from assay.explain.drawing.terms import Z, compared, on_scale, terms_of
from assay.pictures.wording import clean

FULL, HALF, PALE = "█", "▌", "░"
"""A bar upwards is full, one downwards pale: it can be read without its sign, and without colour."""


def terminal(found: Attributions, row: int = 0, /, *, most: int = 10, width: int = 80) -> str:
    """Lines "column = value  +0.12 ███" of one row, from the base to the answer, no wider than `width` cells.

    Control and direction characters are written out, so that data cannot steer a terminal; wide letters count twice.
    """
    known = terms_of(found, row, most=most)
    lines = [(term.label, known.signed(term.value), term.value, term.error) for term in known.terms]
    if known.residual is not None:
        lines.append(("not explained by the method", known.signed(known.residual), known.residual, None))
    errors = [f" ±{known.plain(Z * error)}" if error is not None else "" for *_, error in lines]
    labels = [clean(label, longest=48) for label, *_ in lines]
    ends = [f"base of {found.target}", found.target]
    numbers = [number for _, number, *_ in lines]
    left = min(max(map(_cells, [*labels, *map(clean, ends)])), max(12, width - 30))
    middle = max(len(text) for text in [*numbers, known.plain(known.base), known.plain(known.output)])
    right = max(map(len, errors), default=0)
    room = max(4, width - left - middle - right - 3)
    largest = max((abs(value) for _, _, value, _ in lines), default=0.0) or 1.0
    out = [
        f"{_fit(clean(f'{known.row}: {on_scale(found.target, found.scale)}', longest=width), width).rstrip()}",
        *_wrapped(
            clean(
                compared(found, errors="±: half of a 95 % Monte-Carlo interval"),
                longest=300,
            ),
            width,
        ),
        f"{_fit(clean(ends[0]), left)}  {known.plain(known.base):>{middle}}",
    ]
    for label, number, error, (_, _, value, _) in zip(labels, numbers, errors, lines, strict=True):
        line = f"{_fit(label, left)}  {number:>{middle}}{error:<{right}} {_bar(value / largest, room)}"
        out.append(line.rstrip())
    out.append(f"{_fit(clean(ends[1]), left)}  {known.plain(known.output):>{middle}}")
    return "\n".join(out)


def _bar(part: float, room: int) -> str:
    """A bar for `part` in [-1, 1] of at most `room` cells; whatever is not zero is seen."""
    halves = round(2 * room * abs(part))
    if part < 0:
        return PALE * max(1, round(halves / 2))
    whole, half = divmod(max(int(part > 0), halves), 2)
    return FULL * whole + HALF * half


def _cells(text: str) -> int:
    """How many cells of a terminal the text takes."""
    from rich.cells import cell_len

    return int(cell_len(text))


def _fit(text: str, wide: int) -> str:
    """The text in exactly `wide` cells: filled up, or cut with an ellipsis."""
    if _cells(text) > wide:
        while text and _cells(text) > wide - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (wide - _cells(text))


def _wrapped(text: str, width: int) -> list[str]:
    from textwrap import wrap

    return wrap(text, max(20, width))
