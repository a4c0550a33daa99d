"""Scores moved so that they have one distribution in all groups."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.fairness.mitigation.columns.quantiles import quantiles, rank, value
from assay.fairness.mitigation.mitigation import Floats, mitigation
from assay.fairness.mitigation.postprocessing import Postprocessing, Scored


class ScoreRepair(Postprocessing):
    """Moves each score to its rank in the barycentre: (1 − `level`) s + `level` Σ_h p_h Q_h(F_g(s)).

    Q_h is the quantile function of group h, p_h its share, F_g the distribution of the row's group. At level 1 the
    score has the same distribution in every group, so that selection rates are equal at every cutoff; of all scores
    with that property this is the nearest in squared distance. The order within a group stays. Rows with equal scores
    stay equal: a score with few values cannot be made alike.
    """

    needs_attribute_at_decision = True

    def __init__(
        self, estimator: Any = None, *, level: float = 1.0, prefit: bool = False, folds: int = 5, seed: int = 0
    ) -> None:
        super().__init__(estimator, prefit=prefit, folds=folds, seed=seed)
        self.level = level

    def learn(self, rows: Scored, /) -> None:
        """The quantiles of each group, and those of their barycentre."""
        if not 0 <= self.level <= 1:
            raise AssayError(f"A repair level of {self.level} is not in [0, 1].", code="parameter")
        there = [rows.codes == g for g in range(len(rows.groups))]
        tables = np.stack([quantiles(rows.score[group], rows.weights[group]) for group in there])
        shares = np.array([rows.weights[group].sum() for group in there])
        self.quantiles_ = tables
        self.barycentre_ = shares @ tables / shares.sum()

    def rescored(self, score: Floats, codes: Any, /) -> Floats:
        """(rows,) the repaired scores."""
        out = np.empty(len(score))
        for group, own in enumerate(self.quantiles_):
            rows = codes == group
            goal = value(rank(score[rows], own), self.barycentre_)
            out[rows] = (1 - self.level) * score[rows] + self.level * goal
        return out


repair = mitigation(
    "score-repair",
    title="Scores moved so that they have one distribution in all groups",
    promise="At level 1 the score has nearly the same distribution in every group, hence equal selection at any cutoff",
    source="Chzhen, Denis, Hebiri, Oneto & Pontil (2020), Fair regression with Wasserstein barycenters, theorem 2.3",
)(ScoreRepair)
