"""Logistic regression with the mutual information of decision and group as a penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.fairness.inprocessing.own_model import OwnModel, check_not_negative, with_constant
from assay.fairness.mitigation.calibrators import sigmoid
from assay.fairness.mitigation.groups import Codes
from assay.fairness.mitigation.mitigation import Floats, mitigation
from assay.fairness.mitigation.rows import Training


class PrejudiceRemover(OwnModel):
    """A logistic regression for each group, all fitted together, with `eta` times the prejudice index as penalty.

    The prejudice index is the mutual information of group and predicted outcome, Σ_s P(s) Σ_y q_s(y) ln(q_s(y) / q(y)),
    q_s being the mean predicted probability in group s. It is zero where all groups have the same mean. `l2` times half
    the squared coefficients is added to the mean loss. L-BFGS with the exact gradient; the problem is not convex, and
    starts at coefficients 0. `prejudice_` is the index after fitting, in nats.
    """

    needs_attribute_at_decision = True

    def __init__(self, estimator: Any = None, *, eta: float = 10.0, l2: float = 1e-3, iterations: int = 500) -> None:
        super().__init__(estimator)
        self.eta = eta
        self.l2 = l2
        self.iterations = iterations

    def learn(self, features: Floats, rows: Training, /) -> None:
        """(groups, columns + 1) coefficients."""
        from scipy.optimize import minimize

        check_not_negative(eta=self.eta, l2=self.l2)
        weight = rows.weights / rows.weights.sum()
        y = rows.y.astype(np.float64)
        loss = Loss(with_constant(features), y, rows.codes, len(rows.groups), weight, self.eta, self.l2)
        start = np.zeros(loss.groups * loss.design.shape[1])
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": self.iterations})
        self.coefficients_ = found.x.reshape(loss.groups, -1)
        self.prejudice_ = loss.prejudice(found.x)

    def log_odds(self, features: Floats, codes: Codes, /) -> Floats:
        """(rows,) the log-odds by the regression of the row's group."""
        return _by_group(with_constant(features), self.coefficients_, codes)


@dataclass(frozen=True, eq=False)
class Loss:
    """Mean log-loss + eta × prejudice index + l2/2 × squared coefficients; `weight` (rows,) sums to 1."""

    design: Floats
    y: Floats
    codes: Codes
    groups: int
    weight: Floats
    eta: float
    l2: float

    def __call__(self, flat: Floats, /) -> tuple[float, Floats]:
        """The loss and its gradient.

        The overall mean q drops out of the gradient, since Σ_s P(s) q_s = q: by p_i it is P(i) times
        ln(q_s / q) − ln((1 − q_s) / (1 − q)).
        """
        theta = flat.reshape(self.groups, -1)
        z = _by_group(self.design, theta, self.codes)
        p = sigmoid(z)
        means, mean = self._means(p)
        pull = np.log(means / mean) - np.log((1 - means) / (1 - mean))
        by_z = self.weight * (p - self.y + self.eta * pull[self.codes] * p * (1 - p))
        slope = np.stack([by_z[self.codes == g] @ self.design[self.codes == g] for g in range(self.groups)])
        slope[:, :-1] += self.l2 * theta[:, :-1]
        value = self.weight @ (np.logaddexp(0.0, z) - self.y * z) + self.l2 * float((theta[:, :-1] ** 2).sum()) / 2
        return float(value) + self.eta * self._index(means, mean), slope.reshape(-1)

    def prejudice(self, flat: Floats, /) -> float:
        """The prejudice index of coefficients, in nats."""
        return self._index(*self._means(sigmoid(_by_group(self.design, flat.reshape(self.groups, -1), self.codes))))

    def _means(self, p: Floats) -> tuple[Floats, float]:
        sums = np.bincount(self.codes, weights=self.weight * p, minlength=self.groups)
        return np.clip(sums / self._shares(), 1e-12, 1 - 1e-12), float(np.clip(sums.sum(), 1e-12, 1 - 1e-12))

    def _index(self, means: Floats, mean: float) -> float:
        each = means * np.log(means / mean) + (1 - means) * np.log((1 - means) / (1 - mean))
        return float(self._shares() @ each)

    def _shares(self) -> Floats:
        return np.bincount(self.codes, weights=self.weight, minlength=self.groups).astype(np.float64)


def _by_group(design: Floats, theta: Floats, codes: Codes) -> Floats:
    """(rows,) log-odds, a matrix product for all groups at once."""
    return np.asarray((design @ theta.T)[np.arange(len(design)), codes])


remover = mitigation(
    "prejudice-remover",
    title="Logistic regression with the mutual information of decision and group as a penalty",
    promise="The mean predicted probability is nearly the same in every group of the fitted rows, more so with eta",
    source="Kamishima, Akaho, Asoh & Sakuma (2012), Fairness-aware classifier with prejudice remover regularizer",
)(PrejudiceRemover)
