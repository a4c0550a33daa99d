"""What every adapter shares: one pass a batch gives labels and scores, and both are checked."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from assay.core.errors import AssayError
from assay.core.subject import Task
from assay.models.inputs import row_count
from assay.models.internals.capabilities import Capabilities
from assay.models.outputs import Outputs, check

THREADS = max(1, min(4, os.cpu_count() or 1))
"""Threads a library may use for one model."""

MISTAKES: tuple[type[Exception], ...] = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What libraries raise when a batch does not fit a model."""

UNREADABLE: tuple[type[Exception], ...] = (*MISTAKES, EOFError, ImportError, OSError)
"""What libraries raise when a file is not what they expect."""


class Adapter(Capabilities):
    """A model behind `assay.core.subject.Model`; an author writes `compute`, and what `Capabilities` has of use.

    `width` is the number of input columns where the model knows that but no names. `pickled` is True
    when the model came from a pickle, which every Finding made with it must say. `notes` are sentences
    for people about how it was opened.
    """

    failures: tuple[type[Exception], ...] = ()
    """Exceptions of the library that say that a batch does not fit the model."""

    def __init__(
        self,
        *,
        name: str,
        digest: str = "not digested",
        task: Task,
        features: Sequence[str] = (),
        classes: Sequence[str] = (),
        width: int | None = None,
        pickled: bool = False,
        notes: Sequence[str] = (),
    ) -> None:
        self.name, self.digest, self.task = name, digest, task
        self.features, self.classes = tuple(features), tuple(classes)
        self.width = width if width is not None else (len(self.features) or None)
        self.pickled, self.notes = pickled, tuple(notes)
        self._last: tuple[Any, Outputs] | None = None

    @abstractmethod
    def compute(self, inputs: Any, /) -> Outputs:
        """The answers for a batch, unchecked."""

    def outputs(self, inputs: Any, /) -> Outputs:
        """Labels and scores of one batch from one pass, checked; see `assay.models.outputs.check`.

        The answers for the last Arrow table (which cannot change) are kept, so that `predict` and
        `scores` of the same batch cost one pass.
        """
        if self._last is not None and self._last[0] is inputs:
            return self._last[1]
        checked = check(self.answer(inputs), rows=row_count(inputs), classes=self.classes)
        self._last = (inputs, checked) if hasattr(inputs, "num_rows") else None
        return checked

    def answer(self, inputs: Any, /) -> Outputs:
        """The answers for a batch, unchecked; what the library raises becomes one AssayError."""
        if not row_count(inputs):
            return Outputs(codes=np.empty(0, np.int64)) if self.classes else Outputs(values=np.empty(0))
        found: Outputs = self.attempt(lambda: self.compute(inputs), rows=row_count(inputs))
        return found

    def attempt(self, doing: Callable[[], Any], /, *, rows: int) -> Any:
        """What `doing` returns for a batch of `rows`; what the library raises becomes one AssayError."""
        try:
            return doing()
        except AssayError:
            raise
        except (*MISTAKES, *self.failures) as error:
            what = f"predict these {rows} rows" if rows else "show what is inside"
            raise AssayError(
                f"{self.name} could not {what}: {excerpt(error)}",
                code="prediction",
                hint="Give the columns, of the kinds, that the model was trained on.",
            ) from error

    def predict(self, inputs: Any, /) -> np.ndarray:
        """(rows,) labels as text (dtype object), or float64 numbers for regression."""
        found = self.outputs(inputs)
        if found.values is not None:
            return found.values
        names = np.array([*self.classes, None], dtype=object)[:-1]
        labels: np.ndarray = names[found.codes]
        return labels

    def scores(self, inputs: Any, /) -> np.ndarray | None:
        """(rows, classes) float64 probabilities, or None where the model gives none."""
        return self.outputs(inputs).scores


def excerpt(text: object, /, *, limit: int = 300) -> str:
    """`text` of a foreign library or file on one line, without control characters, cut to `limit`."""
    line = " ".join(str(text).split())
    shown = "".join(char if char.isprintable() else "�" for char in line)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def from_scores(scores: np.ndarray, /) -> Outputs:
    """Outputs whose label is the most probable class, the first one where two are equal.

    A single column (or a vector) is the probability of the second of two classes.
    """
    array = np.asarray(scores, dtype=np.float64)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1:
        array = np.column_stack([1 - array, array])
    return Outputs(codes=array.argmax(axis=1), scores=array)


def softmax(margins: np.ndarray, /) -> np.ndarray:
    """(rows, classes) probabilities of (rows, classes) log-odds."""
    shifted = np.exp(margins - margins.max(axis=1, keepdims=True))
    normed: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return normed


def sigmoid(margins: np.ndarray, /) -> np.ndarray:
    """Probability of log-odds, without overflow."""
    half = np.exp(-np.abs(margins))
    found: np.ndarray = np.where(margins >= 0, 1 / (1 + half), half / (1 + half))
    return found


def named_classes(found: Sequence[str], given: Sequence[str] | None, /, *, count: int | None = None) -> tuple[str, ...]:
    """The classes to use: those given, which rename those found by position, else those found.

    There must be `count` of them. The names found in another order are an error: which is meant is unclear.
    """
    if given is None:
        return tuple(found)
    expected = count if count is not None else len(found)
    if expected and len(given) != expected:
        raise AssayError(
            f"{len(given)} class names were given, the model has {expected} classes.",
            code="classes",
            hint="Name every class, in the order of the model's output.",
        )
    if set(given) == set(found) and tuple(given) != tuple(found):
        raise AssayError(
            f"The model gives its classes in the order {', '.join(found)}, not {', '.join(given)}.",
            code="classes",
            hint="Give them in its order, or not at all.",
        )
    return tuple(given)


def task_of(classes: Sequence[str], /) -> Task:
    """The task that so many classes mean."""
    return "regression" if not classes else "binary" if len(classes) == 2 else "multiclass"


def agree(found: Task, wanted: Task | None, /, *, name: str) -> Task:
    """`found`, or an error when the caller wanted another task of this model."""
    if wanted is not None and wanted not in ("none", found):
        raise AssayError(
            f"{name} is a {found} model, but the task is {wanted}.",
            code="task",
            hint="Give the model that belongs to the data, or another task.",
        )
    return found
