"""Partial dependence of one column, and the individual curves that it is the mean of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.explain.columns import Column, Floats
from assay.explain.overall.asked import asked
from assay.explain.overall.effects.grid import grid
from assay.explain.overall.uncertainty import MeanOverRows, mean_over_rows
from assay.explain.question import Question

if TYPE_CHECKING:
    from assay.data.case import Case

POINTS = 20
ROWS = 500
WITHIN = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class Dependence:
    """The model's answer with `column` set to each value of `grid` (points,): `curves` (rows, points), and their mean.

    `means` have Student's intervals over the rows, each point by itself. `target` says what the numbers are.
    """

    column: Column
    grid: Floats
    curves: Floats
    means: tuple[MeanOverRows, ...]
    target: str
    level: float

    @property
    def shown(self) -> tuple[str, ...]:
        """The values of the grid for people."""
        return tuple(self.column.show(float(value)) for value in self.grid)

    @property
    def mean(self) -> Floats:
        """(points,) partial dependence."""
        return np.array([each.value for each in self.means])

    @property
    def centred(self) -> Floats:
        """(rows, points) individual curves less their first point: c-ICE (Goldstein et al. 2015, sec. 3.2)."""
        return np.asarray(self.curves - self.curves[:, :1])

    @property
    def spread(self) -> Floats:
        """(points,) standard deviation of the centred curves: above 0 where the column works together with others."""
        return np.asarray(self.centred.std(axis=0))

    def contrast(self, first: int, second: int, /) -> MeanOverRows:
        """The answer at grid point `second` less that at `first`, the same rows at both."""
        return mean_over_rows(self.curves[:, second] - self.curves[:, first], level=self.level)

    def to_json(self) -> dict[str, Any]:
        """Everything but the individual curves, as JSON types."""
        rows = zip(self.shown, self.grid.tolist(), self.means, self.spread.tolist(), strict=True)
        return {
            "column": self.column.name,
            "target": self.target,
            "rows": len(self.curves),
            "level": self.level,
            "points": [
                {
                    "shown": shown,
                    "value": value,
                    "mean": mean.value,
                    "low": mean.interval.low if mean.interval else None,
                    "high": mean.interval.high if mean.interval else None,
                    "spread": spread,
                }
                for shown, value, mean, spread in rows
            ],
        }


def partial_dependence(
    about: Question | Case,
    column: str,
    /,
    *,
    points: int = POINTS,
    within: tuple[float, float] = WITHIN,
    level: float = 0.95,
    limit: int = ROWS,
    seed: int = 0,
) -> Dependence:
    """The Dependence of the model's answer on `column`: the mean over rows with the column set to each value of a grid.

    The grid has up to `points` quantiles `within` the given ones, or the levels of a category. At most `limit` rows;
    every row x point is asked in batches. The intervals are about these rows as a sample, not about the model.

    When not to trust it: where columns are correlated, rows are made that do not exist (a pregnant man of 80), and the
    model's answers there enter the mean; `ale` does without them. Source: Friedman (2001), Annals of Statistics
    29:1189, eq. 53; individual curves: Goldstein, Kapelner, Bleich & Pitkin (2015), JCGS 24:44.
    """
    question = asked(about, limit=limit, seed=seed)
    place = question.columns.place(column)
    kind, rows = question.columns.columns[place], question.rows
    values = grid(kind, rows[:, place], points=points, within=within)
    matrix = np.repeat(rows, len(values), axis=0)
    matrix[:, place] = np.tile(values, len(rows))
    curves = question.target(matrix).reshape(len(rows), len(values))
    means = tuple(mean_over_rows(curves[:, i], level=level) for i in range(len(values)))
    return Dependence(kind, values, curves, means, question.target.name, level)
