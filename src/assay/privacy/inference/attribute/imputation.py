"""Guesses of an attribute from other columns: the best of several classifiers, the same kind for all sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.privacy.membership.answers import Codes, Floats

CHOSEN_BY = 1500
"""Rows by which the kind of classifier is chosen."""


@dataclass(frozen=True, eq=False)
class Features:
    """(known, width) numbers that a classifier is fitted on, and (asked, width) of the rows that it guesses."""

    known: Floats
    asked: Floats

    def beside(self, known: Floats, asked: Floats, /) -> Features:
        """These and more columns."""
        return Features(np.hstack([self.known, known]), np.hstack([self.asked, asked]))


def imputed(parts: Sequence[Features], truth: Codes, /, *, size: int, seed: int) -> list[Floats]:
    """(asked, size) chances of each level for each of `parts`, from classifiers fitted on `truth` of the rows known.

    One kind for all, by the sum of their log losses on a fifth of the rows known, so that an attack is no other imputer
    than its baseline; a weak one would flatter the attack.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    order = np.random.default_rng([seed, 23]).permutation(len(truth))[:CHOSEN_BY]
    held, fitted = order[: len(order) // 5], order[len(order) // 5 :]
    with threadpool_limits(limits=1):  # so few rows are not worth waiting for other threads
        losses = []
        for kind in imputers(len(fitted), seed=seed):
            found = [_chances(kind, part.known[fitted], truth[fitted], part.known[held], size) for part in parts]
            losses.append(sum(_loss(chances, truth[held]) for chances in found))
        best = imputers(len(truth), seed=seed)[int(np.argmin(losses))]
        return [_chances(best, part.known, truth, part.asked, size) for part in parts]


def imputers(rows: int, /, *, seed: int) -> list[Any]:
    """How frequent each level is, logistic regression with two penalties, boosted trees."""
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    trees = HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=30,
        max_bins=63,
        max_leaf_nodes=8,
        min_samples_leaf=max(5, min(30, rows // 20)),
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
    lines = [LogisticRegression(C=c, max_iter=300) for c in (0.03, 1.0)]
    return [DummyClassifier(strategy="prior"), *lines, trees]


def _loss(chances: Floats, truth: Codes) -> float:
    return float(-np.log(np.maximum(chances[np.arange(len(truth)), truth], 1e-6)).mean())


def _chances(kind: Any, known: Floats, truth: Codes, asked: Floats, size: int) -> Floats:
    if not known.shape[1] or len(np.unique(truth)) == 1:
        return np.tile(np.bincount(truth, minlength=size) / len(truth), (len(asked), 1))
    found = np.zeros((len(asked), size))
    fitted = kind.fit(known, truth)
    found[:, fitted.classes_] = fitted.predict_proba(asked)
    return found
