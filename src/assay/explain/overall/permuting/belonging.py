"""Columns that say the same, and columns that are one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from assay.explain.columns import Columns, Floats
from assay.stats.tests import cramers_v

BINS = 5
"""Quantile bins that a number is cut into beside a category."""
MOST_LEVELS = 50
"""A category with more levels is compared with nothing: nearly every row has one of its own."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two columns and how closely they go together, 0 to 1, by `measure`."""

    first: str
    second: str
    association: float
    measure: str


def association(columns: Columns, rows: Floats, /) -> Floats:
    """(columns, columns) how closely columns go together, 1 on the diagonal.

    |Spearman's rank correlation| of two numbers; bias-corrected Cramér's V where a category is among them, a number cut
    into quintiles. Rows where either is missing are left out; 0 where nothing can be said.
    """
    from scipy.stats import rankdata

    width = len(columns)
    out = np.eye(width)
    nominal = columns.nominal
    coded = [_coded(columns, rows, i) for i in range(width)] if nominal.any() else []
    ranks = np.column_stack([rankdata(rows[:, i]) for i in range(width)]) if width else rows
    for i in range(width):
        for j in range(i):
            known = ~(np.isnan(rows[:, i]) | np.isnan(rows[:, j]))
            if nominal[i] or nominal[j]:
                found = _cramer(coded[i][known], coded[j][known])
            elif known.all():
                found = _correlation(ranks[:, i], ranks[:, j])
            else:
                found = _correlation(rankdata(rows[known, i]), rankdata(rows[known, j]))
            out[i, j] = out[j, i] = found
    return out


def pairs(columns: Columns, found: Floats, /, *, above: float) -> tuple[Pair, ...]:
    """The pairs of columns whose association exceeds `above`, the closest first."""
    names, nominal = columns.names, columns.nominal
    out = [
        Pair(names[j], names[i], float(found[i, j]), "Cramér's V" if nominal[i] or nominal[j] else "|Spearman|")
        for i in range(len(names))
        for j in range(i)
        if found[i, j] > above
    ]
    return tuple(sorted(out, key=lambda pair: -pair.association))


def clusters(columns: Columns, found: Floats, /, *, above: float) -> tuple[tuple[str, ...], ...]:
    """The columns in clusters: joined while the mean association between two clusters exceeds `above`.

    Average linkage on 1 − association; a column that goes with no other is a cluster of its own. In the order of the
    columns.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(columns) < 2:
        return tuple((name,) for name in columns.names)
    tree = linkage(squareform(1 - found, checks=False), method="average")
    marks = fcluster(tree, t=1 - above, criterion="distance")
    members: dict[int, list[str]] = {}
    for name, mark in zip(columns.names, marks.tolist(), strict=True):
        members.setdefault(mark, []).append(name)
    return tuple(tuple(names) for names in members.values())


def one_hot(columns: Columns, rows: Floats, /) -> tuple[tuple[str, ...], ...]:
    """The sets of columns that are one category: one 1 in every row, names alike up to the last `_`, `=` or `[`.

    Shuffled one by one they would make rows with two levels or none.
    """
    stems: dict[str, list[int]] = {}
    for i, name in enumerate(columns.names):
        cut = max(name.rfind(mark) for mark in "_=[")
        if cut > 0 and not columns.nominal[i] and np.isin(rows[:, i], (0.0, 1.0)).all():
            stems.setdefault(name[:cut], []).append(i)
    return tuple(
        tuple(columns.names[i] for i in places)
        for places in stems.values()
        if len(places) > 1 and (rows[:, places].sum(axis=1) == 1).all()
    )


def _coded(columns: Columns, rows: Floats, place: int) -> Floats:
    """The column as few codes: levels as they are, numbers in quantile bins."""
    values = rows[:, place]
    if columns.columns[place].kind == "category" or np.isnan(values).all():
        return values
    edges = np.unique(np.nanquantile(values, np.arange(1, BINS) / BINS))
    return np.where(np.isnan(values), np.nan, np.searchsorted(edges, values, side="left"))


def _cramer(a: Floats, b: Floats) -> float:
    if not len(a):
        return 0.0
    first, second = (np.unique(values, return_inverse=True) for values in (a, b))
    shape = len(first[0]), len(second[0])
    if max(shape) > MOST_LEVELS:
        return 0.0
    cells = np.bincount(first[1] * shape[1] + second[1], minlength=shape[0] * shape[1]).reshape(shape)
    return cramers_v(cells) or 0.0


def _correlation(a: Floats, b: Floats) -> float:
    if not len(a):
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    size = math.sqrt(float(a @ a) * float(b @ b))
    return min(1.0, abs(float(a @ b)) / size) if size > 0 else 0.0
