"""A privately trained model behind the protocol of every other model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from assay.models.adapter import Adapter, from_scores, sigmoid, softmax, task_of
from assay.models.inputs import select
from assay.models.internals.forms import Inside, LinearForm, reason
from assay.models.outputs import Outputs
from assay.models.trainers import TrainingRows
from assay.privacy.accounting.plan import ROW, Plan
from assay.privacy.training.network import Network, Output
from assay.privacy.training.optimizers import Stepping
from assay.privacy.training.tables.encoding import Encoding, scaled, unscaled
from assay.privacy.training.tables.schema import Categorical, Column


@dataclass(frozen=True)
class Recorded:
    """How a model was trained, all of it public: its plan, and how the parameters moved."""

    plan: Plan
    stepping: Stepping

    def to_json(self) -> dict[str, Any]:
        """What is needed to train such a model again."""
        plan = self.plan
        return {
            "examples": plan.examples,
            "batch": plan.batch,
            "noise_multiplier": plan.noise_multiplier,
            "max_grad_norm": plan.max_grad_norm,
            "steps": plan.total_steps,
            "unit": plan.unit,
            "stepping": asdict(self.stepping),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Recorded:
        """What `to_json` wrote; a TypeError or AssayError where it is none."""
        given = dict(data)
        stepping = Stepping(**given.pop("stepping"))
        return cls(Plan(**given), stepping)

    def for_rows(self, rows: int, /) -> Plan:
        """The plan with the same sampling rate, steps and noise for another number of rows."""
        batch = max(1, round(self.plan.sampling_rate * rows))
        return replace(self.plan, examples=rows, batch=batch)


class PrivateModel(Adapter):
    """A network that reads tables by a public schema and answers in the terms of the label.

    `label` is the public column of the label: its categories are the classes, in that order, or its bounds the scale of
    the number. A batch is a pyarrow Table with the features; values that the schema does not know are taken as in
    training. `recorded` says how it was trained, where that is known.
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
        recorded: Recorded | None = None,
    ) -> None:
        self.network, self.encoding, self.label, self.recorded = network, encoding, label, recorded
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

    @property
    def trained_again(self) -> Callable[[TrainingRows], PrivateModel] | None:
        """What trains such a model on other rows, in the same way; None where units had several rows, or unrecorded.

        For shadow models of an attack: what comes out is as private as the plan says for its rows, and is not released.
        """
        recorded = self.recorded
        if recorded is None or recorded.plan.unit != ROW:
            return None

        def again(rows: TrainingRows) -> PrivateModel:
            from assay.privacy.training.descent import train
            from assay.privacy.training.examples import examples

            shape = self.network.architecture
            label = self.label
            codes = np.asarray(rows.codes, dtype=np.float64)
            y = codes if isinstance(label, Categorical) else scaled(codes, label)
            x = self.encoding.matrix(select(rows.inputs, self.features))
            data = examples(x, y, architecture=shape)
            made = train(data, shape, recorded.for_rows(len(y)), stepping=recorded.stepping)
            return PrivateModel(made.network, self.encoding, label, recorded=recorded)

        return again

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
