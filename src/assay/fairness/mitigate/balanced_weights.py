"""Weights that make all cells of group and outcome equally heavy."""

from __future__ import annotations

from assay.fairness.mitigation.mitigation import mitigation
from assay.fairness.mitigation.preprocessing import Preprocessing
from assay.fairness.mitigation.rows import Training
from assay.fairness.mitigation.weights import balanced_weights, weighted


class BalancedWeights(Preprocessing):
    """Fits the estimator with the weight n / (cells × rows of the cell) on each row; a cell is a group and outcome.

    Every group is as heavy as every other and has base rate one half, so that rare groups count as much as large ones.
    That is another target than reweighing's, which keeps the sizes of groups and the overall base rate: no gap needs to
    narrow by it, and scores of the fitted model are not calibrated. An estimator that takes no weights is an error.
    """

    def prepare(self, rows: Training, /) -> Training:
        """The same rows, weighted."""
        return weighted(rows, balanced_weights(rows.table()))


balanced = mitigation(
    "balanced-weights",
    title="Weights that make all cells of group and outcome equally heavy",
    promise="In the weighted training rows all groups are equally heavy and have base rate one half",
    source="King & Zeng (2001), Logistic regression in rare events data, over cells of group and outcome",
)(BalancedWeights)
