"""Weights that make the outcome independent of the group."""

from __future__ import annotations

from assay.fairness.mitigation.mitigation import mitigation
from assay.fairness.mitigation.preprocessing import Preprocessing
from assay.fairness.mitigation.rows import Training
from assay.fairness.mitigation.weights import reweighing_weights, weighted


class Reweighing(Preprocessing):
    """Fits the estimator with the weight P(group) P(outcome) / P(group, outcome) on each row.

    Under these weights the base rate is the same in every group; the sum of weights stays. Given `sample_weight` is
    used for the probabilities and multiplied. An estimator that takes no weights is an error.
    """

    def prepare(self, rows: Training, /) -> Training:
        """The same rows, weighted."""
        return weighted(rows, reweighing_weights(rows.table()))


reweighing = mitigation(
    "reweighing",
    title="Weights that make the outcome independent of the group",
    promise="In the weighted training rows the base rate is the same in every group",
    source="Kamiran & Calders (2012), Data preprocessing techniques for classification without discrimination",
)(Reweighing)
