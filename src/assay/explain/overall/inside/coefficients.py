"""Coefficients of a linear model in the units of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import Message
from assay.explain.columns import Column, Floats
from assay.explain.overall.inside.meaning import Meaning, meanings
from assay.explain.question import Question
from assay.models.internals.forms import LinearForm

STRAIGHT = 1e-6
"""What a column adds may lie so far off a straight line, as a share of its range, by rounding."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """What `column` adds to the sum: `per_unit` of a number, and `per_deviation`, a standard deviation of it.

    For a level of a category, `level` is added in place of the `reference` level: `against`. `reason` says why a number
    has no coefficient.
    """

    column: str
    per_unit: float | None = None
    per_deviation: float | None = None
    deviation: float | None = None
    level: str | None = None
    reference: str | None = None
    against: float | None = None
    reason: Message | None = None

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        out = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "reason"}
        return out | {"reason": self.reason.text() if self.reason else None}


@dataclass(frozen=True, slots=True)
class Linear:
    """The `coefficients` and the sum's own `intercept`, which belongs to the numbers that the model reads."""

    coefficients: tuple[Coefficient, ...]
    intercept: float


def coefficients(question: Question, form: LinearForm, /, *, sign: float) -> Linear:
    """The Linear view of a form for the output that is explained, `sign` times.

    Scalers and encoders before the form are taken through: what a column adds is read off encoded rows.
    """
    output = question.target.output if form.outputs > 1 and question.target.output is not None else 0
    slopes = sign * form.coefficients[output]
    model: Any = question.target.model
    found = meanings(model, question.columns, question.rows)
    matrix = model.encode(question.columns.decode(question.rows)).matrix
    out: list[Coefficient] = []
    for place, column in enumerate(question.columns.columns):
        mine = [j for j, meaning in enumerate(found) if meaning.place == place]
        if not mine:
            out.append(Coefficient(column.name, reason=Message("unused", "the model does not read this column")))
        elif column.kind == "category":
            out.extend(_levels(column, [found[j] for j in mine], slopes[mine], question.rows[:, place]))
        else:
            out.append(_number(column, question.rows[:, place], matrix[:, mine] @ slopes[mine]))
    return Linear(tuple(out), sign * float(form.intercept[output]))


def _levels(column: Column, found: list[Meaning], slopes: Floats, codes: Floats) -> list[Coefficient]:
    """Each level against the one that most rows have."""
    adds = sum(
        slope * meaning.levels for slope, meaning in zip(slopes, found, strict=True) if meaning.levels is not None
    )
    adds = np.broadcast_to(np.asarray(adds, dtype=np.float64), (len(column.levels),))
    rows = np.bincount(codes[~np.isnan(codes)].astype(np.int64), minlength=len(column.levels))
    if not rows.any():
        return [Coefficient(column.name, reason=Message("missing", "the column is missing in every row"))]
    first = int(rows.argmax())
    return [
        Coefficient(column.name, level=name, reference=column.levels[first], against=float(adds[i] - adds[first]))
        for i, name in enumerate(column.levels)
        if i != first and np.isfinite(adds[i] - adds[first])
    ]


def _number(column: Column, values: Floats, adds: Floats) -> Coefficient:
    known = ~np.isnan(values) & np.isfinite(adds)
    x, y = values[known], adds[known]
    if len(x) < 2 or x.min() == x.max():
        text = Message("constant", "the column has one value only, or none, on these rows")
        return Coefficient(column.name, reason=text)
    off = x - x.mean()
    slope = float(off @ (y - y.mean()) / (off @ off))
    bend = np.abs(y - y.mean() - slope * off).max()
    if bend > STRAIGHT * max(float(y.max() - y.min()), 1e-12):
        text = Message("not-straight", "what this column adds is no straight line in it; see its effect")
        return Coefficient(column.name, reason=text)
    deviation = float(x.std(ddof=1))
    return Coefficient(column.name, slope, slope * deviation, deviation)
