"""What one column added to the answers, against its values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.explain.attribution import Attributions
from assay.explain.columns import Column, Floats
from assay.explain.drawing.terms import Z, check_rows, compared, cut, cut_middle, on_scale
from assay.pictures import Chart, Picture
from assay.pictures.paint import MUTED, shade

CLASSES = 5
"""At most so many levels of the second column have a marker of their own; the rest share one."""

WHISKERS = 150
"""Most rows that are drawn with the Monte-Carlo error of each."""

_THIRDS = (shade(0.35), shade(0.65), shade(1.0))


def dependence(
    found: Attributions, column: str, /, *, colour: str | None = None, partner: bool = True, width: int = 720
) -> Picture:
    """The picture of what `column` added to each row, over its values, told apart by the values of a second column.

    `colour` names the second one; where it does not, the one that goes best with the spread at like values of
    `column` (see `partner_of`) unless `partner` is False. Numbers are in thirds, pale to dark, categories by level,
    each with a marker of its own, so that grey is enough. Rows without a value of `column` are left out and counted.
    """
    check_rows(found)
    place = found.columns.place(column)
    kind, values, added = found.columns.columns[place], found.rows[:, place], found.values[:, place]
    known = ~np.isnan(values)
    if not known.any():
        raise AssayError(f"Column {column!r} is missing in every row.", code="column", hint="Draw another.")
    second = _second(found, place, colour) if partner or colour is not None else None
    left = f" ({int((~known).sum()):,} rows without a value are left out)" if not known.all() else ""
    title = f"What {cut_middle(column, 28)} added to {cut(found.target, 28)}: {int(known.sum()):,} rows"
    errors = None if found.errors is None or known.sum() > WHISKERS else Z * found.errors[:, place]
    said = compared(found) if errors is not None else compared(found, errors="")
    chart = Chart(
        title,
        x=f"{cut_middle(column, 24)}{left}",
        y=f"added to {on_scale(found.target, found.scale)}",
        note=said,
        width=width,
    )
    classes = classes_of(found.columns.columns[second], found.rows[:, second]) if second is not None else None
    for i, one in enumerate(classes or [Class("", np.ones(len(found), dtype=bool), "")]):
        chosen = known & one.rows
        if not chosen.any():
            continue
        xs = [kind.show(float(v)) for v in values[chosen]] if kind.kind == "category" else values[chosen]
        name = f"{cut_middle(found.columns.names[second], 18)}: {one.name}" if second is not None else ""
        if errors is not None:
            ends = added[chosen] - errors[chosen], added[chosen] + errors[chosen]
            chart.points(xs, added[chosen], name=name, low=ends[0], high=ends[1])
        else:
            chart.cloud(xs, added[chosen], name=name, colour=one.colour or (MUTED if i == CLASSES else ""))
    return chart.picture()


def _second(found: Attributions, place: int, colour: str | None) -> int | None:
    """The place of the column that tells the dots apart."""
    second = partner_of(found, place) if colour is None else found.columns.place(colour)
    if second == place:
        raise AssayError(f"Column {colour!r} cannot be told apart by itself.", code="column", hint="Name another.")
    return second


@dataclass(frozen=True, slots=True)
class Class:
    """`rows` (rows,) True where a row is of the class, and how it is drawn."""

    name: str
    rows: NDArray[np.bool_]
    colour: str


def classes_of(column: Column, values: Floats, /) -> list[Class]:
    """Thirds of a number by rank (levels where there are three or fewer), levels of a category, the missing."""
    absent = np.isnan(values)
    distinct, rows = np.unique(values[~absent], return_counts=True)
    out: list[Class] = []
    if column.kind == "category" or len(distinct) <= len(_THIRDS):
        frequent = np.argsort(-rows, kind="stable")
        own = np.sort(frequent[:CLASSES] if len(distinct) > CLASSES + 1 else frequent)
        paints = _THIRDS if column.kind != "category" else ("",) * (CLASSES + 1)
        named = [(cut(column.show(float(distinct[k])), 14), values == distinct[k]) for k in own]
        out = [Class(name, chosen, paint) for (name, chosen), paint in zip(named, paints, strict=False)]
        if len(own) < len(distinct):
            out.append(Class("others", ~absent & ~np.isin(values, distinct[own]), ""))
    else:
        cuts = np.quantile(values[~absent], [1 / 3, 2 / 3])
        third = np.searchsorted(cuts, values, side="left")
        ends = [f"to {column.show(cuts[0])}", f"to {column.show(cuts[1])}", f"above {column.show(cuts[1])}"]
        out = [Class(ends[k], ~absent & (third == k), _THIRDS[k]) for k in range(3)]
    return [*out, Class("missing", absent, MUTED)] if absent.any() else out


def partner_of(found: Attributions, place: int, /) -> int | None:
    """The other column whose classes explain most of the spread of what a column added at like values of it.

    Rows are put in blocks of like values (levels, or about ten quantiles); within the blocks, the share of the sum of
    squares that lies between classes of the other column, corrected for their number (adjusted R²). None where no
    column has a share above zero. A hint where to look, not a test of an interaction.
    """
    values, added = found.rows[:, place], found.values[:, place]
    known = ~np.isnan(values)
    block = _blocks(found.columns.columns[place], values)
    off = added[known] - _means(block[known], added[known])
    total = float(off @ off)
    best, chosen = 0.0, None
    if total <= 1e-20 * max(1.0, float(added @ added)):
        return None
    for other, column in enumerate(found.columns.columns):
        if other == place:
            continue
        kinds = np.zeros(len(values), dtype=np.int64)
        for k, one in enumerate(classes_of(column, found.rows[:, other])):
            kinds[one.rows] = k + 1
        cells = block[known] * (CLASSES + 4) + kinds[known]
        left = off - _means(cells, off)
        free = len(off) - len(np.unique(cells)), len(off) - len(np.unique(block[known]))
        share = 1 - (float(left @ left) / free[0]) / (total / free[1]) if min(free) > 0 else 0.0
        if share > best + 1e-12:
            best, chosen = share, other
    return chosen


def _blocks(column: Column, values: Floats) -> NDArray[np.int64]:
    """(rows,) which rows have like values."""
    if column.kind == "category":
        return np.nan_to_num(values, nan=-1.0).astype(np.int64) + 1
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, 11)))
    return np.asarray(np.searchsorted(edges, np.nan_to_num(values), side="left"), dtype=np.int64)


def _means(cells: NDArray[np.int64], values: Floats) -> Floats:
    """(rows,) the mean of each row's cell."""
    codes = np.unique(cells, return_inverse=True)[1].reshape(-1)
    return np.asarray((np.bincount(codes, values) / np.bincount(codes))[codes])
