"""Scores made to mean the same probability in every group."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.fairness.mitigation.calibrators import METHODS, apply, learn
from assay.fairness.mitigation.groups import shown
from assay.fairness.mitigation.mitigation import Floats, mitigation
from assay.fairness.mitigation.postprocessing import Postprocessing, Scored


class GroupCalibration(Postprocessing):
    """Calibrates the score in each group apart, by `method`: "platt", "isotonic" or "temperature".

    Platt: a logistic regression on the log-odds with Platt's smoothed targets. Isotonic: the best rising step function,
    which needs many rows a group. Temperature: log-odds divided by one number, which keeps who is at 0.5. The order of
    scores within a group stays (isotonic: may tie). Every group needs rows of both outcomes. Calibration in every group
    and equalized odds cannot hold together where base rates differ (Chouldechova 2017; Kleinberg et al. 2016).
    """

    needs_attribute_at_decision = True

    def __init__(
        self, estimator: Any = None, *, method: str = "platt", prefit: bool = False, folds: int = 5, seed: int = 0
    ) -> None:
        super().__init__(estimator, prefit=prefit, folds=folds, seed=seed)
        self.method = method

    def learn(self, rows: Scored, /) -> None:
        """One calibration map a group."""
        if self.method not in METHODS:
            raise unknown("method of calibration", self.method, METHODS, code="parameter")
        maps = []
        for group in range(len(rows.groups)):
            there = rows.codes == group
            if len(np.unique(rows.y[there])) < 2:
                raise AssayError(
                    f"The group {shown([rows.groups.levels[group]])} has rows of one outcome only.",
                    code="empty-cell",
                    hint="Merge it with another group, or leave it out: nothing can be calibrated there.",
                )
            maps.append(learn(self.method, rows.score[there], rows.y[there], rows.weights[there]))
        self.maps_ = maps

    def rescored(self, score: Floats, codes: Any, /) -> Floats:
        """(rows,) calibrated probabilities."""
        out = np.empty(len(score))
        for group, table in enumerate(self.maps_):
            rows = codes == group
            out[rows] = apply(self.method, table, score[rows])
        return out


calibration = mitigation(
    "group-calibration",
    title="Scores made to mean the same probability in every group",
    promise="In each group the score is the observed share of favourable outcomes, as far as the chosen map can",
    source="Platt (1999), Probabilistic outputs for support vector machines; Zadrozny & Elkan (2002), Transforming "
    "classifier scores into accurate multiclass probability estimates; Guo et al. (2017), On calibration of modern "
    "neural networks",
)(GroupCalibration)
