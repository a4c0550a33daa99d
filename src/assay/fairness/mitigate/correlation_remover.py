"""Features without what is linear in the group."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.fairness.mitigation.columns.tables import Encoder, as_frame
from assay.fairness.mitigation.groups import Codes
from assay.fairness.mitigation.mitigation import Floats, mitigation
from assay.fairness.mitigation.preprocessing import Preprocessing
from assay.fairness.mitigation.rows import Training


class CorrelationRemover(Preprocessing):
    """Fits the estimator on features from which their regression on the group was subtracted.

    X − alpha (S − mean S) B, with S an indicator of every group but the first and B by (weighted) least squares: at
    `alpha` 1 every feature has the same mean in each group, hence no correlation with it. Names become one 0/1 column a
    level before, so that the estimator gets a matrix of numbers. What is not linear (spread, tails, products of
    features) stays.
    """

    needs_attribute_at_decision = True
    gives_matrix = True

    def __init__(self, estimator: Any, *, alpha: float = 1.0) -> None:
        super().__init__(estimator)
        self.alpha = alpha

    def prepare(self, rows: Training, /) -> Training:
        """The same rows as a matrix without the linear part."""
        if not 0 <= self.alpha <= 1:
            raise AssayError(f"alpha={self.alpha} is not in [0, 1].", code="parameter")
        table = as_frame(rows.x)
        encoder = Encoder.fit(table)
        self.levels_ = encoder.to_json()
        matrix, members = encoder.matrix(table), _indicators(rows.codes, len(rows.groups))
        weight = rows.weights / rows.weights.sum()
        self.means_ = weight @ members
        root = np.sqrt(weight)[:, None]
        centred = matrix - weight @ matrix
        self.slopes_ = np.linalg.lstsq(root * (members - self.means_), root * centred, rcond=None)[0]
        return replace(rows, x=self.at_decision(rows.x, rows.codes))

    def at_decision(self, x: Any, codes: Any, /) -> Floats:
        """(rows, encoded columns) the features without the linear part."""
        matrix = Encoder.from_json(self.levels_).matrix(as_frame(x))
        members = _indicators(codes, self.slopes_.shape[0] + 1)
        removed: Floats = matrix - self.alpha * (members - self.means_) @ self.slopes_
        return removed


def _indicators(codes: Codes, groups: int) -> Floats:
    """(rows, groups − 1) 1 for the row's group; nothing for the first group."""
    members: Floats = (codes[:, None] == np.arange(1, groups)).astype(np.float64)
    return members


remover = mitigation(
    "correlation-remover",
    title="Features without what is linear in the group",
    promise="At alpha 1 no feature that the model sees is correlated with the group in the training rows",
    source="least squares; as in Weerts et al. (2023), Fairlearn, Journal of Machine Learning Research 24:257",
)(CorrelationRemover)
