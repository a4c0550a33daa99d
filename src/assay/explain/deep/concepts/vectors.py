"""The direction of a concept among a layer's activations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.explain.columns import Floats

FOLDS = 3
"""Parts of the examples, each held out once."""


@dataclass(frozen=True, eq=False)
class Vector:
    """A concept activation vector: the unit `direction` (activations,), towards the concept.

    `right` of `held_out` examples were told apart by classifiers that had not seen them.
    """

    direction: Floats
    right: int
    held_out: int

    @property
    def accuracy(self) -> float:
        """The share of held-out examples that were told apart; the two kinds are equally many."""
        return self.right / self.held_out


def vector(concept: Floats, other: Floats, /, *, seed: int) -> Vector:
    """The Vector from `other` to `concept`, both (examples, activations), equally many.

    The normal of a logistic regression (L2, C = 1) on activations divided by their common standard deviation; accuracy
    from 3-fold cross-validation. Source: Kim et al. (2018), section 3.2.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    points = np.concatenate([concept, other])
    spread = float(points.std()) or 1.0
    scaled = (points - points.mean(axis=0)) / spread
    labels = np.repeat([1, 0], [len(concept), len(other)])
    classifier = LogisticRegression(max_iter=10_000)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    guessed = cross_val_predict(classifier, scaled, labels, cv=folds)
    normal = classifier.fit(scaled, labels).coef_[0]
    length = float(np.linalg.norm(normal))
    direction = normal / length if length else normal
    return Vector(direction, int((guessed == labels).sum()), len(labels))
