"""LIME for texts: words or sentences left out, all texts predicted together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.local.black_box import BlackBox, black_box
from assay.explain.local.masks import Fitted, Masks, fit_masks, gathered, rounded, uneven
from assay.explain.local.seeds import generator
from assay.explain.texts.attribution import TextAttributions
from assay.explain.texts.pieces import Spans, Unit, checked, left, spans_of

METHOD = "lime"
BATCH = 4096
TOGETHER = 1 << 16
"""Samples that are made and solved at once."""
WIDTH = 0.25
"""Kernel width on cosine distances, as in `lime` (25 on a distance of 0 to 100)."""


def explain(
    model: Any,
    texts: Sequence[str],
    /,
    *,
    output: str | None = None,
    unit: Unit = "word",
    positions: bool = True,
    mask: str = "",
    samples: int = 1000,
    kernel_width: float = WIDTH,
    ridge: float = 1.0,
    seed: int = 0,
    batch: int = BATCH,
    progress: Progress | None = None,
) -> TextAttributions:
    """What each word or sentence adds to a linear model fitted to the answers for the text with some of them left out.

    `model` is a Model that takes a list of texts, or a function of one. What is left out becomes `mask` (nothing, or a
    mask token). With `positions` False all places of a word go together, and its value is shared evenly among them.
    `base` is the local model's answer with every piece left out, `residual` what it misses of the model's own. A text
    without pieces has its output as base. Facts, errors and seeds as in `local.tabular.lime`; the model is asked for
    samples + 1 texts a text, in batches of `batch`. Texts with pieces left out may be unlike any the model has seen.
    Source: Ribeiro, Singh & Guestrin (2016), section 3.3.
    """
    asked, total = black_box(model, checked(texts)[:1], output=output), rounded(samples)
    cuts = [_cut(text, unit, positions) for text in texts]
    outputs = asked(list(texts), batch=batch)
    settings = {"unit": unit, "positions": positions, "mask": mask, "samples": total, "kernel_width": kernel_width}
    settings |= {"ridge": ridge, "seed": seed}
    fits = _fits(asked, cuts, outputs, settings, batch, progress)
    return TextAttributions(
        METHOD,
        tuple(texts),
        tuple(cut.spans for cut in cuts),
        tuple(_spread(fit.values, cut.features) for fit, cut in zip(fits, cuts, strict=True)),
        np.array([fit.base for fit in fits]),
        outputs,
        target=asked.name,
        scale=asked.scale,
        errors=tuple(_spread(fit.errors, cut.features) for fit, cut in zip(fits, cuts, strict=True)),
        additive=False,
        facts=gathered(fits),
        settings=settings,
    )


@dataclass(frozen=True, eq=False)
class _Cut:
    """A text in pieces; `features` (pieces,) the feature that each piece belongs to: its own, or that of its word."""

    text: str
    spans: Spans
    features: np.ndarray

    def masks(self, samples: int, seed: int) -> Masks:
        count = int(self.features.max()) + 1 if len(self.features) else 0
        rng = generator(self.text.encode("utf-8", "surrogatepass"), seed)
        return uneven(count, samples, rng) if count else np.zeros((samples, 0), dtype=bool)

    def left(self, kept: Masks, mask: str) -> list[str]:
        """The text for each row of `kept`, with the pieces that are left out replaced by `mask`."""
        return left(self.text, self.spans, kept[:, self.features], mask=mask)


def _cut(text: str, unit: Unit, positions: bool) -> _Cut:
    spans = spans_of(text, unit=unit)
    places: dict[str, int] = {}
    features = [i if positions else places.setdefault(text[a:b], len(places)) for i, (a, b) in enumerate(spans)]
    return _Cut(text, spans, np.array(features, dtype=np.int64))


def _fits(
    asked: BlackBox,
    cuts: list[_Cut],
    outputs: Floats,
    settings: dict[str, Any],
    batch: int,
    progress: Progress | None,
) -> list[Fitted]:
    """The local model of each text; as many texts at once as make some 65,536 samples."""
    samples, size = settings["samples"], max(1, TOGETHER // settings["samples"])
    if progress is not None:
        progress.started(METHOD, total=len(cuts))
    fits: list[Fitted] = []
    for start in range(0, len(cuts), size):
        block = cuts[start : start + size]
        masks = [cut.masks(samples, settings["seed"]) for cut in block]
        made = [text for cut, kept in zip(block, masks, strict=True) for text in cut.left(kept, settings["mask"])]
        answers = asked(made, batch=batch).reshape(len(block), samples)
        width, ridge = settings["kernel_width"], settings["ridge"]
        for i, (kept, found) in enumerate(zip(masks, answers, strict=True), start):
            fits.append(fit_masks(kept, found, kernel_width=width, ridge=ridge, whole=float(outputs[i])))
        if progress is not None:
            progress.advanced(METHOD, done=len(fits))
    if progress is not None:
        progress.ended(METHOD)
    return fits


def _spread(values: Floats, features: np.ndarray) -> Floats:
    """(pieces,) the value of each piece's feature, shared evenly among the pieces of that feature."""
    if not len(features):
        return np.zeros(0)
    return np.asarray(values[features] / np.bincount(features)[features])
