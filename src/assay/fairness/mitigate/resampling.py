"""Rows drawn and repeated until the outcome is independent of the group."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.fairness.mitigation.mitigation import mitigation
from assay.fairness.mitigation.preprocessing import Preprocessing
from assay.fairness.mitigation.rows import Training
from assay.fairness.mitigation.weights import expected_rows, whole_rows


class Resampling(Preprocessing):
    """Fits the estimator on as many rows of each cell (group and outcome) as independence would give.

    Reweighing's target for estimators that take no weights. Cells with too many rows lose some, drawn without
    replacement; in the others every row stays and some are repeated, no row more than once more than another. Weights
    cannot be given. `seed` fixes the draw.
    """

    def __init__(self, estimator: Any, *, seed: int = 0) -> None:
        super().__init__(estimator)
        self.seed = seed

    def prepare(self, rows: Training, /) -> Training:
        """The drawn rows, in random order."""
        if rows.weight is not None:
            raise AssayError(
                "Resampling takes no sample_weight.", code="weights", hint="Use reweighing, which multiplies weights."
            )
        rng = np.random.default_rng(self.seed)
        wanted = whole_rows(expected_rows(rows.table()))
        drawn = []
        for cell, size in enumerate(wanted.reshape(-1)):
            there = np.flatnonzero(rows.cells == cell)
            if len(there):
                repeats, rest = divmod(int(size), len(there))
                drawn += [np.tile(there, repeats), rng.choice(there, rest, replace=False)]
        return replace(rows.only(rng.permutation(np.concatenate(drawn))), weight=None)


resampling = mitigation(
    "resampling",
    title="Rows drawn and repeated until the outcome is independent of the group",
    promise="In the training rows the base rate is the same in every group, but for rounding",
    source="Kamiran & Calders (2012), Data preprocessing techniques for classification without discrimination",
)(Resampling)
