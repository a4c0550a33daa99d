"""What raises the answer against what lowers it, in one bar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assay.core.errors import AssayError
from assay.explain.attribution import Attributions
from assay.explain.drawing.terms import Term, Terms, Z, check_rows, compared, on_scale, others, terms_of
from assay.pictures import Picture
from assay.pictures.axes import Scale, nice_scale
from assay.pictures.marks import line
from assay.pictures.paint import GRID, INK, MUTED, PAPER
from assay.pictures.sheet import MARGIN, note, sheet, words
from assay.pictures.steps import DOWN, UP, arrow
from assay.pictures.wording import width_of

BAR, TALL, LIST = 112.0, 26.0, 196.0
"""Where the bar lies, how thick it is, and where the list begins."""


def force(found: Attributions, row: int = 0, /, *, most: int = 8, width: int = 720) -> Picture:
    """The picture of one row: arrows that raise the answer push from the left, those that lower it from the right.

    They meet at base + Σ, which is the answer where the method is additive; base and answer are marked. Arrows are
    numbered as in the list below; the columns past `most` are one arrow on either side.
    """
    if most < 1:
        raise AssayError(f"{most} columns are none to draw.", code="most", hint="Give a number from 1.")
    check_rows(found)
    known = terms_of(found, row, most=len(found.columns), longest=30 if found.errors is None else 25)
    up = _side([term for term in known.terms if term.value > 0], most)
    down = _side([term for term in known.terms if term.value < 0], most)
    meet = known.base + sum(term.value for term in known.terms)
    ends = meet - sum(t.value for t in up), meet - sum(t.value for t in down)
    scale = nice_scale((*ends, known.base, known.output), start=MARGIN + 24.0, end=width - MARGIN - 24.0)
    body = [
        note(compared(found, errors="±: half of a 95 % Monte-Carlo interval"), 46, width=width),
        *_axis(scale, on_scale(found.target, found.scale)),
        *_stack(scale, up, meet, number=1),
        *_stack(scale, down, meet, number=len(up) + 1),
        *_marks(scale, known, found.target),
        *_list(known, up, MARGIN, f"raise it ({known.signed(sum(t.value for t in up))})", number=1, width=width),
        *_list(
            known,
            down,
            width / 2,
            f"lower it ({known.signed(sum(t.value for t in down))})",
            number=len(up) + 1,
            width=width,
        ),
    ]
    height = LIST + 30 + 20 * max(len(up), len(down), 1)
    if known.residual is not None:
        body.append(note(f"Not explained by the method: {known.signed(known.residual)}.", height, width=width))
        height += 16
    title = f"What pushes {found.target} up and down: {known.row}"
    return Picture(title, sheet(title, body, width=width, height=height, said=on_scale(found.target, found.scale)))


def _side(terms: Sequence[Term], most: int) -> tuple[Term, ...]:
    """The terms of one direction, the largest first, those past `most` as one."""
    if len(terms) <= most + 1:
        return tuple(terms)
    rest = terms[most:]
    return (*terms[:most], Term(others(len(rest)), sum(term.value for term in rest), together=True))


def _axis(scale: Scale, label: str) -> Iterator[str]:
    foot = BAR + TALL / 2 + 12
    for tick in scale.ticks:
        yield line(tick.at, tick.at, BAR - TALL, foot, colour=GRID, width=1)
        yield words(tick.at, foot + 14, tick.text, anchor="middle", colour=MUTED)
    yield line(scale.start, scale.end, foot, foot, colour=MUTED, width=1)
    yield words((scale.start + scale.end) / 2, foot + 32, label, anchor="middle", longest=60)


def _stack(scale: Scale, terms: Sequence[Term], meet: float, *, number: int) -> Iterator[str]:
    """The arrows of one direction, the largest nearest to where they meet; each with its number where it fits."""
    end = meet
    for i, term in enumerate(terms):
        first, last = scale.at(end - term.value), scale.at(end)
        yield arrow(first, last, BAR, thick=TALL)
        text = str(number + i)
        if abs(last - first) > width_of(text) + 12:
            middle = (first + last) / 2
            yield words(middle, BAR + 4, text, anchor="middle", colour=PAPER if term.value > 0 else INK, weight=600)
        end -= term.value


def _marks(scale: Scale, known: Terms, target: str) -> Iterator[str]:
    """Base and answer: a dashed and a full line over the bar, their names on two lines so that they never collide."""
    for text, value, y, dash in (
        (f"base {known.plain(known.base)}", known.base, 82.0, ' stroke-dasharray="4 3"'),
        (f"{target} = {known.plain(known.output)}", known.output, 68.0, ""),
    ):
        x = scale.at(value)
        drawn = line(x, x, y + 4, BAR + TALL / 2 + 12, colour=INK, width=1.6)
        yield drawn.replace("/>", f"{dash}/>")
        half = width_of(text, longest=44) / 2
        middle = min(max(x, scale.start + half - 20), scale.end - half + 20)
        yield words(middle, y, text, anchor="middle", longest=44, weight=400 if dash else 600)


def _list(known: Terms, terms: Sequence[Term], x: float, head: str, *, number: int, width: float) -> Iterator[str]:
    raises = x == MARGIN
    yield words(x, LIST, f"{'▶' if raises else '◀'} {head}", colour=UP if raises else DOWN, weight=600, longest=44)
    for i, term in enumerate(terms):
        y = LIST + 20 * (i + 1)
        yield words(x + 18, y, str(number + i), anchor="end", colour=MUTED)
        yield words(x + 28, y, term.label)
        error = "" if term.error is None else f" ± {known.plain(Z * term.error)}"
        yield words(x + width / 2 - 2 * MARGIN, y, known.signed(term.value) + error, anchor="end")
    if not terms:
        yield words(x + 28, LIST + 20, "no column", colour=MUTED)
