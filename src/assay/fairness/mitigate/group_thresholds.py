"""A cutoff for each group, so that chosen rates are alike at the least cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from assay.data.counts import Counts
from assay.fairness.mitigation.draw import Draw
from assay.fairness.mitigation.groups import Groups
from assay.fairness.mitigation.mitigation import Floats, mitigation
from assay.fairness.mitigation.postprocessing import Postprocessing, Scored
from assay.fairness.thresholds.curves import Curve, curves_of_counts, curves_of_rows
from assay.fairness.thresholds.problem import Objective
from assay.fairness.thresholds.solve import Rule, Solution, solve


class GroupThresholds(Postprocessing):
    """Selects by a cutoff on the score for each group; rates of the constraint differ by at most `tolerance`.

    `constraint`: demographic-parity (selection rate), equal-opportunity (TPR), fpr-parity, equalized-odds (both).
    `objective`: "error", "balanced-error", or costs by name (false_positive, false_negative, true_positive,
    true_negative). The optimum is exact on the rows given. With `randomised` two or more cutoffs of a group may be
    mixed by chance, which reaches every point under the ROC hull (Hardt, Price & Srebro 2016), so that equalized odds
    has a solution for every tolerance; without, there may be none better than treating everybody alike, which is an
    error that names the nearest tolerance with one. A draw belongs to the subject's id, under the key `draw`.

    After fitting, `facts_` has the cost, the gaps and each group's rates on the rows it was solved on. Group
    thresholds on the best unconstrained model contain the frontier of every other method (Cruz & Hardt 2024).
    """

    needs_attribute_at_decision = True
    randomised = True

    def __init__(
        self,
        estimator: Any = None,
        *,
        constraint: str = "demographic-parity",
        tolerance: float = 0.01,
        objective: Objective = "error",
        randomised: bool = False,
        draw: Draw | None = None,
        prefit: bool = False,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        super().__init__(estimator, prefit=prefit, folds=folds, seed=seed)
        self.constraint = constraint
        self.tolerance = tolerance
        self.objective = objective
        self.randomised = randomised
        self.draw = draw

    def learn(self, rows: Scored, /) -> None:
        """The cutoffs are solved on every distinct score of every group."""
        curves = curves_of_rows(rows.score, rows.y, rows.codes, len(rows.groups), weight=rows.weight)
        self._keep(self.solve(curves, rows.groups), rows.groups)

    def fit_counts(self, counts: Counts, attributes: Sequence[str], /) -> Self:
        """The cutoffs are solved on Counts over protected, label and score bins, without any row."""
        found = curves_of_counts(counts, attributes)
        self._keep(self.solve(found.curves, found.groups), found.groups)
        self.estimator_, self.features_ = None, []
        if self.randomised:
            self.draw_ = self.draw or Draw.generate()
        self.groups_ = found.groups
        return self

    def solve(self, curves: Sequence[Curve], groups: Groups, /) -> Solution:
        """The exact optimum on some Curves, under the settings of this object."""
        return solve(
            curves,
            groups,
            constraint=self.constraint,
            objective=self.objective,
            tolerance=self.tolerance,
            randomised=self.randomised,
        )

    def _keep(self, solution: Solution, groups: Groups) -> None:
        self.cutoffs_ = [rule.cutoffs for rule in solution.rules]
        self.chances_ = [rule.chances for rule in solution.rules]
        self.facts_ = solution.facts(groups)

    def selection(self, score: Floats, codes: Any, /) -> Floats:
        """(rows,) probability of selection by the rule of the row's group."""
        out = np.empty(len(score))
        for group, (cutoffs, chances) in enumerate(zip(self.cutoffs_, self.chances_, strict=True)):
            rows = codes == group
            out[rows] = Rule(cutoffs, chances).chance(score[rows])
        return out


group_thresholds = mitigation(
    "group-thresholds",
    title="A cutoff for each group",
    promise="On the fitted rows chosen rates differ by at most the tolerance between groups, at the least cost",
    source="Hardt, Price & Srebro (2016), Equality of opportunity in supervised learning, section 4",
)(GroupThresholds)
