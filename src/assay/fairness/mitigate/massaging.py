"""Labels near the border changed until base rates are equal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.fairness.mitigation.estimators import favourable_scores, fit_clone
from assay.fairness.mitigation.mitigation import mitigation
from assay.fairness.mitigation.preprocessing import Preprocessing
from assay.fairness.mitigation.rows import Training


class Massaging(Preprocessing):
    """Fits the estimator on labels of which the least certain were changed, so that base rates are equal.

    In a group under the overall base rate the unfavourable rows that `ranker` (by default a copy of the estimator)
    scores highest become favourable; in a group over it the favourable rows scored lowest become unfavourable. With two
    groups that is the number of pairs of the paper, (difference × size × size) / n, rounded. `changed_` has the rows
    that were changed, by group. Training labels are altered: say so wherever the model is documented.
    """

    def __init__(self, estimator: Any, *, ranker: Any = None) -> None:
        super().__init__(estimator)
        self.ranker = ranker

    def prepare(self, rows: Training, /) -> Training:
        """The same rows, with some labels changed."""
        if rows.weight is not None:
            raise AssayError(
                "Massaging takes no sample_weight.", code="weights", hint="Use reweighing, which multiplies weights."
            )
        ranker = fit_clone(self.ranker if self.ranker is not None else self.estimator, rows.x, rows.y, None)
        labels = massaged(rows, favourable_scores(ranker, rows.x))
        changed = np.bincount(rows.codes[labels != rows.y], minlength=len(rows.groups))
        self.changed_ = [int(count) for count in changed]
        return replace(rows, y=labels)


def massaged(rows: Training, scores: np.ndarray, /) -> np.ndarray:
    """(rows,) labels after the changes; rows with equal scores are changed in their order."""
    labels = rows.y.copy()
    table = rows.table()
    lacking = table.sum(axis=1) * table[:, 1].sum() / table.sum() - table[:, 1]
    for group, missing in enumerate(np.rint(lacking).astype(int)):
        label = 0 if missing > 0 else 1
        there = np.flatnonzero((rows.codes == group) & (rows.y == label))
        nearest = np.argsort(-scores[there] if label == 0 else scores[there], kind="stable")
        labels[there[nearest[: abs(missing)]]] = 1 - label
    return labels


massaging = mitigation(
    "massaging",
    title="Labels near the border changed until base rates are equal",
    promise="In the training rows the base rate is the same in every group, but for rounding; some labels are altered",
    source="Kamiran & Calders (2012), Data preprocessing techniques for classification without discrimination",
)(Massaging)
