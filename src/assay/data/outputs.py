"""Outputs of a model as columns beside the rows that they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.subject import Model

ROUNDING = 1e-6
"""A probability of single precision may lie so far outside [0, 1]; it is moved to the edge."""


@dataclass
class OutputColumns:
    """pyarrow arrays by new column name, and which of them play prediction and score."""

    columns: dict[str, Any] = field(default_factory=dict)
    prediction: str | None = None
    score: str | dict[str, str] | None = None


def output_columns(
    prediction: Any, score: Any, /, *, n: int, taken: Sequence[str], task: str, model: Model | None
) -> OutputColumns:
    """The outputs as columns with names that are not yet `taken`."""
    import pyarrow as pa

    out = OutputColumns()

    def add(name: str, values: NDArray[Any]) -> str:
        if values.shape != (n,):
            raise AssayError(
                f"The model gave {name} of shape {values.shape} for {n:,} rows.",
                code="model-outputs",
                hint="One number or label for each row is expected.",
            )
        while name in taken or name in out.columns:
            name += "_"
        out.columns[name] = pa.array(values, from_pandas=True)
        return name

    if prediction is not None:
        out.prediction = add("prediction", np.asarray(prediction))
    if score is not None:
        by_class = _by_class(score, task, model)
        named = {
            level: add(f"score_{level}" if level else "score", _clipped(values)) for level, values in by_class.items()
        }
        out.score = named.get("", named)
    return out


def _by_class(score: Any, task: str, model: Model | None) -> Mapping[str, NDArray[Any]]:
    """Class -> scores; the one class of a binary task has no name."""
    if isinstance(score, Mapping):
        return {str(level): np.asarray(values) for level, values in score.items()}
    values = np.asarray(score)
    if task != "multiclass":
        return {"": values}
    classes = model.classes if model is not None else ()
    if values.ndim != 2 or values.shape[1] != len(classes):
        raise AssayError(
            f"The model gave scores of shape {values.shape} and has {len(classes)} classes.",
            code="model-outputs",
            hint="One column for each class is expected.",
        )
    return {level: values[:, i] for i, level in enumerate(classes)}


def _clipped(values: NDArray[Any]) -> NDArray[np.float64]:
    numbers = values.astype(np.float64)
    near = (numbers > -ROUNDING) & (numbers < 1 + ROUNDING)
    return np.where(near, np.clip(numbers, 0.0, 1.0), numbers)
