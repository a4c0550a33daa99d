"""What a model returned for a batch, checked: labels as codes, probabilities, numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import AssayError

SUM_TOLERANCE = 1e-3
"""How far the probabilities of a row may be from summing to 1 (float32 softmax over many classes)."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """One batch of a model's answers.

    Classification: `codes` (rows,) int64 index into the model's classes, `scores` (rows, classes) float64
    or None where the model gives no probabilities. Regression: `values` (rows,) float64.
    """

    codes: np.ndarray | None = None
    scores: np.ndarray | None = None
    values: np.ndarray | None = None


def class_text(value: Any, /) -> str:
    """The text by which a class label is known everywhere: `1`, `1.0` and `np.int8(1)` are all "1".

    Numbers go through their double, without a trailing ".0"; booleans are "true" and "false"; text stays.

    >>> [class_text(value) for value in (1, 1.0, 0.5, True, "1.0")]
    ['1', '1', '0.5', 'true', '1.0']
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        number = float(value) + 0.0
        if number != number:
            raise AssayError("A class label of the model is NaN.", code="classes", hint="Name every class.")
        return repr(number).removesuffix(".0")
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    raise AssayError(
        f"A class label of the model is a {type(value).__name__}.",
        code="classes",
        hint="Expected text, a number or a boolean.",
    )


def class_texts(values: Any, /) -> tuple[str, ...]:
    """The text of each label, in order; labels that become the same text are refused."""
    texts = tuple(class_text(value) for value in values)
    if len(set(texts)) != len(texts):
        raise AssayError(
            f"Two classes of the model have the same text: {', '.join(texts[:20])}.",
            code="classes",
            hint="Labels such as 1 and 1.0 are one class; name them apart.",
        )
    return texts


def codes_of(labels: Any, classes: Sequence[str], /) -> np.ndarray:
    """(rows,) position of each label in `classes`; a label outside of them is an error that names it."""
    array = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise AssayError(
            f"The model returned labels of shape {array.shape}.",
            code="outputs",
            hint="Expected one label a row; models with several outputs are not supported.",
        )
    if array.dtype == object:
        index = {label: code for code, label in enumerate(classes)}
        texts = [class_text(value) for value in array]
        outside = {text for text in texts if text not in index}
        _refuse_unknown(outside, classes)
        return np.fromiter((index[text] for text in texts), np.int64, len(texts))
    distinct, inverse = np.unique(array, return_inverse=True)
    texts = [class_text(value) for value in distinct]
    _refuse_unknown({text for text in texts if text not in classes}, classes)
    return np.array([classes.index(text) for text in texts], np.int64)[inverse]


def _refuse_unknown(outside: set[str], classes: Sequence[str]) -> None:
    if outside:
        raise AssayError(
            f"The model predicts {', '.join(map(repr, sorted(outside)[:5]))}, which is none of its classes "
            f"({', '.join(map(repr, list(classes)[:20]))}).",
            code="classes",
            hint="Name the classes in the order of the model's output.",
        )


def check(outputs: Outputs, /, *, rows: int, classes: Sequence[str]) -> Outputs:
    """`outputs`, with the shapes a batch of `rows` must have and without a NaN, or an AssayError.

    Scores are probabilities: within [0, 1], each row summing to 1 within `SUM_TOLERANCE`.
    """
    check_shapes(outputs, rows=rows, classes=classes)
    if outputs.values is not None:
        _check_finite("numbers", outputs.values)
    if outputs.codes is not None and rows and not 0 <= outputs.codes.min() <= outputs.codes.max() < len(classes):
        raise AssayError("The model returned a label that is none of its classes.", code="outputs")
    if outputs.scores is not None:
        _check_finite("scores", outputs.scores)
        _check_probabilities(outputs.scores)
    return outputs


def check_shapes(outputs: Outputs, /, *, rows: int, classes: Sequence[str]) -> None:
    """`outputs` hold what a model of `classes` owes for `rows` rows (numbers where it has none), and no more."""
    wanted, found = ("labels", outputs.codes) if classes else ("numbers", outputs.values)
    if found is None:
        raise AssayError(f"The model returned no {wanted}.", code="outputs", hint="Expected one answer a row.")
    _check_shape(wanted, found, (rows,))
    if outputs.scores is not None:
        _check_shape("scores", outputs.scores, (rows, len(classes)))


def _check_shape(what: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise AssayError(
            f"The model returned {what} of shape {array.shape}, expected {shape}.",
            code="outputs",
            hint="One row of output is needed for each row of input, and one column for each class.",
        )


def _check_finite(what: str, array: np.ndarray) -> None:
    bad = ~np.isfinite(array)
    if bad.any():
        count = int(bad.reshape(len(array), -1).any(axis=1).sum())
        raise AssayError(
            f"The model returned {what} that are NaN or infinite for {count} of {len(array)} rows.",
            code="outputs",
            hint="Find the inputs that cause it (often missing values the model was not trained for) and mend them.",
        )


def _check_probabilities(scores: np.ndarray) -> None:
    off = np.abs(scores @ np.ones(scores.shape[1]) - 1)
    if not scores.size or (scores.min() >= -SUM_TOLERANCE and max(off.max(), scores.max() - 1) <= SUM_TOLERANCE):
        return
    outside = ((scores < -SUM_TOLERANCE) | (scores > 1 + SUM_TOLERANCE)).any(axis=1)
    wrong = outside | (off > SUM_TOLERANCE)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        shown = ", ".join(f"{value:.4g}" for value in scores[row][:5])
        raise AssayError(
            f"The model's scores are no probabilities in {int(wrong.sum())} of {len(scores)} rows "
            f"(row {row}: {shown}; sum {scores[row].sum():.4g}).",
            code="outputs",
            hint="Expected values in [0, 1] that sum to 1 over the classes; "
            "a model that returns logits needs a softmax or sigmoid as its last step.",
        )
