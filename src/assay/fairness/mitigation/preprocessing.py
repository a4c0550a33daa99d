"""Mitigations that change what a model is trained on."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

from assay.fairness.mitigation.estimators import favourable_scores, fit_clone, predictions
from assay.fairness.mitigation.mitigation import Floats, Ints, Mitigation, both_columns, column_names
from assay.fairness.mitigation.rows import Training, training


class Preprocessing(Mitigation):
    """Prepares the training rows, then fits a copy of `estimator` on them. An author writes `prepare`.

    Where the features change as well, the author also writes `at_decision`. `gives_matrix` says that the estimator gets
    a matrix of numbers, whatever the features were.
    """

    gives_matrix: ClassVar[bool] = False

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    @abstractmethod
    def prepare(self, rows: Training, /) -> Training:
        """The rows that the estimator is fitted on; what decisions need later is kept in attributes ending in `_`."""

    def at_decision(self, x: Any, codes: Any, /) -> Any:
        """The features as the fitted estimator takes them; `codes` is None for a method that decides without groups."""
        return x

    def fit(self, X: Any, y: Any, *, protected: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """The estimator is fitted on the prepared rows."""
        rows = training(X, y, protected=protected, sample_weight=sample_weight)
        self.features_ = column_names(X)
        prepared = self.prepare(rows)
        self.estimator_ = fit_clone(self.estimator, prepared.x, prepared.y, prepared.weight)
        self.groups_ = rows.groups
        return self

    def predict_proba(self, X: Any, *, protected: Any = None, ids: Any = None) -> Floats:  # noqa: N803
        """(rows, 2) probabilities of the fitted estimator."""
        x = self.at_decision(X, self.codes(protected))
        return both_columns(favourable_scores(self.estimator_, x))

    def predict(self, X: Any, *, protected: Any = None, ids: Any = None) -> Ints:  # noqa: N803
        """(rows,) decisions of the fitted estimator."""
        x = self.at_decision(X, self.codes(protected))
        return predictions(self.estimator_, x)
