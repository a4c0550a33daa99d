"""What a model shows of its inside, as plain arrays: a form, the columns it reads, or the reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from assay.core.errors import AssayError, Message, unknown
from assay.models.structure.ensemble import SCALES, Scale, TreeEnsemble
from assay.models.structure.trees import broken

REASONS: Mapping[str, str] = {
    "models.inside.answers_only": "{model} gives answers only; what is inside cannot be read.",
    "models.inside.kind": "{kind} is neither a sum of trees nor a linear model.",
    "models.inside.mixed": "The step {step} mixes columns or makes them in a way that is not known, "
    "so what the model reads cannot be traced to its features.",
    "models.inside.part": "{part} cannot be read as plain trees or coefficients.",
}
"""Why a model has neither an ensemble nor a linear form, by id."""


def reason(ident: str, /, **params: str) -> Message:
    """The reason `ident` of `REASONS`, with its parts filled in."""
    if ident not in REASONS:
        raise unknown("reason", ident, REASONS)
    return Message(ident, REASONS[ident], params)


@dataclass(frozen=True, eq=False)
class LinearForm:
    """`margin` is `matrix @ coefficients.T + intercept`, on `scale`.

    `coefficients` (outputs, columns) and `intercept` (outputs,) are float64. Outputs and scale as in
    `assay.models.structure.ensemble`: log-odds of several classes are multinomial (softmax); classes
    each against the rest give decision values, scale "value".
    """

    coefficients: np.ndarray
    intercept: np.ndarray
    scale: Scale

    def __post_init__(self) -> None:
        for name in ("coefficients", "intercept"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        if self.scale not in SCALES:
            raise unknown("scale", self.scale, SCALES)
        shape = self.coefficients.shape
        if len(shape) != 2 or not shape[0] or self.intercept.shape != shape[:1]:
            raise broken("linear model", f"coefficients of shape {shape} and intercept {self.intercept.shape}")
        if not (np.isfinite(self.coefficients).all() and np.isfinite(self.intercept).all()):
            raise broken("linear model", "a coefficient is NaN or infinite")

    @property
    def outputs(self) -> int:
        """Numbers for each row."""
        return len(self.intercept)

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return int(self.coefficients.shape[1])

    def margin(self, matrix: np.ndarray, /) -> np.ndarray:
        """(rows, outputs) answers on `scale`."""
        found: np.ndarray = matrix @ self.coefficients.T + self.intercept
        return found


@dataclass(frozen=True, eq=False)
class Encoded:
    """The numbers that a form reads: `matrix` (rows, columns) float64, NaN where missing.

    `names` are those of the columns, `origin` (columns,) int32 the position of the input feature from
    which each comes (one-hot columns share one).
    """

    matrix: np.ndarray
    names: tuple[str, ...]
    origin: np.ndarray


@dataclass(frozen=True, eq=False)
class Inside:
    """A form (`ensemble` or `linear`) and the columns that it reads, or the `reason` why there is none.

    `contributes` says that the library itself gives SHAP values on the margin scale.
    """

    ensemble: TreeEnsemble | None = None
    linear: LinearForm | None = None
    names: tuple[str, ...] = ()
    origin: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    contributes: bool = False
    reason: Message | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "origin", np.asarray(self.origin).astype(np.int32))
        form = self.form
        if (form is None) == (self.reason is None) or (self.ensemble is not None and self.linear is not None):
            raise AssayError("A model shows one form, or says why it has none.", code="model-structure")
        if form is not None and not len(self.names) == len(self.origin) == form.width:
            raise broken(
                "model", f"{form.width} columns are read, {len(self.names)} named and {len(self.origin)} traced"
            )
        if len(self.origin) and self.origin.min() < 0:
            raise broken("model", "a column comes from no feature")

    @property
    def form(self) -> TreeEnsemble | LinearForm | None:
        """The ensemble or the linear form."""
        return self.ensemble if self.ensemble is not None else self.linear
