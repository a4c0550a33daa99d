"""What explanations may ask of a model beyond its answers. Each is optional: None where there is none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from assay.core.errors import AssayError, Message
from assay.models.inputs import row_count
from assay.models.internals.forms import Encoded, Inside, LinearForm, reason
from assay.models.structure.ensemble import TreeEnsemble
from assay.models.structure.trees import within


class Capabilities(ABC):
    """Trees, coefficients, encoded columns, raw scores, native SHAP values and gradients, as arrays.

    An author writes `look_inside` and, where that shows a form, `encoded`, `raw` and `contributed`. All
    outputs of one model share a scale (that of `inside().form`), so that log-odds and probabilities never mix.
    """

    name: str
    width: int | None
    module: Any = None
    """The torch module, in process; None for every other model."""

    _seen: Inside | None = None

    @abstractmethod
    def attempt(self, doing: Callable[[], Any], /, *, rows: int) -> Any:
        """What `doing` returns; what its library raises becomes one AssayError."""

    def look_inside(self) -> Inside:
        """The form and its columns, or why there is none; asked once."""
        return Inside(reason=reason("models.inside.answers_only", model=self.name))

    def encoded(self, inputs: Any, /) -> np.ndarray:
        """(rows, columns) numbers that the form reads."""
        raise NotImplementedError

    def raw(self, inputs: Any, /) -> np.ndarray:
        """(rows,) or (rows, outputs) raw scores from the library itself, on the form's scale."""
        raise NotImplementedError

    def contributed(self, inputs: Any, /) -> np.ndarray:
        """(rows, columns + 1, outputs) SHAP values from the library itself, on the form's scale."""
        raise NotImplementedError

    def inside(self) -> Inside:
        """What the model shows of its inside, checked; the same object each time."""
        if self._seen is None:
            found: Inside = self.attempt(self.look_inside, rows=0)
            if self.width is not None:
                within(found.origin, 0, self.width, where=self.name, what="feature of a column")
            self._seen = found
        return self._seen

    def ensemble(self) -> TreeEnsemble | None:
        """The model as a sum of trees over `encode`'s columns; None where it is none (`opaque` says why)."""
        return self.inside().ensemble

    def linear(self) -> LinearForm | None:
        """The model as a linear form over `encode`'s columns; None where it is none (`opaque` says why)."""
        return self.inside().linear

    def opaque(self) -> Message | None:
        """Why `ensemble`, `linear`, `encode` and `margins` are all None; None where they are not."""
        return self.inside().reason

    def encode(self, inputs: Any, /) -> Encoded | None:
        """The numeric matrix that the ensemble or linear form reads, and where its columns come from."""
        inside = self.inside()
        if inside.form is None:
            return None
        rows = row_count(inputs)
        matrix = self._array(self.encoded, inputs, (rows, inside.form.width), gaps=True)
        return Encoded(matrix, inside.names, inside.origin)

    def margins(self, inputs: Any, /) -> np.ndarray | None:
        """(rows, outputs) raw scores on the scale of the ensemble or linear form, as the library computes them."""
        form = self.inside().form
        return None if form is None else self._array(self.raw, inputs, (row_count(inputs), form.outputs))

    def contributions(self, inputs: Any, /) -> np.ndarray | None:
        """(rows, encoded columns + 1, outputs) path-dependent SHAP values of the booster itself, or None.

        The last column is the expected value; the sum over columns is `margins`, up to float32 rounding.
        """
        inside = self.inside()
        if inside.form is None or not inside.contributes:
            return None
        shape = (row_count(inputs), inside.form.width + 1, inside.form.outputs)
        return self._array(self.contributed, inputs, shape)

    def gradients(self, inputs: Any, /, *, output: int = 0) -> np.ndarray | None:
        """Gradient of one raw output with respect to each number of the input; None where there is none."""
        return None

    def _array(
        self, ask: Callable[[Any], np.ndarray], inputs: Any, shape: tuple[int, ...], *, gaps: bool = False
    ) -> np.ndarray:
        """The answer of `ask`, of exactly `shape`, without infinity, and NaN only where `gaps`."""
        if not shape[0]:
            return np.empty(shape)
        found = np.asarray(self.attempt(lambda: ask(inputs), rows=shape[0]), dtype=np.float64)
        if found.ndim == 1 and shape[1:] == (1,):
            found = found[:, None]
        if found.shape != shape:
            raise AssayError(f"{self.name} returned an array of shape {found.shape}, expected {shape}.", code="outputs")
        if not gaps and not np.isfinite(found).all():
            raise AssayError(
                f"{self.name} returned numbers that are NaN or infinite.",
                code="outputs",
                hint="Find the inputs that cause it (often missing values the model was not trained for).",
            )
        return found
