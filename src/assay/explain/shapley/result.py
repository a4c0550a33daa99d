"""Attributions of a question from Shapley values."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from assay.explain.attribution import Attributions
from assay.explain.columns import Floats
from assay.explain.question import Question
from assay.explain.shapley.form import Form
from assay.explain.target import Scale


def attributions(
    question: Question,
    method: str,
    values: Floats,
    base: Floats | float,
    outputs: Floats,
    *,
    form: Form | None = None,
    scale: str | None = None,
    origin: str | None = None,
    errors: Floats | None = None,
    tolerance: Floats | None = None,
    settings: dict[str, Any] | None = None,
) -> Attributions:
    """The Attributions of a question's rows, named by `form` or, where there is none, by the target and `scale`."""
    spoken = cast(Scale, form.scale if form is not None else scale or question.target.scale)
    name = form.target if form is not None else question.target.name
    if form is None and spoken != question.target.scale:
        name = f"{spoken} of {question.target.label}"
    return Attributions(
        method,
        question.columns,
        question.rows,
        values,
        np.broadcast_to(np.asarray(base, dtype=np.float64), outputs.shape).copy(),
        outputs,
        target=name,
        scale=spoken,
        origin=question.origin if origin is None else origin,
        places=question.places,
        errors=errors,
        tolerance=tolerance,
        facts=_answer(question, spoken),
        settings={"background": len(question.background)} | (settings or {}),
    )


def _answer(question: Question, scale: Scale) -> dict[str, Floats]:
    """The model's own probability of each row, where the values speak on another scale."""
    if scale == question.target.scale or question.target.scale != "probability":
        return {}
    return {"probability": question.target(question.rows)}
