"""A privately trained model behind the protocol of every other model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.models.adapter import Adapter, from_scores, sigmoid, softmax, task_of
from assay.models.inputs import select
from assay.models.internals.forms import Inside, LinearForm, reason
from assay.models.outputs import Outputs
from assay.privacy.training.network import Network, Output
from assay.privacy.training.tables.encoding import Encoding, unscaled
from assay.privacy.training.tables.schema import Categorical, Column


class PrivateModel(Adapter):
    """A network that reads tables by a public schema and answers in the terms of the label.

    `label` is the public column of the label: its categories are the classes, in that order, or its bounds the scale of
    the number. A batch is a pyarrow Table with the features; values that the schema does not know are taken as in
    training.
    """

    def __init__(
        self,
        network: Network,
        encoding: Encoding,
        label: Column,
        /,
        *,
        digest: str = "not digested",
        notes: Sequence[str] = (),
    ) -> None:
        self.network, self.encoding, self.label = network, encoding, label
        classes = label.categories if isinstance(label, Categorical) else ()
        super().__init__(
            name="privately trained model",
            digest=digest,
            task=task_of(classes),
            features=tuple(encoding.features.columns),
            classes=classes,
            notes=notes,
        )

    def compute(self, inputs: Any, /) -> Outputs:
        """Probabilities and the most probable class, or numbers on the scale of the label."""
        margins = self.raw(inputs)
        if not isinstance(self.label, Categorical):
            return Outputs(values=margins[:, 0])
        binary = self.network.architecture.output is Output.BINARY
        return from_scores(sigmoid(margins) if binary else softmax(margins))

    def encoded(self, inputs: Any, /) -> np.ndarray:
        """What the schema makes of a batch."""
        return self.encoding.matrix(select(inputs, self.features), dtype=np.float64)

    def raw(self, inputs: Any, /) -> np.ndarray:
        """(rows, outputs) log-odds, or numbers on the scale of the label."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused by whoever reads it
            margins = self.network.margins(self.encoded(inputs).astype(self.network.theta.dtype)).astype(np.float64)
        return margins if isinstance(self.label, Categorical) else unscaled(margins, self.label)

    def look_inside(self) -> Inside:
        """The coefficients, where there are no hidden layers."""
        if self.network.architecture.hidden:
            return Inside(reason=reason("models.inside.kind", kind="A dense network"))
        coefficients = self.network.weights[0].T.astype(np.float64)
        intercept = self.network.biases[0].astype(np.float64)
        if isinstance(self.label, Categorical):
            form = LinearForm(coefficients, intercept, "log-odds")
        else:
            half = (self.label.high - self.label.low) / 2
            form = LinearForm(half * coefficients, unscaled(intercept, self.label), "value")
        return Inside(linear=form, names=self.encoding.names, origin=self.encoding.origin)
