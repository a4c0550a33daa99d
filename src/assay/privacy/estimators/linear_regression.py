"""Linear regression of noisy sufficient statistics."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from assay.privacy.estimators.noisy_sums import Promise
from assay.privacy.estimators.public import LEVELS, box, source_of
from assay.privacy.loss.amount import Number


class LinearRegression(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Least squares, differentially private when rows are added or removed.

    With v = (1, x, y), every coordinate clamped to its bounds and rounded to the lattice of [−1, 1], the products vᵢvⱼ
    (i ≤ j) are summed exactly as integers and released at once: with discrete Laplace noise (purely epsilon-private),
    or, where `delta` is given, with discrete Gaussian noise. One row changes the m(m+1)/2 sums (m = d + 2) by at most 1
    each. The rest needs no data: ridge regression with the smallest penalty that lifts the least eigenvalue of the
    noisy Gram matrix above the size of its noise (Sheffet 2017, arXiv 1507.00056; Wang 2018, arXiv 1803.02596,
    algorithm 2, which pays for that eigenvalue; here it is read off the released matrix).

    `bounds` are those of the features, `target_bounds` those of y; both must be given. `insecure_seed` makes the noise
    reproducible and takes the promise away. After `fit`: `coef_`, `intercept_`, `event_`, `private_`, `penalty_`.
    """

    def __init__(
        self,
        epsilon: Number = 1.0,
        *,
        delta: Number | None = None,
        bounds: Any = None,
        target_bounds: Any = None,
        insecure_seed: int | None = None,
    ) -> None:
        self.epsilon = epsilon
        self.delta = delta
        self.bounds = bounds
        self.target_bounds = target_bounds
        self.insecure_seed = insecure_seed

    def fit(self, X: Any, y: Any) -> LinearRegression:  # noqa: N803 - scikit-learn's name
        """The estimator, fitted on X (rows, features) and numbers y (rows,)."""
        x, numbers = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        promise = Promise.of(self.epsilon, self.delta, source=source_of(self.insecure_seed))
        inside = box(self.bounds, columns=x.shape[1])
        target = box(self.target_bounds, columns=1, name="target_bounds")
        ones = np.full((len(x), 1), LEVELS, dtype=np.int64)
        v = np.hstack([ones, inside.steps(x), target.steps(np.asarray(numbers, np.float64)[:, None])])
        size = v.shape[1]
        upper = np.triu_indices(size)
        # Integers below 2^53 are exact in floating-point numbers, where products are fast: up to 2^33 rows.
        exact = v.astype(np.float64)
        sums = [int(value) for value in (exact.T @ exact)[upper]]
        released = promise.release(sums, share=Fraction(1), l1=len(sums) * LEVELS**2, l2_squared=len(sums) * LEVELS**4)
        gram = np.zeros((size, size))
        gram[upper] = [float(value) / LEVELS**2 for value in released.values]
        gram += np.triu(gram, 1).T
        # The spectral norm of a symmetric noise matrix is about 2 √m times the deviation of an entry.
        noise = 2 * math.sqrt(size * released.noise.variance) / LEVELS**2
        least = float(np.linalg.eigvalsh(gram[:-1, :-1])[0])
        self.penalty_ = max(0.0, noise - least)
        weights = np.linalg.solve(gram[:-1, :-1] + self.penalty_ * np.eye(size - 1), gram[:-1, -1])
        self.event_, self.private_ = promise.event("noisy sufficient statistics"), released.private
        self.coef_ = weights[1:] * target.half / inside.half
        self.intercept_ = float(target.middle[0] + target.half[0] * weights[0] - self.coef_ @ inside.middle)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """(rows,) numbers."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, reset=False)
        return np.asarray(x @ self.coef_ + self.intercept_)
