"""scikit-learn's linear models as coefficients, an intercept and what their sum means."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.core.errors import Message
from assay.models.internals.forms import LinearForm, reason
from assay.models.structure.ensemble import Scale

LOGISTIC = frozenset({"LogisticRegression", "LogisticRegressionCV"})
DECISION = frozenset(
    {
        *("LinearSVC", "RidgeClassifier", "RidgeClassifierCV", "SGDClassifier"),
        *("Perceptron", "PassiveAggressiveClassifier", "LinearDiscriminantAnalysis"),
    }
)
REGRESSION = frozenset(
    {
        *("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "SGDRegressor"),
        *("Lars", "LarsCV", "LassoLars", "LassoLarsCV", "LassoLarsIC", "HuberRegressor", "BayesianRidge"),
        *("ARDRegression", "TheilSenRegressor", "QuantileRegressor", "LinearSVR", "PassiveAggressiveRegressor"),
        *("OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV"),
    }
)
LOG_LINK = frozenset({"PoissonRegressor", "GammaRegressor", "TweedieRegressor"})
KINDS = LOGISTIC | DECISION | REGRESSION | LOG_LINK


def form_of(estimator: Any, /) -> LinearForm | Message:
    """The coefficients of a fitted estimator of `KINDS`, or why they are none of one target.

    Logistic regression: log-odds (of several classes multinomial, so that the softmax is the probability),
    and stochastic gradient descent with the log loss for two classes. Each class against the rest, hinge
    and squared losses: decision values.
    """
    raw = estimator.coef_
    coefficients = np.asarray(raw.toarray() if hasattr(raw, "toarray") else raw, dtype=np.float64)
    if coefficients.ndim == 1:
        coefficients = coefficients[None, :]
    classes = getattr(estimator, "classes_", None)
    outputs = 1 if classes is None or len(classes) == 2 else len(classes)
    if coefficients.shape[0] != outputs:
        return reason("models.inside.part", part="A linear model of several targets")
    intercept = np.broadcast_to(np.ravel(np.asarray(estimator.intercept_, np.float64)), (outputs,))
    return LinearForm(coefficients, intercept, _scale(estimator, outputs))


def _scale(estimator: Any, outputs: int) -> Scale:
    kind = type(estimator).__name__
    if kind in LOGISTIC or kind == "LinearDiscriminantAnalysis":
        return "log-odds"
    if kind == "SGDClassifier" and estimator.loss == "log_loss" and outputs == 1:
        return "log-odds"
    if kind in LOG_LINK and not _identity_link(estimator):
        return "log"
    return "value"


def _identity_link(estimator: Any) -> bool:
    if type(estimator).__name__ != "TweedieRegressor":
        return False
    return bool(estimator.link == "identity" or (estimator.link == "auto" and estimator.power <= 0))
