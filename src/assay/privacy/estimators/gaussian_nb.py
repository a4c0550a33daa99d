"""Gaussian naive Bayes of noisy counts, sums and sums of squares."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from assay.privacy.estimators.noisy_sums import Promise
from assay.privacy.estimators.public import LEVELS, Classes, box, codes_of, known_classes, source_of
from assay.privacy.loss.amount import Number

COUNTS, SUMS, SQUARES = Fraction(1, 5), Fraction(2, 5), Fraction(2, 5)
"""How the promise is divided among the three."""


class GaussianNB(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Differentially private naive Bayes with normal features; rows may be added or removed.

    Each feature is clamped to its `bounds` and rounded to one of 2 · LEVELS + 1 integers z in [−M, M]. A row is in one
    class, where it changes the count by 1, each of d sums by at most M and each sum of squares by at most M². All are
    exact integers, released for 1/5, 2/5 and 2/5 of the promise: with discrete Laplace noise it is purely private;
    where `delta` is given the noise is discrete Gaussian, far less for many features. Means, variances and priors are
    computed from the noisy sums alone. Vaidya, Shafiq, Basu & Hong (2013) perturb means and deviations instead, with
    sensitivities that take the sizes of the classes as known.

    `classes` are 0 and 1 unless named, or "public"; rows of other labels count for nothing. `variance_floor` is the
    least variance, as a share of the squared half-width of the bounds; the deviation of its noise is another.
    `insecure_seed` makes the noise reproducible and takes the promise away. After `fit`: `theta_`, `var_` (classes,
    features), `class_count_`, `class_prior_`, `event_`, and `private_`, which is False with a seed.
    """

    def __init__(
        self,
        epsilon: Number = 1.0,
        *,
        delta: Number | None = None,
        bounds: Any = None,
        classes: Classes = None,
        variance_floor: float = 1e-2,
        insecure_seed: int | None = None,
    ) -> None:
        self.epsilon = epsilon
        self.delta = delta
        self.bounds = bounds
        self.classes = classes
        self.variance_floor = variance_floor
        self.insecure_seed = insecure_seed

    def fit(self, X: Any, y: Any) -> GaussianNB:  # noqa: N803 - scikit-learn's name
        """The estimator, fitted on X (rows, features) and labels y (rows,)."""
        x, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        promise = Promise.of(self.epsilon, self.delta, source=source_of(self.insecure_seed))
        within = box(self.bounds, columns=x.shape[1])
        self.classes_ = known_classes(self.classes, labels)
        codes = codes_of(labels, self.classes_)
        width, kinds = x.shape[1], len(self.classes_)
        steps, here = within.steps(x)[codes >= 0], codes[codes >= 0]
        counts = np.bincount(here, minlength=kinds)
        sums, squares = np.zeros((kinds, width), np.int64), np.zeros((kinds, width), np.int64)
        np.add.at(sums, here, steps)
        np.add.at(squares, here, steps * steps)
        noisy = []
        for values, share, most in ((counts, COUNTS, 1), (sums, SUMS, LEVELS), (squares, SQUARES, LEVELS**2)):
            changed = 1 if values.ndim == 1 else width
            made = promise.release(
                values.ravel().tolist(), share=share, l1=changed * most, l2_squared=changed * most * most
            )
            noisy.append(np.array([float(value) for value in made.values]).reshape(values.shape))
            spread = np.sqrt(made.noise.variance)  # of the squares, at last
        self.event_, self.private_ = promise.event("Gaussian naive Bayes"), promise.source.private
        self.class_count_ = np.maximum(noisy[0], 1.0)
        self.class_prior_ = self.class_count_ / self.class_count_.sum()
        rows = self.class_count_[:, None]
        means = np.clip(noisy[1] / LEVELS / rows, -1.0, 1.0)
        # Features whose variance is lost in the noise would otherwise decide everything.
        floor = np.maximum(self.variance_floor, spread / LEVELS**2 / rows)
        variances = np.clip(noisy[2] / LEVELS**2 / rows - means**2, np.minimum(floor, 1.0), 1.0)
        self.theta_ = within.middle + within.half * means
        self.var_ = within.half**2 * variances
        return self

    def _joint(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, reset=False)
        inverse = 1 / self.var_
        distance = (x * x) @ inverse.T - 2 * x @ (self.theta_ * inverse).T + (self.theta_**2 * inverse).sum(axis=1)
        found = np.log(self.class_prior_) - 0.5 * (distance + np.log(2 * np.pi * self.var_).sum(axis=1))
        return np.asarray(found)

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """(rows,) the most probable class."""
        places = self._joint(X).argmax(axis=1)
        found: NDArray[Any] = self.classes_[places]
        return found

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """(rows, classes) probabilities."""
        joint = self._joint(X)
        return np.asarray(np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True)))
