"""What a wrong answer costs, row by row."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.explain.columns import Floats
from assay.explain.target import Target

Loss = Literal["brier", "log-loss", "error", "squared-error", "absolute-error"]
OF_CLASSES: tuple[Loss, ...] = ("brier", "log-loss", "error")
OF_NUMBERS: tuple[Loss, ...] = ("squared-error", "absolute-error")
NAMES: dict[Loss, str] = {
    "brier": "Brier loss",
    "log-loss": "log loss",
    "error": "error rate",
    "squared-error": "squared error",
    "absolute-error": "absolute error",
}
"""Losses for people."""
LEAST = 1e-15
"""A probability below this is taken for it, so that the log loss stays finite."""


def chosen_loss(target: Target, name: str | None, /) -> Loss:
    """The loss called `name`, or the usual one: squared error; Brier; the error rate where there are no probabilities.

    Brier is the default for classes since it is bounded: one answer of 0 cannot make the mean, nor its error bar.
    Raises AssayError for a loss that does not fit the model.
    """
    of_classes = OF_CLASSES if target.scale == "probability" else ("error",)
    fitting = OF_NUMBERS if target.output is None else of_classes
    if name is None:
        return fitting[0]
    for loss in fitting:
        if loss == name:
            return loss
    if name in (*OF_CLASSES, *OF_NUMBERS):
        raise AssayError(
            f"The loss {name!r} does not fit this model.", code="loss", hint=f"Fitting: {', '.join(fitting)}."
        )
    raise unknown("loss", name, fitting, code="loss")


def losses(target: Target, table: Any, labels: Floats, loss: Loss, /) -> Floats:
    """(rows,) loss of the model on each row of a table of its inputs; one call of the model.

    "brier": (1 − p)² of the true class for two classes, Σ_k (p_k − y_k)² for more (Brier 1950); "log-loss": −ln p of
    the true class; "error": 1 where the predicted class is another.
    """
    if loss in OF_NUMBERS:
        off = target.of_table(table) - labels
        return np.asarray(off**2 if loss == "squared-error" else np.abs(off))
    target.calls.batches += 1
    target.calls.rows += table.num_rows
    true = labels.astype(np.int64)
    if loss == "error":
        names = np.array(target.model.classes, dtype=object)
        return np.asarray(np.asarray(target.model.predict(table)).astype(str) != names[true].astype(str), dtype=float)
    scores = np.asarray(target.model.scores(table), dtype=np.float64)
    right = scores[np.arange(len(true)), true]
    if loss == "log-loss":
        return np.asarray(-np.log(np.clip(right, LEAST, 1.0)))
    if scores.shape[1] == 2:
        return np.asarray((1 - right) ** 2)
    return np.asarray((scores**2).sum(axis=1) - 2 * right + 1)
