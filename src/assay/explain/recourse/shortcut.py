"""A model's own trees or coefficients, asked without its library: for the many questions of a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.explain.columns import Columns, Floats
from assay.explain.target import Target

FEW = 512
"""Most whole numbers that are read one by one."""
POINTS = 100
MISSED = 0.005
"""Share of rows that may be answered otherwise where a form rounds to float32: a number on a threshold may fall on
either side of it. What a search finds is asked of the model in the end."""
MOST_STEPS = 500
"""Trees times depth beyond which the library itself is quicker."""
CLOSE = 1e-6


@dataclass(frozen=True, eq=False)
class Shortcut:
    """What a model's form says, for rows of the question's columns.

    Encoded column e reads column `owner[e]`: `tables[e]` by level where that is a category, or by whole number from
    `start[e]` on where these are few; else `slope[e]` times the number plus `offset[e]`; `absent[e]` where it is
    missing.
    """

    form: Any
    classes: int
    owner: NDArray[np.int64]
    tables: tuple[Floats | None, ...]
    start: Floats
    slope: Floats
    offset: Floats
    absent: Floats

    def encoded(self, matrix: Floats, /) -> Floats:
        """(rows, encoded columns) the numbers that the form reads."""
        out = matrix[:, self.owner] * self.slope + self.offset
        lost = np.isnan(matrix[:, self.owner])
        for e, table in enumerate(self.tables):
            if table is not None:
                codes = matrix[:, self.owner[e]] - self.start[e]
                out[:, e] = table[np.where(np.isnan(codes), 0, codes).astype(np.int64)]
        return np.where(lost, self.absent, out)

    def answers(self, matrix: Floats, /) -> Floats:
        """(rows, classes) probabilities, or (rows,) numbers of a regression."""
        margin = np.asarray(self.form.margin(self.encoded(matrix)), dtype=np.float64)
        scale = self.form.scale
        if not self.classes:
            return np.exp(margin[:, 0]) if scale == "log" else margin[:, 0]
        if margin.shape[1] == 1:
            chance = margin[:, 0] if scale == "probability" else _sigmoid(margin[:, 0])
            return np.column_stack([1 - chance, chance])
        if scale == "probability":
            return margin
        grown = np.exp(margin - margin.max(axis=1, keepdims=True))
        return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def _sigmoid(margin: Floats) -> Floats:
    half = np.exp(-np.abs(margin))
    return np.asarray(np.where(margin >= 0, 1 / (1 + half), half / (1 + half)))


def shortcut(target: Target, probe: Floats, outputs: Floats, low: Floats, high: Floats, /) -> Shortcut | None:
    """The Shortcut of a target's model, or None where it shows no form, or one that does not answer as the model does.

    Every encoded column must depend on one column, a number through a straight line from `low` to `high` (columns,);
    on the rows of `probe` the encoded columns must be the model's own, and the answers its `outputs` within 1e-6.
    """
    model: Any = target.model
    forms = [getattr(model, name)() for name in ("linear", "ensemble") if hasattr(model, name)]
    form = next((form for form in forms if form is not None), None)
    if form is None or not _readable(form, bool(model.classes)) or target.scale == "decision":
        return None
    columns = target.columns
    rows, where = _one_at_a_time(columns, probe, low, high)
    made = model.encode(columns.decode(np.concatenate([probe, rows])))
    own, apart = made.matrix[: len(probe)], made.matrix[len(probe) :]
    features = model.features or columns.names
    owner = np.array([columns.place(features[int(place)]) for place in made.origin], dtype=np.int64)
    single = bool(getattr(form, "single", False))
    close = CLOSE if single else 1e-9
    tables: list[Floats | None] = []
    start, slope, offset = np.zeros(len(owner)), np.zeros(len(owner)), np.zeros(len(owner))
    absent = np.full(len(owner), np.nan)
    for e, j in enumerate(owner):
        mine, values = where == j, rows[where == j, j]
        numbers, lost = apart[mine, e], np.isnan(values)
        absent[e] = numbers[lost][0] if lost.any() else np.nan
        values, numbers = values[~lost], numbers[~lost]
        each = columns.columns[j].kind != "number" and len(values) > 0 and bool((np.diff(values) == 1).all())
        tables.append(numbers if each else None)
        start[e] = values[0] if each else 0.0
        if not each and len(values):
            slope[e], offset[e] = _line(values, numbers)
            if not np.allclose(slope[e] * values + offset[e], numbers, rtol=close, atol=close):
                return None
    found = Shortcut(form, len(model.classes), owner, tuple(tables), start, slope, offset, absent)
    answers = found.answers(probe)
    said = answers if target.output is None else answers[:, target.output]
    same = np.allclose(found.encoded(probe), own, rtol=close, atol=close, equal_nan=True)
    missed = float((~np.isclose(said, outputs, rtol=CLOSE, atol=CLOSE)).mean())
    return found if same and missed <= (MISSED if single else 0.0) else None


def _line(values: Floats, numbers: Floats) -> Floats:
    """(2,) slope and offset of the straight line through the numbers: 1 and 0 where they are the same, else the fit.

    Least squares average out what float32 rounded.
    """
    if np.array_equal(numbers, values) or np.array_equal(numbers, values.astype(np.float32)):
        return np.array([1.0, 0.0])
    centre = values.mean()
    wide = ((values - centre) ** 2).sum()
    slope = ((values - centre) * (numbers - numbers.mean())).sum() / wide if wide > 0 else 0.0
    return np.array([slope, numbers.mean() - slope * centre])


def _readable(form: Any, classes: bool) -> bool:
    """True where the form's scale says how its margins become answers, and it is small enough to gain by it."""
    if hasattr(form, "trees") and form.trees * form.depth > MOST_STEPS:
        return False
    return form.scale in (("log-odds", "probability") if classes else ("value", "log"))


def _one_at_a_time(columns: Columns, probe: Floats, low: Floats, high: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Rows like the first of the probe but for one column: every level, many numbers, missing; and which column."""
    rows, where = [], []
    for j, column in enumerate(columns.columns):
        if column.kind == "category":
            values = np.arange(len(column.levels), dtype=np.float64)
        else:
            known = np.append(probe[~np.isnan(probe[:, j]), j], [end for end in (low[j], high[j]) if np.isfinite(end)])
            low_, high_ = (known.min(), known.max()) if len(known) else (0.0, 0.0)
            few = column.kind == "integer" and bool(np.isfinite(low[j] + high[j])) and high_ - low_ < FEW
            values = np.arange(low_, high_ + 1) if few else np.linspace(low_, high_, POINTS)
            values = np.unique(np.rint(values) if column.kind == "integer" else values)
        if np.isnan(probe[:, j]).any():
            values = np.append(values, np.nan)
        changed = np.repeat(probe[:1], len(values), axis=0)
        changed[:, j] = values
        rows.append(changed)
        where.append(np.full(len(values), j))
    return np.concatenate(rows), np.concatenate(where)
