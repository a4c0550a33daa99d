"""The model that methods are compared on: a plain classifier of mixed tables."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from assay.core.errors import unknown
from assay.fairness.mitigation.columns.tables import Encoder, as_frame
from assay.fairness.mitigation.mitigation import Floats, Ints
from assay.fairness.mitigation.parameters import Parametrised

KINDS = ("logistic", "lightgbm")


class TableClassifier(Parametrised):
    """Logistic regression or LightGBM on a mixed table or a matrix; names become one 0/1 column a level.

    `settings` are keywords of the estimator inside. It takes whatever a mitigation makes of its features.
    """

    def __init__(self, kind: str = "logistic", *, settings: dict[str, Any] | None = None, seed: int = 0) -> None:
        self.kind = kind
        self.settings = settings
        self.seed = seed

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """The estimator is fitted on the encoded, standardised columns."""
        table = as_frame(X)
        self.encoder_ = Encoder.fit(table)
        matrix = self.encoder_.matrix(table)
        self.means_, spread = matrix.mean(axis=0), matrix.std(axis=0)
        self.scales_ = np.where(spread > 0, spread, 1.0)
        made = self._estimator()
        self.classes_ = np.unique(y)
        self.inside_ = made.fit((matrix - self.means_) / self.scales_, y, sample_weight=sample_weight)
        return self

    def predict_proba(self, X: Any) -> Floats:  # noqa: N803
        """(rows, outcomes) probabilities, in the order of `classes_`."""
        matrix = self.encoder_.matrix(as_frame(X))
        return np.asarray(self.inside_.predict_proba((matrix - self.means_) / self.scales_))

    def predict(self, X: Any) -> Ints:  # noqa: N803
        """(rows,) the more probable outcome."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def _estimator(self) -> Any:
        if self.kind not in KINDS:
            raise unknown("kind of model", self.kind, KINDS, code="parameter")
        given = self.settings or {}
        if self.kind == "logistic":
            from sklearn.linear_model import LogisticRegression

            return LogisticRegression(**{"max_iter": 1000, "tol": 1e-3} | given)
        from lightgbm import LGBMClassifier

        fixed = {"n_jobs": 1, "verbose": -1, "deterministic": True, "random_state": self.seed}
        return LGBMClassifier(**{"n_estimators": 100} | given | fixed)
