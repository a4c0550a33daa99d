"""Integrated gradients of a transformer on its input embeddings, summed over sub-words to tokens or sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.target import Scale
from assay.explain.texts.attribution import TextAttributions
from assay.explain.texts.pieces import Spans, Unit, checked, spans_of

METHOD = "integrated-gradients"
STEPS = 16
MOST = 1024
TOLERANCE = 1e-3
Blank = Literal["pad", "mask"]


@dataclass(frozen=True, eq=False)
class Path:
    """`values` (sub-words,) the integral of each; `base` and `whole` the model at both ends; `steps` that it took."""

    values: Floats
    base: float
    whole: float
    steps: int

    @property
    def gap(self) -> float:
        """How far the sum is from what it should be: whole − base − Σ values."""
        return self.whole - self.base - float(self.values.sum())


def explain(
    model: Any,
    texts: Sequence[str],
    /,
    *,
    output: str | None = None,
    unit: Unit = "token",
    scale: Scale = "probability",
    baseline: Blank = "pad",
    steps: int = STEPS,
    most: int = MOST,
    tolerance: float = TOLERANCE,
    progress: Progress | None = None,
) -> TextAttributions:
    """What each token or sentence added on the straight way from a blank text of the same length to the text.

    `model` is a `TextTransformer`. The baseline has the embedding of the "pad" (or "mask") token in place of each
    sub-word; positions and the tokens that the tokenizer adds stay. The integral of the gradient is a Gauss-Legendre
    sum, whose `steps` are doubled, up to `most`, until Σ values = output − base within `tolerance` (completeness).
    What is left is `residual`; where it stays beyond the tolerance `additive` is False and `facts["complete"]` is 0.
    The values of the sub-words of a piece are summed; what falls between pieces belongs to the piece before it. Words
    after the longest text that the model reads have the value 0.
    Source: Sundararajan, Taly and Yan (2017), equations 1 and 2, proposition 1.
    """
    chosen = checked(texts)
    place, name = _target(model, output, scale)
    if steps < 2 or most < steps or not tolerance > 0:
        raise AssayError("Give steps from 2, most ≥ steps and a tolerance above 0.", code="steps")
    spans = [spans_of(text, unit=unit) for text in chosen]
    blank = model.blank(baseline)
    found, values = [], []
    if progress is not None:
        progress.started(METHOD, total=len(chosen))
    for cut, tokens in zip(spans, model.tokens(chosen), strict=True):
        path = _path(model, tokens, blank, place, scale, (steps, most), tolerance)
        found.append(path)
        values.append(_gathered(cut, tokens, path.values))
        if progress is not None:
            progress.advanced(METHOD, done=len(found))
    if progress is not None:
        progress.ended(METHOD)
    base, outputs = (np.array([getattr(path, side) for path in found]) for side in ("base", "whole"))
    gaps = np.abs(outputs - base - np.array([each.sum() for each in values]))
    return TextAttributions(
        METHOD,
        tuple(chosen),
        tuple(spans),
        tuple(values),
        base,
        outputs,
        target=name,
        scale=scale if model.classes else "value",
        additive=bool((gaps <= tolerance).all()),
        facts={
            "steps": np.array([float(path.steps) for path in found]),
            "complete": (gaps <= tolerance).astype(np.float64),
        },
        settings={"unit": unit, "baseline": baseline, "steps": steps, "most": most, "tolerance": tolerance},
    )


def _target(model: Any, output: str | None, scale: Scale) -> tuple[int, str]:
    if not callable(getattr(model, "embedding_gradients", None)):
        raise AssayError(
            f"{getattr(model, 'name', type(model).__name__)} has no gradients by its input embeddings.",
            code="model",
            hint="Integrated gradients need a transformer; take partition-shap or lime for any other model.",
        )
    if not model.classes:
        if output is not None:
            raise AssayError(f"A regression has no class {output!r}.", code="class", hint="Leave the class out.")
        return 0, "prediction"
    if scale not in ("probability", "log-odds"):
        raise unknown("scale", scale, ("probability", "log-odds"))
    label = model.classes[-1] if output is None else output
    if label not in model.classes:
        raise unknown("class of the model", label, model.classes, code="class")
    return model.classes.index(label), f"P({label})" if scale == "probability" else f"log-odds of {label}"


def _path(
    model: Any, tokens: Any, blank: int, output: int, scale: Scale, between: tuple[int, int], tolerance: float
) -> Path:
    whole = model.token_embeddings(tokens.ids)
    ids = [ident if special else blank for ident, special in zip(tokens.ids, tokens.special, strict=True)]
    empty = model.token_embeddings(ids)
    way = whole.astype(np.float64) - empty
    ends = model.embedding_gradients(np.array([empty, whole]), output=output, scale=scale).values
    steps, most = between
    while True:
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        points = empty + ((nodes + 1) / 2)[:, None, None] * way
        slopes = model.embedding_gradients(points, output=output, scale=scale).gradients
        values = np.einsum("s,stw,tw->t", weights / 2, slopes, way)
        found = Path(values, float(ends[0]), float(ends[1]), steps)
        if abs(found.gap) <= tolerance or steps * 2 > most:
            return found
        steps *= 2


def _gathered(spans: Spans, tokens: Any, values: Floats) -> Floats:
    """(pieces,) the sum of the sub-words that end in each piece, or after it and before the next."""
    if not spans:
        return np.zeros(0)
    starts = np.array([start for start, _ in spans])
    lasts = np.array([max(start, end - 1) for start, end in tokens.spans])  # some tokenizers begin at the blank before
    read = ~np.array(tokens.special)
    places = np.maximum(np.searchsorted(starts, lasts, side="right") - 1, 0)
    return np.bincount(places[read], weights=values[read], minlength=len(spans)).astype(np.float64)
