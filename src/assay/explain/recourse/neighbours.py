"""The nearest rows that were decided otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.explain.columns import Columns, Floats
from assay.explain.question import Question
from assay.explain.recourse.appraisal import changes
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.counterfactual import Change
from assay.explain.recourse.goal import standing
from assay.explain.recourse.plausibility import distance_weights, pairwise
from assay.explain.recourse.space import space_of


@dataclass(frozen=True, eq=False)
class Neighbour:
    """A row of the data with another answer: its values, how it differs, how far it is, its number of the model."""

    row: Floats
    changes: tuple[Change, ...]
    distance: float
    output: float


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For each of `rows` (rows, columns) its nearest unlike rows of the background, nearest first."""

    columns: Columns
    rows: Floats
    found: tuple[tuple[Neighbour, ...], ...]
    goal: str
    origin: str

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        listed = [
            [
                {
                    "shown": list(self.columns.show(one.row)),
                    "changes": [{"column": c.column, "before": c.before, "after": c.after} for c in one.changes],
                    "distance": one.distance,
                    "output": one.output,
                }
                for one in some
            ]
            for some in self.found
        ]
        return {"goal": self.goal, "origin": self.origin, "columns": list(self.columns.names), "rows": listed}


def nearest_unlike(
    question: Question, /, *, count: int = 3, target: str | Sequence[float | None] | None = None
) -> Neighbours:
    """The `count` background rows nearest to each row that have the wanted answer: by default, the other decision.

    Real rows, not made ones: what people in the data look like who were decided otherwise. Distances as in
    `Counterfactual.distance`. Fewer, or none, where the background has no more.
    """
    space = space_of(Constraints(), question.columns, question.background)
    stands = standing(question.target, question.rows, question.background, target)
    goal = stands.goal
    weights = distance_weights(space)
    said = goal.ask(question.background, np.zeros(len(question.background), dtype=np.int64))
    found: list[tuple[Neighbour, ...]] = []
    for i, row in enumerate(question.rows):
        reach = goal.target.output is None or goal.reach[i]
        points: NDArray[np.int64] = np.flatnonzero(stands.wanted if reach else ~stands.wanted)
        apart = pairwise(row[None], question.background[points], weights, space.nominal)[0]
        nearest = np.argsort(apart, kind="stable")[:count]
        found.append(
            tuple(
                Neighbour(other, changes(space, row, other), float(apart[k]), float(said.output[points[k]]))
                for k in nearest
                for other in [question.background[points[k]]]
            )
        )
    return Neighbours(question.columns, question.rows, tuple(found), goal.words, question.origin)
