"""Rows made up between neighbours (SMOTE-NC) until base rates, or all cells, are equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown
from assay.fairness.mitigation.columns.tables import as_frame, like, nominal_columns, numbers, texts
from assay.fairness.mitigation.groups import shown
from assay.fairness.mitigation.mitigation import Floats, Ints, mitigation
from assay.fairness.mitigation.preprocessing import Preprocessing
from assay.fairness.mitigation.rows import Training

if TYPE_CHECKING:
    import pandas as pd

TARGETS = ("parity", "balanced")


class Synthesis(Preprocessing):
    """Fits the estimator on the rows and on synthetic ones, added to the cells (group and outcome) that have too few.

    `target` "parity" gives every group the overall base rate; "balanced" makes all cells as large as the largest. A
    synthetic row lies at random between a row and one of its `neighbours` nearest in the same cell; its names are the
    most frequent among these. Numbers are compared in standard deviations; a differing name counts as the median of
    their standard deviations in the cell (`nominal` says which columns are names; by default text and booleans). Whole
    numbers stay whole. `added_` has the synthetic rows by group and outcome. Missing numbers and weights are errors.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        target: str = "parity",
        neighbours: int = 5,
        nominal: Sequence[str | int] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(estimator)
        self.target = target
        self.neighbours = neighbours
        self.nominal = nominal
        self.seed = seed

    def prepare(self, rows: Training, /) -> Training:
        """The rows and the synthetic ones, these last."""
        import pandas as pd

        if rows.weight is not None:
            raise AssayError(
                "Synthesis takes no sample_weight.", code="weights", hint="Use reweighing, which multiplies weights."
            )
        missing = added_rows(rows, self.target)
        rng = np.random.default_rng(self.seed)
        table = as_frame(rows.x)
        space = MixedSpace(table, nominal_columns(table, self.nominal))
        made, cells = [table], [rows.cells]
        for cell, size in enumerate(missing.reshape(-1).tolist()):
            if size:
                there = np.flatnonzero(rows.cells == cell)
                made.append(space.between(there, size, neighbours=self.neighbours, rng=rng))
                cells.append(np.full(size, cell, dtype=np.int64))
        joined, of = pd.concat(made, ignore_index=True), np.concatenate(cells)
        self.added_ = missing.tolist()
        return Training(like(rows.x, joined), of % 2, of // 2, rows.groups, None)


def added_rows(rows: Training, target: str, /) -> Ints:
    """(groups, 2) rows to add to each cell; a cell that needs some but has none to learn from is an error."""
    if target not in TARGETS:
        raise unknown("target", target, TARGETS, code="parameter")
    table = rows.table()
    if target == "balanced":
        wanted = np.full_like(table, table.max())
    else:
        odds = table[:, 1].sum() / max(table[:, 0].sum(), 1.0)
        with np.errstate(divide="ignore"):
            wanted = np.column_stack([table[:, 1] / odds if odds else table[:, 0], table[:, 0] * odds])
    missing = np.maximum(np.rint(wanted - table), 0).astype(np.int64)
    empty = [rows.groups.levels[g] for g in np.flatnonzero(((table == 0) & (missing > 0)).any(axis=1))]
    if empty:
        raise AssayError(
            f"{len(empty)} groups have rows of one outcome only: {shown(empty)}.",
            code="empty-cell",
            hint="Nothing can be made up from nothing: merge these groups with others, or leave them out.",
        )
    return missing


class MixedSpace:
    """Rows of a mixed table with the distance of Chawla et al. (2002), section 6.1."""

    def __init__(self, table: pd.DataFrame, nominal: Sequence[str], /) -> None:
        self.table = table
        self.names = list(nominal)
        self.numeric = [str(name) for name in table.columns if name not in set(nominal)]
        self.values = numbers(table, self.numeric)
        scale = self.values.std(axis=0)
        self.scaled = self.values / np.where(scale > 0, scale, 1.0)
        coded = [_codes(table[name]) for name in self.names]
        self.codes = np.column_stack(coded) if coded else np.zeros((len(table), 0), dtype=np.int64)

    def places(self, there: Ints, /) -> Floats:
        """(rows, dimensions) points whose Euclidean distance is the paper's."""
        scaled = self.scaled[there]
        median = float(np.median(scaled.std(axis=0))) if scaled.shape[1] else 1.0
        parts = [scaled]
        for column in self.codes[there].T:
            parts.append((column[:, None] == np.unique(column)) * (median / np.sqrt(2)))
        return np.concatenate(parts, axis=1)

    def between(self, there: Ints, size: int, /, *, neighbours: int, rng: np.random.Generator) -> pd.DataFrame:
        """`size` synthetic rows from those at the positions `there`."""
        import pandas as pd

        base = rng.integers(len(there), size=size)
        near = there[_nearest(self.places(there), base, min(neighbours, len(there) - 1))]
        start, other = there[base], near[np.arange(size), rng.integers(near.shape[1], size=size)]
        share = rng.random((size, 1))
        moved = self.values[start] + share * (self.values[other] - self.values[start])
        out = self.table.iloc[start].reset_index(drop=True)
        for j, name in enumerate(self.numeric):
            kind = self.table[name].dtype
            landed = np.rint(moved[:, j]) if kind.kind in "iu" else moved[:, j]
            out[name] = pd.Series(landed, index=out.index).astype(kind)
        for j, name in enumerate(self.names):
            out[name] = self.table[name].iloc[_most_frequent(self.codes[near, j], near)].to_numpy()
        return out


def _codes(column: Any) -> Ints:
    found = texts(column)
    place = {text: i for i, text in enumerate(dict.fromkeys(found))}
    return np.array([place[text] for text in found], dtype=np.int64)


def _nearest(points: Floats, base: Ints, count: int) -> Ints:
    """(rows of base, count) the nearest other points of each; a point that is alone is its own neighbour."""
    from sklearn.neighbors import NearestNeighbors

    if count < 1:
        return base[:, None]
    asked, inverse = np.unique(base, return_inverse=True)
    found = NearestNeighbors(n_neighbors=count + 1, algorithm="brute").fit(points)
    near = found.kneighbors(points[asked], return_distance=False)
    itself = near == asked[:, None]
    itself[~itself.any(axis=1), -1] = True  # among more equal points than are asked for, it may not be listed
    others: Ints = near[~itself].reshape(len(asked), count)[inverse.reshape(-1)]
    return others


def _most_frequent(codes: Ints, near: Ints) -> NDArray[np.int64]:
    """(rows,) position of a neighbour with the name that most neighbours have, the nearest such."""
    votes = (codes[:, :, None] == codes[:, None, :]).sum(axis=2)
    return np.asarray(near[np.arange(len(near)), votes.argmax(axis=1)])


synthesis = mitigation(
    "synthesis",
    title="Synthetic rows between neighbours (SMOTE-NC)",
    promise="In the training rows the base rate is the same in every group, or all cells are equally large",
    source="Chawla, Bowyer, Hall & Kegelmeyer (2002), SMOTE, Journal of AI Research 16:321, section 6.1",
)(Synthesis)
