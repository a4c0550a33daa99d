"""Error costs made equal between groups while scores stay calibrated."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.fairness.mitigation.draw import Draw
from assay.fairness.mitigation.groups import shown
from assay.fairness.mitigation.mitigation import Floats, Ints, both_columns, mitigation
from assay.fairness.mitigation.postprocessing import Postprocessing, Scored

COSTS = ("fnr", "fpr", "sum")


class CalibratedEqualizedOdds(Postprocessing):
    """Replaces the score of a drawn share of the better-served groups by their base rate, until costs are equal.

    The cost of a group is generalised: `cost` "fnr" is the mean of 1 − score over favourable outcomes, "fpr" the mean
    score over the others, "sum" both. A group gets its base rate with probability α = (c_max − c) / (c_base − c), where
    c_base is the cost of the base rate for everybody; if that is less than the cost of the worst-served group, equal
    costs cannot be reached, which is an error. Scores that were calibrated in each group stay so. `shares_` has α by
    group. Information is withheld from the groups that are served better: nobody is served better than before. Drawn by
    the subject's id, under the key `draw`.
    """

    needs_attribute_at_decision = True
    randomised = True

    def __init__(
        self,
        estimator: Any = None,
        *,
        cost: str = "fnr",
        draw: Draw | None = None,
        prefit: bool = False,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        super().__init__(estimator, prefit=prefit, folds=folds, seed=seed)
        self.cost = cost
        self.draw = draw

    def learn(self, rows: Scored, /) -> None:
        """The share of each group whose score is replaced."""
        if self.cost not in COSTS:
            raise unknown("cost", self.cost, COSTS, code="parameter")
        every = range(len(rows.groups))
        costs = np.array([generalised_cost(rows, rows.score, g, self.cost) for g in every])
        rates = np.array([np.average(rows.y[rows.codes == g], weights=rows.weights[rows.codes == g]) for g in every])
        useless = {"fnr": 1 - rates, "fpr": rates, "sum": np.ones(len(rates))}[self.cost]
        worst = costs.max()
        lacking = np.flatnonzero((useless < worst) & (costs < worst))
        if len(lacking):
            g = int(lacking[0])
            raise AssayError(
                f"The base rate of {shown([rows.groups.levels[g]])} costs {useless[g]:.4g}, which is less than the "
                f"{worst:.4g} of {shown([rows.groups.levels[int(np.argmax(costs))]])}: equal costs cannot be reached.",
                code="no-solution",
                hint="Choose another cost, or group-thresholds.",
            )
        room = useless - costs
        self.shares_ = np.divide(worst - costs, room, out=np.zeros(len(costs)), where=room > 0)
        self.base_rates_ = rates
        self.costs_ = costs

    def predict_proba(self, X: Any, *, protected: Any = None, ids: Any = None) -> Floats:  # noqa: N803
        """(rows, 2) the score, or the base rate of the group where that was drawn for the subject."""
        codes = self.codes(protected)
        score = self.scores(X)
        return both_columns(np.where(self.drawn(self.shares_[codes], ids), self.base_rates_[codes], score))

    def predict(self, X: Any, *, protected: Any = None, ids: Any = None) -> Ints:  # noqa: N803
        """(rows,) 1 where the score after the draw is at least 0.5."""
        return (self.predict_proba(X, protected=protected, ids=ids)[:, 1] >= 0.5).astype(np.int64)

    def selection(self, score: Floats, codes: Any, /) -> Floats:
        """(rows,) probability of selection before the draw."""
        share, base = self.shares_[codes], self.base_rates_[codes]
        chance: Floats = (1 - share) * (score >= 0.5) + share * (base >= 0.5)
        return chance


def generalised_cost(rows: Scored, score: Floats, group: int, cost: str, /) -> float:
    """The cost of one group's scores: Pleiss et al. (2017), definition 1; needs rows of the outcomes it averages."""
    total = 0.0
    for name, outcome in (("fpr", 0), ("fnr", 1)):
        if cost in (name, "sum"):
            there = (rows.codes == group) & (rows.y == outcome)
            if not rows.weights[there].sum() > 0:
                raise AssayError(
                    f"{shown([rows.groups.levels[group]])} has no rows of outcome {outcome}.",
                    code="empty-denominator",
                    hint="Merge the group with another, or leave it out.",
                )
            wrong = score[there] if outcome == 0 else 1 - score[there]
            total += float(np.average(wrong, weights=rows.weights[there]))
    return total


calibrated = mitigation(
    "calibrated-equalized-odds",
    title="Error costs made equal between groups while scores stay calibrated",
    promise="The generalised error cost is the same in every group of the fitted rows, in expectation over the draw",
    source="Pleiss, Raghavan, Wu, Kleinberg & Weinberger (2017), On fairness and calibration, section 4",
)(CalibratedEqualizedOdds)
