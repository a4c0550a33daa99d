"""The one number of a model that is explained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.subject import Model
from assay.explain.columns import Columns, Floats
from assay.explain.kept import Kept

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.data.case import Case

Scale = Literal["probability", "log-odds", "value", "decision"]
BATCH = 1 << 16


@dataclass(slots=True)
class Calls:
    """How often a model was asked, and for how many rows."""

    batches: int = 0
    rows: int = 0


@dataclass(frozen=True, eq=False)
class Target:
    """A function of the model's columns with one number a row.

    `output` is the place of the class in `model.classes`, None for a regression. The scale of a black box is always
    "probability", "value", or, where the model gives no probabilities, "decision": 1 where it predicts the class, else
    0. `threshold` is where the decision turns to the class, None where the class with most probability wins or there
    is no class. `calls` counts what was asked through this object.
    """

    model: Model
    columns: Columns
    output: int | None
    scale: Scale
    threshold: float | None = None
    calls: Calls = field(default_factory=Calls)

    @property
    def name(self) -> str:
        """For people: "P(good)", "prediction", "decides good"."""
        if self.output is None:
            return "prediction"
        label = self.model.classes[self.output]
        return f"decides {label}" if self.scale == "decision" else f"P({label})"

    @property
    def label(self) -> str | None:
        """The class that is explained; None for a regression."""
        return None if self.output is None else self.model.classes[self.output]

    def __call__(self, matrix: Floats, /) -> Floats:
        """(rows,) the number for each row of the matrix of `columns`."""
        parts = [
            self.of_table(self.columns.decode(matrix[start : start + BATCH])) for start in range(0, len(matrix), BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def of_table(self, table: pa.Table, /) -> Floats:
        """(rows,) the number for each row of a table of the model's inputs; one call of the model."""
        self.calls.batches += 1
        self.calls.rows += table.num_rows
        if self.output is None:
            return np.asarray(self.model.predict(table), dtype=np.float64)
        if self.scale == "decision":
            return np.asarray(np.asarray(self.model.predict(table)).astype(str) == self.label, dtype=np.float64)
        scores = self.model.scores(table)
        assert scores is not None
        return np.asarray(scores[:, self.output], dtype=np.float64)

    def decides(self, matrix: Floats, /) -> np.ndarray:
        """(rows,) True where the decision is the class that is explained. One call of the model a batch.

        By `threshold` on the probability where the Case decides by one, else by the model's own `predict`.
        """
        if self.output is None:
            raise AssayError("A regression decides nothing.", code="task", hint="Ask for its value instead.")
        if self.threshold is not None:
            return np.asarray(self(matrix) >= self.threshold)
        return np.concatenate([self._predicts(matrix[i : i + BATCH]) for i in range(0, max(1, len(matrix)), BATCH)])

    def _predicts(self, matrix: Floats) -> np.ndarray:
        self.calls.batches += 1
        self.calls.rows += len(matrix)
        labels = np.asarray(self.model.predict(self.columns.decode(matrix)))
        return np.asarray(labels.astype(str) == self.label)


def target_of(
    case: Case, columns: Columns, probe: pa.Table, /, *, output: str | None = None, kept: Kept | None = None
) -> Target:
    """The Target of a Case's model: the probability of the favourable class, or of the class called `output`.

    A model without the favourable class among its own explains its last one. `probe` is a row that tells whether the
    model gives probabilities, unless `kept` knows. Raises AssayError where the Case has no model, or no such class.
    """
    model = case.model
    if model is None:
        raise AssayError(
            f"The case {case.name!r} has no model to explain.",
            code="model",
            hint="Give one with --model FILE, or [model] in the case file; a table of predictions cannot be explained.",
        )
    if not model.classes:
        if output is not None:
            raise AssayError(f"A regression has no class {output!r}.", code="class", hint="Leave the class out.")
        return Target(model, columns, None, "value")
    favourable = str(case.roles.favourable)
    chosen = output or (favourable if favourable in model.classes else model.classes[-1])
    if chosen not in model.classes:
        raise unknown("class of the model", chosen, model.classes, code="class")
    place = model.classes.index(chosen)
    known = Kept() if kept is None else kept
    if not known.get("probabilities", (model,), lambda: model.scores(probe) is not None):
        return Target(model, columns, place, "decision")
    return Target(model, columns, place, "probability", _threshold(case, chosen))


def _threshold(case: Case, chosen: str) -> float | None:
    """The Case's threshold where it decides by one and on this class."""
    decided = case.roles.threshold if case.task == "binary" else None
    return decided if chosen == str(case.roles.favourable) else None
