"""The number of a model that its trees or coefficients give: which output, on which scale, how exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.explain.columns import Floats
from assay.explain.question import Question
from assay.explain.target import Scale

if TYPE_CHECKING:
    from assay.models.internals.forms import LinearForm
    from assay.models.structure.ensemble import TreeEnsemble

SCALES = ("log-odds", "probability", "value", "decision")


@dataclass(frozen=True, eq=False)
class Form:
    """The inside of a question's model, of which one number is explained: start + sign × output `output`.

    `inside` are trees or a linear form. `sign` is -1 and `start` 0 or 1 where the first of two classes is explained
    and the model gives the second. `owner` (encoded columns,) is the column of the question that each belongs to.
    `rows` and `background` are encoded. `outputs` (rows,) is what the library itself answers.
    """

    inside: TreeEnsemble | LinearForm
    output: int
    sign: float
    start: float
    scale: Scale
    target: str
    owner: np.ndarray
    rows: Floats
    background: Floats
    outputs: Floats


def has_trees(question: Question, /) -> bool:
    """True when the model is known to be a sum of trees."""
    ask = getattr(question.target.model, "ensemble", None)
    return ask is not None and ask() is not None


def has_coefficients(question: Question, /) -> bool:
    """True when the model is known to be linear."""
    ask = getattr(question.target.model, "linear", None)
    return ask is not None and ask() is not None


def form_scale(question: Question, /) -> str | None:
    """The scale of the trees or coefficients; None where the model shows neither. "log" is that of counts' models."""
    model: Any = question.target.model
    inside = model.ensemble() if has_trees(question) else model.linear() if has_coefficients(question) else None
    return None if inside is None else str(inside.scale)


def form_of(question: Question, /, *, scale: str | None = None) -> Form:
    """The Form of a question, whose scale must be `scale` where one is asked for.

    Raises AssayError where the model shows no trees or coefficients, or they speak on another scale.
    """
    model: Any = question.target.model
    found = form_scale(question)
    if found is None:
        why = model.opaque().text() if hasattr(model, "opaque") else "It is not one of assay's own adapters."
        raise AssayError(
            f"{model.name} shows neither trees nor coefficients: {why}",
            code="model-structure",
            hint="Use permutation-shap, kernel-shap or exact-shap, which need its answers only.",
        )
    _check_scale(found, scale, name=model.name)
    encoded = model.encode(question.columns.decode(question.rows))
    others = model.encode(question.columns.decode(question.background))
    chosen = _output(question, model.inside().form.outputs)
    output, sign = chosen.place, chosen.sign
    start = 1.0 if sign < 0 and found == "probability" else 0.0
    margins = model.margins(question.columns.decode(question.rows))
    label = question.target.label
    names = {"log-odds": f"log-odds of {label}", "value": f"decision value of {label}"}
    return Form(
        model.inside().form,
        output,
        sign,
        start,
        cast(Scale, found),
        question.target.name if label is None else names.get(found, f"P({label})"),
        _owners(question, encoded.origin),
        encoded.matrix,
        others.matrix,
        start + sign * margins[:, output],
    )


def margin_function(question: Question, /, *, scale: str) -> Any:
    """A function of the matrix of columns with the raw score on `scale`, for explainers that only ask for answers."""
    model: Any = question.target.model
    found = form_scale(question)
    if found is None:
        raise AssayError(
            f"{model.name} gives no {scale}, only {question.target.scale}.", code="scale", hint="Leave the scale out."
        )
    _check_scale(found, scale, name=model.name)
    chosen = _output(question, model.inside().form.outputs)

    def margin(matrix: Floats, /) -> Floats:
        question.target.calls.batches += 1
        question.target.calls.rows += len(matrix)
        return np.asarray(chosen.sign * model.margins(question.columns.decode(matrix))[:, chosen.place])

    return margin


def _check_scale(found: str, wanted: str | None, *, name: str) -> None:
    if wanted is not None and wanted not in SCALES:
        raise unknown("scale", wanted, SCALES, code="scale")
    if found not in SCALES:
        raise AssayError(
            f"The trees or coefficients of {name} sum to the logarithm of its answer, not to the answer.",
            code="scale",
            hint="Use permutation-shap, which explains the answer itself.",
        )
    if wanted is not None and wanted != found:
        raise AssayError(
            f"The trees or coefficients of {name} sum to {found}, which gives no exact values of its {wanted}.",
            code="scale",
            hint=f"Use permutation-shap for {wanted}, or ask for {found}.",
        )


@dataclass(frozen=True, slots=True)
class _Output:
    place: int
    sign: float


def _output(question: Question, outputs: int) -> _Output:
    """Which output of the form is explained, and whether it is turned round."""
    place = question.target.output
    if place is None:
        return _Output(0, 1.0)
    classes = len(question.target.model.classes)
    if outputs == 1 and classes == 2:
        return _Output(0, 1.0 if place == 1 else -1.0)
    if outputs != classes:
        raise AssayError(
            f"The model has {classes} classes and {outputs} raw outputs, which cannot be matched.",
            code="model-structure",
            hint="Use permutation-shap.",
        )
    return _Output(place, 1.0)


def _owners(question: Question, origin: np.ndarray) -> np.ndarray:
    """The question's column for each encoded column, whose origin is a position in the model's own features."""
    features = question.target.model.features or question.columns.names
    return np.array([question.columns.place(features[int(place)]) for place in origin], dtype=np.int64)
