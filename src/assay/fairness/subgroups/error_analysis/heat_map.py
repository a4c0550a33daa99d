"""The outcome over two columns at once: one cell for each pair of levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.core.errors import AssayError
from assay.core.measure import Interval
from assay.fairness.subgroups.confirmation.estimates import Rows, mean_interval
from assay.fairness.subgroups.encoding import Encoded


@dataclass(frozen=True, slots=True)
class Cell:
    """The rows with one pair of levels; `value`, the mean of the outcome, is None where there are none."""

    slice: dict[str, str | None]
    rows: int
    value: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class ErrorMap:
    """`cells[i][j]`: level i of the first column, level j of the second; the missing value is the last level."""

    columns: tuple[str, str]
    levels: tuple[tuple[str | None, ...], tuple[str | None, ...]]
    cells: tuple[tuple[Cell, ...], ...]


def error_map(encoded: Encoded, rows: Rows, first: str, second: str, /, *, level: float = 0.95) -> ErrorMap:
    """The mean outcome of every pair of levels of two columns, with its rows and interval (Wilson for rates).

    Intervals are for single cells: with many cells some will not hold, and the darkest cell is dark by luck too.
    Rows must be alike: AssayError "weighted" otherwise.
    """
    if first == second:
        raise AssayError(f"The map has {first!r} on both sides.", code="column", hint="Give two columns.")
    if not rows.plain:
        raise AssayError("A map of errors counts rows alike.", code="weighted", hint="Leave weights and units out.")
    a, b = encoded.place(first), encoded.place(second)
    shape = (len(encoded.levels[a]), len(encoded.levels[b]))
    flat = encoded.codes[a].astype(np.int64) * shape[1] + encoded.codes[b]
    size = shape[0] * shape[1]
    n = np.bincount(flat, minlength=size)
    sums = [np.bincount(flat, weights=power, minlength=size) for power in (rows.values, rows.values**2)]
    binary = rows.binary
    cells = []
    for levels, rows_here, total, squares in zip(_pairs(encoded, a, b), n.tolist(), *sums, strict=True):
        slice_ = dict(zip((first, second), levels, strict=True))
        interval = mean_interval(rows_here, float(total), float(squares), binary=binary, level=level)
        cells.append(Cell(slice_, rows_here, float(total) / rows_here if rows_here else None, interval))
    grid = tuple(tuple(cells[i * shape[1] : (i + 1) * shape[1]]) for i in range(shape[0]))
    return ErrorMap((first, second), (encoded.levels[a], encoded.levels[b]), grid)


def _pairs(encoded: Encoded, a: int, b: int) -> list[tuple[str | None, str | None]]:
    return [(x, y) for x in encoded.levels[a] for y in encoded.levels[b]]
