"""Logistic regression whose decision boundary has little covariance with the group."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.fairness.inprocessing.own_model import OwnModel, check_not_negative, with_constant
from assay.fairness.mitigation.calibrators import sigmoid
from assay.fairness.mitigation.mitigation import Floats, mitigation
from assay.fairness.mitigation.rows import Training


class ConstrainedLogisticRegression(OwnModel):
    """The most likely logistic regression with |cov(member of g, θ·x)| ≤ `share` × that of the unconstrained one.

    For each group g; `share` 0 allows none, 1 is plain logistic regression. A convex problem, solved by sequential
    quadratic programming with the exact gradient; `l2` times half the squared coefficients is added to the mean loss.
    The covariance stands for the difference in mean log-odds, not in decisions: rates come close, they are not bound.
    `covariances_` has the signed covariance of each group after fitting. Decisions need no protected attribute.
    """

    def __init__(self, estimator: Any = None, *, share: float = 0.0, l2: float = 1e-3, iterations: int = 200) -> None:
        super().__init__(estimator)
        self.share = share
        self.l2 = l2
        self.iterations = iterations

    def learn(self, features: Floats, rows: Training, /) -> None:
        """The coefficients, the constant last."""
        check_not_negative(share=self.share, l2=self.l2)
        design, weight = with_constant(features), rows.weights / rows.weights.sum()
        members = (rows.codes[:, None] == np.arange(len(rows.groups))).astype(np.float64)
        table: Floats = ((members - weight @ members) * weight[:, None]).T @ design
        y = rows.y.astype(np.float64)
        free = self._minimum(design, y, weight, np.zeros(design.shape[1]), [])
        if self.share < 1 and len(rows.groups) > 1:
            free = self._minimum(design, y, weight, free * 0, self._constraints(table, free))
        self.coefficients_ = free
        self.covariances_ = table @ free

    def _constraints(self, table: Floats, free: Floats) -> Any:
        """The linear constraints; the last group follows from the others where there are two or none is allowed."""
        bound = self.share * np.abs(table @ free)
        if self.share == 0:
            return [{"type": "eq", "fun": lambda t: table[:-1] @ t, "jac": lambda t: table[:-1]}]
        both, limit = np.concatenate([table, -table]), np.concatenate([bound, bound])
        return [{"type": "ineq", "fun": lambda t: limit - both @ t, "jac": lambda t: -both}]

    def _minimum(self, design: Floats, y: Floats, weight: Floats, start: Floats, constraints: Any) -> Floats:
        from scipy.optimize import minimize

        ridge = np.append(np.full(design.shape[1] - 1, self.l2), 0.0)

        def loss(theta: Floats) -> tuple[float, Floats]:
            z = design @ theta
            value = weight @ (np.logaddexp(0.0, z) - y * z) + ridge @ theta**2 / 2
            return float(value), (weight * (sigmoid(z) - y)) @ design + ridge * theta

        options: Any = {"maxiter": self.iterations, "ftol": 1e-9}
        found = minimize(loss, start, jac=True, method="SLSQP", constraints=constraints, options=options)
        if not found.success:
            raise AssayError(
                f"The constrained logistic regression did not converge: {found.message}.",
                code="no-solution",
                hint="Raise iterations, l2 or share.",
            )
        return np.asarray(found.x)

    def log_odds(self, features: Floats, codes: Any, /) -> Floats:
        """(rows,) θ·x."""
        return np.asarray(with_constant(features) @ self.coefficients_)


constrained = mitigation(
    "constrained-logistic-regression",
    title="Logistic regression whose decision boundary has little covariance with the group",
    promise="In the fitted rows the covariance of group and log-odds is at most the stated share of the unconstrained",
    source="Zafar, Valera, Gomez Rodriguez & Gummadi (2017), Fairness constraints, AISTATS, eq. 2 and 4",
)(ConstrainedLogisticRegression)
