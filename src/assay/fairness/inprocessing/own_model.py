"""Mitigations that bring their own model: a function of encoded, standardised features."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np

from assay.core.errors import AssayError
from assay.fairness.mitigation.calibrators import sigmoid
from assay.fairness.mitigation.columns.tables import Encoder, as_frame
from assay.fairness.mitigation.mitigation import Floats, Ints, Mitigation, both_columns, column_names
from assay.fairness.mitigation.rows import Training, training


class OwnModel(Mitigation):
    """Fits its own model of the features. An author writes `learn` and `log_odds`.

    Names become one 0/1 column a level and every column has mean 0 and standard deviation 1 in the fitted rows. There
    is no estimator inside: one that is given is an error.
    """

    brings_model: ClassVar[bool] = True

    def __init__(self, estimator: Any = None) -> None:
        self.estimator = estimator

    @abstractmethod
    def learn(self, features: Floats, rows: Training, /) -> None:
        """What decisions need is kept in attributes ending in `_`; `features` is (rows, columns)."""

    @abstractmethod
    def log_odds(self, features: Floats, codes: Any, /) -> Floats:
        """(rows,) log-odds of the favourable outcome; `codes` is None for a method that decides without groups."""

    def fit(self, X: Any, y: Any, *, protected: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """The model is fitted on the encoded rows."""
        if self.estimator is not None:
            raise AssayError(
                f"{type(self).__name__} fits a model of its own and takes no estimator.",
                code="estimator",
                hint="Leave estimator out.",
            )
        rows = training(X, y, protected=protected, sample_weight=sample_weight)
        if len(np.unique(rows.y)) < 2:
            raise AssayError("All rows have the same outcome.", code="label", hint="Give rows of both outcomes.")
        self.features_ = column_names(X)
        table = as_frame(rows.x)
        encoder = Encoder.fit(table)
        self.levels_ = encoder.to_json()
        matrix = encoder.matrix(table)
        self.means_, spread = matrix.mean(axis=0), matrix.std(axis=0)
        self.scales_ = np.where(spread > 0, spread, 1.0)
        self.learn((matrix - self.means_) / self.scales_, rows)
        self.estimator_ = None
        self.groups_ = rows.groups
        return self

    def predict_proba(self, X: Any, *, protected: Any = None, ids: Any = None) -> Floats:  # noqa: N803
        """(rows, 2) probabilities of the outcomes 0 and 1."""
        codes = self.codes(protected)
        matrix = Encoder.from_json(self.levels_).matrix(as_frame(X))
        return both_columns(sigmoid(self.log_odds((matrix - self.means_) / self.scales_, codes)))

    def predict(self, X: Any, *, protected: Any = None, ids: Any = None) -> Ints:  # noqa: N803
        """(rows,) 1 where the favourable outcome has probability one half or more."""
        return (self.predict_proba(X, protected=protected)[:, 1] >= 0.5).astype(np.int64)


def with_constant(features: Floats, /) -> Floats:
    """(rows, columns + 1) the features and a column of ones."""
    return np.column_stack([features, np.ones(len(features))])


def check_not_negative(**settings: float) -> None:
    """Raises an error for a setting that is negative or not finite."""
    for name, value in settings.items():
        if not np.isfinite(value) or value < 0:
            raise AssayError(f"{name}={value} is not a number from 0 on.", code="parameter")
