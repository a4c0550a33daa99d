"""A mixture of models, fitted with weights that change until its rates are alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from assay.core.errors import AssayError
from assay.fairness.inprocessing.reductions import RowEstimator, constraint_of, fit_search, reductions
from assay.fairness.mitigation.draw import Draw
from assay.fairness.mitigation.estimators import favourable_scores
from assay.fairness.mitigation.mitigation import Floats, Ints, Mitigation, both_columns, column_names, mitigation
from assay.fairness.mitigation.rows import Training, take, training

KEPT = 1e-6
"""Members of the mixture with less probability are left out."""


class ExponentiatedGradient(Mitigation):
    """Fits copies of `estimator` with changing weights; a decision is that of one copy, drawn for the subject.

    Fairlearn's ExponentiatedGradient. In the mixture, the rate of every group differs from that of all fitted rows by
    at most `tolerance` and a term that shrinks with `iterations`. `constraint`: demographic-parity (selection rate),
    equal-opportunity (TPR), fpr-parity, equalized-odds (both). The favourable column of `predict_proba` is the share of
    the mixture that selects a row, and no calibrated probability of the outcome. A draw belongs to the subject's id,
    under the key `draw`. To save it, the copies must be scikit-learn's own. Needs the extra [fairness] to fit.
    """

    randomised = True

    def __init__(
        self,
        estimator: Any,
        *,
        constraint: str = "demographic-parity",
        tolerance: float = 0.01,
        iterations: int = 50,
        draw: Draw | None = None,
    ) -> None:
        self.estimator = estimator
        self.constraint = constraint
        self.tolerance = tolerance
        self.iterations = iterations
        self.draw = draw

    def fit(self, X: Any, y: Any, *, protected: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """The mixture is fitted; weights of rows are an error."""
        rows = training(X, y, protected=protected, sample_weight=sample_weight)
        constraint = constraint_of(self.constraint, self.tolerance)
        search = reductions().ExponentiatedGradient(
            RowEstimator(self.estimator, rows), constraint, eps=self.tolerance, max_iter=self.iterations
        )
        fit_search(search, rows)
        chances = search.weights_.sort_index().to_numpy(dtype=np.float64)
        used = np.flatnonzero(chances > KEPT)
        self.chances_ = chances[used] / chances[used].sum()
        self.estimator_ = _mixture([search.predictors_[i] for i in used], self.chances_, rows)
        self.features_ = column_names(X)
        self.draw_ = self.draw or Draw.generate()
        self.groups_ = rows.groups
        return self

    def selection_probability(self, X: Any, *, protected: Any = None) -> Floats:  # noqa: N803
        """(rows,) probability that each row is selected, before any draw."""
        self.check_fitted()
        return np.round(favourable_scores(self.estimator_, X), 12)

    def predict_proba(self, X: Any, *, protected: Any = None, ids: Any = None) -> Floats:  # noqa: N803
        """(rows, 2) shares of the mixture that decide for 0 and 1."""
        return both_columns(self.selection_probability(X))

    def predict(self, X: Any, *, protected: Any = None, ids: Any = None) -> Ints:  # noqa: N803
        """(rows,) decisions, drawn for the subjects `ids`: an id is decided alike for ever."""
        chance = self.selection_probability(X)
        if ids is None or len(ids) != len(chance):
            raise AssayError(
                f"{len(chance)} decisions are drawn, and there are {0 if ids is None else len(ids)} subject ids.",
                code="subject",
                hint="Give ids=, one a row, or use selection_probability().",
            )
        return (self.draw_.uniform(ids) < chance).astype(np.int64)


def _mixture(members: Sequence[Any], chances: Floats, rows: Training) -> Any:
    """One estimator of scikit-learn whose favourable probability is Σ chance × decision of a member (0 or 1).

    Modified Huber loss gives the probability (1 + f) / 2 for f in [−1, 1] (Zhang 2004), here f = 2 Σ chance × decision
    − 1: linear in the decisions, and a type that is saved without pickle.
    """
    from sklearn.ensemble import StackingClassifier
    from sklearn.linear_model import SGDClassifier

    named = [(f"member {i}", getattr(member, "fitted_", member)) for i, member in enumerate(members)]
    final = SGDClassifier(loss="modified_huber", max_iter=1, tol=None, random_state=0)
    few = np.concatenate([np.flatnonzero(rows.y == outcome)[:5] for outcome in (0, 1)])
    mixed = StackingClassifier(named, final_estimator=final, cv="prefit", stack_method="predict")
    mixed.fit(take(rows.x, few), rows.y[few])
    mixed.final_estimator_.coef_ = 2 * chances[None, :]
    mixed.final_estimator_.intercept_ = np.array([-1.0])
    return mixed


gradient = mitigation(
    "exponentiated-gradient",
    title="A mixture of models whose rates are alike",
    promise="In the fitted rows every group's rate is within about the tolerance of all rows', over the mixture",
    source="Agarwal, Beygelzimer, Dudik, Langford & Wallach (2018), A reductions approach to fair classification",
)(ExponentiatedGradient)
