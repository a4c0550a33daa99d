"""Features replaced by how near a row lies to prototypes that all groups use alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.fairness.mitigation.columns.tables import Encoder, as_frame
from assay.fairness.mitigation.groups import Codes
from assay.fairness.mitigation.mitigation import Floats, mitigation
from assay.fairness.mitigation.preprocessing import Preprocessing
from assay.fairness.mitigation.rows import Training

SMOOTH = 1e-3
"""|x| is √(x² + 1e-6) in the loss, so that it has a gradient at 0."""


class LearnedFairRepresentations(Preprocessing):
    """Fits the estimator on (rows, `prototypes`) nearness to learned prototypes, whose mean is alike in all groups.

    The prototypes minimise `parity` L_z + `reconstruction` L_x + `accuracy` L_y of Zemel et al. (2013), eq. 4: the
    widest part, Σ over prototypes and groups of |mean nearness in the group − in all rows|; the mean squared error
    of the features rebuilt from the prototypes, per feature; the log-loss of the outcome predicted from them. L-BFGS
    with the exact gradient, on at most `rows` rows. Decisions need no protected attribute. `loss_` has the three parts.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        prototypes: int = 20,
        parity: float = 1.0,
        reconstruction: float = 0.01,
        accuracy: float = 1.0,
        rows: int = 3_000,
        iterations: int = 150,
        seed: int = 0,
    ) -> None:
        super().__init__(estimator)
        self.prototypes = prototypes
        self.parity = parity
        self.reconstruction = reconstruction
        self.accuracy = accuracy
        self.rows = rows
        self.iterations = iterations
        self.seed = seed

    def prepare(self, rows: Training, /) -> Training:
        """The same rows as nearness to the learned prototypes."""
        from scipy.optimize import minimize

        if self.prototypes < 2:
            raise AssayError(f"prototypes={self.prototypes}: at least 2 are needed.", code="parameter")
        rng = np.random.default_rng(self.seed)
        table = as_frame(rows.x)
        encoder = Encoder.fit(table)
        matrix = encoder.matrix(table)
        self.levels_ = encoder.to_json()
        self.means_, spread = matrix.mean(axis=0), matrix.std(axis=0)
        self.scales_ = np.where(spread > 0, spread, 1.0)
        used = rng.choice(len(rows), min(self.rows, len(rows)), replace=False)
        features = (matrix[used] - self.means_) / self.scales_
        loss = Loss(
            features,
            rows.y[used].astype(np.float64),
            _memberships(rows.codes[used], len(rows.groups)),
            np.array([self.parity, self.reconstruction, self.accuracy]),
        )
        chosen = features[rng.choice(len(used), self.prototypes, replace=len(used) < self.prototypes)]
        start = np.concatenate(
            [(chosen + rng.normal(0, 0.1, chosen.shape)).reshape(-1), np.zeros(self.prototypes), _flat(features)]
        )
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": self.iterations})
        self.prototypes_, _, self.importance_ = _parts(found.x, self.prototypes, features.shape[1])
        self.loss_ = dict(zip(("parity", "reconstruction", "accuracy"), map(float, loss.parts(found.x)), strict=True))
        return replace(rows, x=self.at_decision(rows.x, None))

    def at_decision(self, x: Any, codes: Any, /) -> Floats:
        """(rows, prototypes) nearness, each row summing to 1."""
        matrix = Encoder.from_json(self.levels_).matrix(as_frame(x))
        return nearness((matrix - self.means_) / self.scales_, self.prototypes_, self.importance_)


def nearness(features: Floats, prototypes: Floats, importance: Floats, /) -> Floats:
    """(rows, prototypes) softmax of the negative weighted squared distances (eq. 1 and 2 of the paper)."""
    near = 2 * (features * importance) @ prototypes.T - prototypes**2 @ importance  # the row's own square cancels
    shifted = np.exp(near - near.max(axis=1, keepdims=True))
    normed: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return normed


@dataclass(frozen=True, eq=False)
class Loss:
    """The loss of prototypes (k, p), outcome weights (k,) and feature importances (p,), flat, with its gradient.

    Importances are squares and outcome weights sigmoids of what is searched, so that they stay in their range.
    `members` (groups, rows) averages over a group's rows.
    """

    features: Floats
    y: Floats
    members: Floats
    weights: Floats

    def __call__(self, flat: Floats, /) -> tuple[float, Floats]:
        """The loss and its gradient."""
        k = (len(flat) - self.features.shape[1]) // (self.features.shape[1] + 1)
        prototypes, outcome, importance = _parts(flat, k, self.features.shape[1])
        near = nearness(self.features, prototypes, importance)
        rebuilt, odds = near @ prototypes - self.features, np.clip(near @ outcome, 1e-9, 1 - 1e-9)
        apart = self.members @ near - near.mean(axis=0)
        smooth = np.sqrt(apart**2 + SMOOTH**2)
        n, size = len(self.y), self.features.size
        by_odds = self.weights[2] * (odds - self.y) / (odds * (1 - odds)) / n
        by_rebuilt = self.weights[1] * 2 * rebuilt / size
        sign = self.weights[0] * apart / smooth
        by_near = self.members.T @ sign - sign.sum(axis=0) / n
        by_near += by_rebuilt @ prototypes.T + np.outer(by_odds, outcome)
        by_logit = near * (by_near - (near * by_near).sum(axis=1, keepdims=True))
        gradient = np.concatenate(
            [
                (near.T @ by_rebuilt + _toward(by_logit, self.features, prototypes, importance)).reshape(-1),
                (near.T @ by_odds) * outcome * (1 - outcome),
                _by_importance(by_logit, self.features, prototypes) * 2 * flat[-self.features.shape[1] :],
            ]
        )
        return float(self.weights @ self._sums(smooth, rebuilt, odds)), gradient

    def parts(self, flat: Floats, /) -> Floats:
        """(3,) parity, reconstruction and accuracy, before their weights."""
        k = (len(flat) - self.features.shape[1]) // (self.features.shape[1] + 1)
        prototypes, outcome, importance = _parts(flat, k, self.features.shape[1])
        near = nearness(self.features, prototypes, importance)
        apart = self.members @ near - near.mean(axis=0)
        odds = np.clip(near @ outcome, 1e-9, 1 - 1e-9)
        return self._sums(np.sqrt(apart**2 + SMOOTH**2), near @ prototypes - self.features, odds)

    def _sums(self, smooth: Floats, rebuilt: Floats, odds: Floats) -> Floats:
        likelihood = self.y * np.log(odds) + (1 - self.y) * np.log(1 - odds)
        return np.array([smooth.sum(), (rebuilt**2).mean(), -likelihood.mean()])


def _parts(flat: Floats, k: int, p: int) -> tuple[Floats, Floats, Floats]:
    """Prototypes (k, p), outcome weights (k,) in (0, 1) and importances (p,) from the flat vector."""
    return flat[: k * p].reshape(k, p), 1 / (1 + np.exp(-flat[k * p : k * p + k])), flat[k * p + k :] ** 2


def _toward(by_logit: Floats, features: Floats, prototypes: Floats, importance: Floats) -> Floats:
    """Gradient by the prototypes of −Σ importance (x − v)²."""
    pulled: Floats = 2 * importance * (by_logit.T @ features - by_logit.sum(axis=0)[:, None] * prototypes)
    return pulled


def _by_importance(by_logit: Floats, features: Floats, prototypes: Floats) -> Floats:
    """Gradient by the importances of −Σ importance (x − v)²; the part of x² alone cancels in the softmax."""
    cross = ((by_logit.T @ features) * prototypes).sum(axis=0)
    by_feature: Floats = 2 * cross - by_logit.sum(axis=0) @ prototypes**2
    return by_feature


def _memberships(codes: Codes, groups: int) -> Floats:
    member: Floats = (codes == np.arange(groups)[:, None]).astype(np.float64)
    rows = member.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(member, rows, out=np.zeros_like(member), where=rows > 0))


def _flat(features: Floats) -> Floats:
    """Square roots of equal importances, so that squared distances start near 1."""
    return np.full(features.shape[1], 1 / np.sqrt(features.shape[1]))


representations = mitigation(
    "learned-fair-representations",
    title="Features replaced by nearness to prototypes that all groups use alike",
    promise="The mean representation is nearly the same in every group of the training rows",
    source="Zemel, Wu, Swersky, Pitassi & Dwork (2013), Learning fair representations, eq. 1 to 4",
)(LearnedFairRepresentations)
