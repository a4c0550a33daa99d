"""Scores calibrated in every group, every crossing of groups and every level of the score."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.fairness.mitigation.groups import Codes, Groups
from assay.fairness.mitigation.mitigation import Floats, Ints, mitigation
from assay.fairness.mitigation.postprocessing import Postprocessing, Scored


class Multicalibration(Postprocessing):
    """Adds to the score, in one cell of group and score bin after another, what it is off by on average there.

    Cells: all rows, each level of each protected attribute, and each crossing of up to `depth` of them, by `bins` equal
    steps of the current score. The cell that is furthest off is corrected first, and the bins are made anew, until no
    cell with at least the share `minimum` of all rows is off by more than `alpha`. Each step lowers the squared error
    by at least `minimum` × `alpha`², so that this ends; more than `rounds` steps are an error. Cells that are
    corrected overlap, so that this is more than calibrating each group alone.
    """

    needs_attribute_at_decision = True

    def __init__(
        self,
        estimator: Any = None,
        *,
        alpha: float = 0.02,
        bins: int = 10,
        depth: int = 2,
        minimum: float = 0.005,
        rounds: int = 2_000,
        prefit: bool = False,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        super().__init__(estimator, prefit=prefit, folds=folds, seed=seed)
        self.alpha = alpha
        self.bins = bins
        self.depth = depth
        self.minimum = minimum
        self.rounds = rounds

    def learn(self, rows: Scored, /) -> None:
        """The corrections, in their order."""
        if not (self.alpha > 0 and self.minimum > 0 and self.bins > 0):
            raise AssayError("alpha, minimum and bins must be above 0.", code="parameter")
        members = memberships(rows.groups, depth=self.depth)
        score = np.clip(rows.score, 0.0, 1.0)
        weight = rows.weights / rows.weights.sum()
        steps: list[tuple[int, int]] = []
        amounts: list[float] = []
        while True:
            cells = self._cells(score, rows, weight, members)
            off = cells[0]
            worst = np.where(cells[1] >= self.minimum, np.abs(off), 0.0)
            cell = int(np.argmax(worst))
            if worst.flat[cell] <= self.alpha:
                break
            if len(steps) == self.rounds:
                raise AssayError(
                    f"After {self.rounds} corrections a cell is still off by {worst.flat[cell]:.3g}.",
                    code="no-solution",
                    hint="Raise alpha, minimum or rounds.",
                )
            group, one = divmod(cell, self.bins)
            steps.append((group, one))
            amounts.append(float(off.flat[cell]))
            score = self._step(score, rows.codes, members[group], one, amounts[-1])
        self.members_ = members
        self.steps_ = np.array(steps, dtype=np.int64).reshape(-1, 2)
        self.amounts_ = np.array(amounts)

    def _cells(self, score: Floats, rows: Scored, weight: Floats, members: Ints) -> Floats:
        """(2, collections, bins) mean of outcome − score, and share of the rows."""
        place = rows.codes * self.bins + _bin(score, self.bins)
        size = len(rows.groups) * self.bins
        heavy = members @ np.bincount(place, weight, size).reshape(-1, self.bins)
        total = members @ np.bincount(place, weight * (rows.y - score), size).reshape(-1, self.bins)
        return np.stack([np.divide(total, heavy, out=np.zeros_like(total), where=heavy > 0), heavy])

    def _step(self, score: Floats, codes: Codes, member: Ints, one: int, amount: float) -> Floats:
        here = (member[codes] == 1) & (_bin(score, self.bins) == one)
        return np.where(here, np.clip(score + amount, 0.0, 1.0), score)

    def rescored(self, score: Floats, codes: Any, /) -> Floats:
        """(rows,) the score after all corrections."""
        out = np.clip(score, 0.0, 1.0)
        for (group, one), amount in zip(self.steps_, self.amounts_, strict=True):
            out = self._step(out, codes, self.members_[group], int(one), float(amount))
        return out


def _bin(score: Floats, bins: int) -> Ints:
    return np.minimum((score * bins).astype(np.int64), bins - 1)


def memberships(groups: Groups, /, *, depth: int) -> Ints:
    """(collections, groups) 1 where a group belongs to a collection: all, each level, each crossing up to `depth`."""
    found: dict[tuple[int, ...], None] = {(1,) * len(groups): None}
    attributes = range(len(groups.attributes))
    for size in range(1, min(depth, len(attributes)) + 1):
        for chosen in combinations(attributes, size):
            keys = [tuple(level[a] for a in chosen) for level in groups.levels]
            for key in dict.fromkeys(keys):
                found[tuple(int(other == key) for other in keys)] = None
    return np.array(list(found), dtype=np.int64)


multicalibration = mitigation(
    "multicalibration",
    title="Scores calibrated in every group, every crossing of groups and every level of the score",
    promise="No group or crossing is off by more than alpha in any score bin with enough of the fitted rows",
    source="Hébert-Johnson, Kim, Reingold & Rothblum (2018), Multicalibration, algorithm 3.1",
)(Multicalibration)
