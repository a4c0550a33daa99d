"""Logistic regression by private gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from assay.models.adapter import sigmoid, softmax
from assay.privacy.accounting.statement import Statement
from assay.privacy.estimators.public import Classes, box, codes_of, known_classes
from assay.privacy.training.examples import examples
from assay.privacy.training.fitting import Settings, Target, accountant_of, fit_examples
from assay.privacy.training.network import Architecture, Output


class LogisticRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """(epsilon, delta)-differentially private logistic regression, binary or multinomial; see `training.descent`.

    The features are clamped to `bounds` and scaled to [−1, 1]. `examples` is the public number of rows; without it they
    are counted with noise, for a fiftieth of epsilon. `delta` must be below 1 / examples. `classes` are 0 and 1 unless
    named, or "public"; rows of other labels count for nothing. `batch`, `epochs` and `learning_rate` follow from the
    number of examples where they are left out; `accountant` is pld or rdp. `insecure_seed` makes it reproducible and
    takes the promise away. After `fit`: `coef_`, `intercept_`, `statement_` (the whole promise), `private_`.
    """

    def __init__(
        self,
        epsilon: float = 1.0,
        *,
        delta: float = 1e-6,
        bounds: Any = None,
        classes: Classes = None,
        examples: int | None = None,
        max_grad_norm: float = 1.0,
        batch: int | None = None,
        epochs: float | None = None,
        learning_rate: float | None = None,
        accountant: str = "pld",
        insecure_seed: int | None = None,
    ) -> None:
        self.epsilon = epsilon
        self.delta = delta
        self.bounds = bounds
        self.classes = classes
        self.examples = examples
        self.max_grad_norm = max_grad_norm
        self.batch = batch
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.accountant = accountant
        self.insecure_seed = insecure_seed

    def fit(self, X: Any, y: Any) -> LogisticRegression:  # noqa: N803 - scikit-learn's name
        """The estimator, fitted on X (rows, features) and labels y (rows,)."""
        x, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        inside = box(self.bounds, columns=x.shape[1])
        self.classes_ = known_classes(self.classes, labels)
        kinds = len(self.classes_)
        shape = (
            Architecture(x.shape[1], Output.CLASSES, kinds) if kinds > 2 else Architecture(x.shape[1], Output.BINARY)
        )
        settings = Settings(
            "logistic",
            batch=self.batch,
            epochs=self.epochs,
            max_grad_norm=self.max_grad_norm,
            learning_rate=self.learning_rate,
            accountant=accountant_of(self.accountant),
        )
        data = examples(inside.scaled(x), codes_of(labels, self.classes_), architecture=shape)
        target = Target(self.delta, epsilon=self.epsilon, examples=self.examples)
        found = fit_examples(data, shape, settings, target, insecure_seed=self.insecure_seed)
        self.fitted_, self.private_ = found, not found.trained.not_private
        network = found.trained.network
        self.coef_ = network.weights[0].T.astype(np.float64) / inside.half
        self.intercept_ = network.biases[0].astype(np.float64) - self.coef_ @ inside.middle
        return self

    @property
    def statement_(self) -> Statement:
        """The whole promise, by every accountant."""
        check_is_fitted(self)
        return self.fitted_.statement

    def decision_function(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """(rows,) log-odds of the second class, or (rows, classes) of several."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, reset=False)
        margins = np.asarray(x @ self.coef_.T + self.intercept_)
        return margins[:, 0] if len(self.classes_) <= 2 else margins

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """(rows,) the most probable class."""
        margins = self.decision_function(X)
        places = (margins > 0).astype(np.int64) if margins.ndim == 1 else margins.argmax(axis=1)
        found: NDArray[Any] = self.classes_[places]
        return found

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """(rows, classes) probabilities."""
        margins = self.decision_function(X)
        if margins.ndim == 2:
            return softmax(margins)
        positive = sigmoid(margins)
        return np.column_stack([1 - positive, positive])
