"""The best of many models, each fitted with other weights on the groups."""

from __future__ import annotations

from typing import Any, Self

from assay.core.errors import AssayError
from assay.fairness.inprocessing.reductions import RowEstimator, constraint_of, fit_search, reductions
from assay.fairness.mitigation.estimators import favourable_scores, predictions
from assay.fairness.mitigation.mitigation import Floats, Ints, Mitigation, both_columns, column_names, mitigation
from assay.fairness.mitigation.rows import training


class GridSearch(Mitigation):
    """Fits `size` copies of `estimator` with weights on a grid and keeps one, whose decisions are not drawn.

    Fairlearn's GridSearch. The copy that is kept has the least (1 − `importance`) × error + `importance` × largest
    difference of a group's rate from that of all rows, on the fitted rows. `limit` is the largest weight of the grid.
    The grid has a dimension for each group but one (two for equalized-odds): made for two groups, coarse for more.
    `chosen_` is the place of the kept copy, `differences_` the largest difference of each. Needs the extra [fairness].
    """

    def __init__(
        self,
        estimator: Any,
        *,
        constraint: str = "demographic-parity",
        size: int = 21,
        limit: float = 2.0,
        importance: float = 0.5,
    ) -> None:
        self.estimator = estimator
        self.constraint = constraint
        self.size = size
        self.limit = limit
        self.importance = importance

    def fit(self, X: Any, y: Any, *, protected: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """The copies are fitted, and one is kept; weights of rows are an error."""
        rows = training(X, y, protected=protected, sample_weight=sample_weight)
        search = reductions().GridSearch(
            RowEstimator(self.estimator, rows),
            constraint_of(self.constraint, 0.01),
            constraint_weight=self.importance,
            grid_size=self.size,
            grid_limit=self.limit,
        )
        fit_search(search, rows)
        kept = search.predictors_[search.best_idx_]
        if not isinstance(kept, RowEstimator):
            raise AssayError(
                "The best of the grid decides alike for everybody.",
                code="no-solution",
                hint="Lower importance or limit, or raise size.",
            )
        self.chosen_ = int(search.best_idx_)
        self.differences_ = search.gammas_.max().to_numpy(dtype=float)
        self.estimator_ = kept.fitted_
        self.features_ = column_names(X)
        self.groups_ = rows.groups
        return self

    def predict_proba(self, X: Any, *, protected: Any = None, ids: Any = None) -> Floats:  # noqa: N803
        """(rows, 2) probabilities of the kept copy."""
        self.check_fitted()
        return both_columns(favourable_scores(self.estimator_, X))

    def predict(self, X: Any, *, protected: Any = None, ids: Any = None) -> Ints:  # noqa: N803
        """(rows,) decisions of the kept copy."""
        self.check_fitted()
        return predictions(self.estimator_, X)


search = mitigation(
    "grid-search",
    title="The best of many models fitted with other weights",
    promise="Of the fitted copies the one with the best trade of error and difference in rates is kept",
    source="Agarwal, Beygelzimer, Dudik, Langford & Wallach (2018), A reductions approach, section 3.4",
)(GridSearch)
