"""Rows a mitigation is fitted on, checked once: features, outcome, groups and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.fairness.mitigation.groups import Codes, Groups, shown

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Training:
    """Rows to fit on: `x` as it was given, `y` (rows,) 1 favourable or 0, `codes` of `groups`, `weight` or None."""

    x: Any
    y: NDArray[np.int64]
    codes: Codes
    groups: Groups
    weight: Floats | None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def weights(self) -> Floats:
        """(rows,) weights; ones where none were given."""
        return np.ones(len(self.y)) if self.weight is None else self.weight

    @property
    def cells(self) -> Codes:
        """(rows,) number of the cell of group and outcome: 2 × group + outcome."""
        return self.codes * 2 + self.y

    def table(self) -> Floats:
        """(groups, 2) sum of weights by group and outcome."""
        sums = np.bincount(self.cells, weights=self.weights, minlength=2 * len(self.groups))
        return sums.astype(np.float64).reshape(-1, 2)

    def only(self, rows: NDArray[Any], /) -> Training:
        """The same rows at the positions `rows`, which may repeat."""
        weight = None if self.weight is None else self.weight[rows]
        return Training(take(self.x, rows), self.y[rows], self.codes[rows], self.groups, weight)


def training(x: Any, y: Any, /, *, protected: Any, sample_weight: Any = None) -> Training:
    """The checked rows; lengths that differ, labels that are not 0 and 1 and bad weights are errors."""
    found = Groups.find(protected)
    outcome = binary(y)
    weight = None if sample_weight is None else _weights(sample_weight)
    lengths = {"X": row_count(x), "y": len(outcome), "protected": len(found.codes)}
    if weight is not None:
        lengths["sample_weight"] = len(weight)
    if len(set(lengths.values())) > 1 or not len(outcome):
        said = ", ".join(f"{name} {n}" for name, n in lengths.items())
        raise AssayError(f"Rows do not match: {said}.", code="rows", hint="Give one value a row, and at least one row.")
    rows = Training(x, outcome, found.codes, found.groups, weight)
    light = [found.groups.levels[g] for g in np.flatnonzero(rows.table().sum(axis=1) <= 0)]
    if light:
        raise AssayError(f"The rows of {shown(light)} weigh nothing.", code="weights", hint="Leave these groups out.")
    return rows


def binary(y: Any, /) -> NDArray[np.int64]:
    """(rows,) outcome as 0 and 1; anything else is an error."""
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or not np.isin(values, (0, 1)).all():
        raise AssayError(
            "The outcome is not coded as 0 and 1.", code="label", hint="Give 1 for the favourable outcome, 0 otherwise."
        )
    return values.astype(np.int64)


def _weights(given: Any) -> Floats:
    weight = np.asarray(given, dtype=np.float64)
    if weight.ndim != 1 or not np.isfinite(weight).all() or (weight < 0).any() or weight.sum() <= 0:
        raise AssayError("Weights must be finite, not negative and not all 0.", code="weights")
    return weight


def row_count(x: Any, /) -> int:
    """Rows of a frame, Arrow table, array or list."""
    return int(x.num_rows) if hasattr(x, "num_rows") else int(x.shape[0]) if hasattr(x, "shape") else len(x)


def take(x: Any, rows: NDArray[Any], /) -> Any:
    """The rows of a frame, Arrow table, array, sparse matrix or list at the positions `rows`, of the same kind."""
    if hasattr(x, "iloc"):
        return x.iloc[rows]
    if hasattr(x, "take") and hasattr(x, "num_rows"):
        return x.take(rows)
    return [x[int(i)] for i in rows] if isinstance(x, list) else x[rows]


def folds_of(cells: Codes, folds: int, /, *, rng: np.random.Generator) -> Codes:
    """(rows,) fold numbers: equal shares of every cell in every fold."""
    out = np.empty(len(cells), dtype=np.int64)
    start = 0
    for cell in np.unique(cells):
        rows = rng.permutation(np.flatnonzero(cells == cell))
        out[rows] = (np.arange(len(rows)) + start) % folds
        start += len(rows)
    return out
