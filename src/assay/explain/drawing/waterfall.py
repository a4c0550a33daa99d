"""From the base to the answer, one step a column."""

from __future__ import annotations

from itertools import accumulate

from assay.explain.attribution import Attributions
from assay.explain.drawing.terms import Z, compared, distinct, on_scale, terms_of
from assay.pictures import Chart, Picture
from assay.pictures.steps import Steps


def waterfall(found: Attributions, row: int = 0, /, *, most: int = 10, width: int = 720) -> Picture:
    """The picture of one row: steps from the base to the answer, the largest first, the columns past `most` as one.

    A full bar to the right raised the answer, an outlined one to the left lowered it; diamonds are base and answer.
    Whiskers are 95 % Monte-Carlo intervals of sampled values. What a method that is not additive leaves unexplained
    has a step of its own. Raises AssayError where there is no such row.
    """
    known = terms_of(found, row, most=most)
    values = [term.value for term in known.terms]
    names = ["base", *(term.label for term in known.terms)]
    errors: list[float | None] = [None, *(None if t.error is None else Z * t.error for t in known.terms)]
    if known.residual is not None:
        values.append(known.residual)
        names.append("not explained by the method")
        errors.append(None)
    at = [*accumulate(values, initial=known.base)]
    texts = [known.plain(known.base), *map(known.signed, values), known.plain(known.output)]
    count = len(names) + 1
    chart = Chart(
        f"What each column added to {found.target}: {known.row}",
        x=on_scale(found.target, found.scale),
        note=compared(found),
        width=width,
        height=120 + 25 * count,
    )
    chart.add(
        Steps(
            distinct([*names, found.target]),
            (known.base, *at[:-1], known.output),
            (known.base, *at[1:], known.output),
            tuple(texts),
            errors=(*errors, None),
            rests=tuple(i in (0, count - 1) for i in range(count)),
            plain=tuple(known.residual is not None and i == count - 2 for i in range(count)),
        )
    )
    return chart.picture()
