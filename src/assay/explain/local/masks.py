"""Pieces of a text or an image left out, and the local models over what is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.explain.columns import Floats
from assay.explain.local.fit import LocalModels, Neighbours, fit
from assay.explain.local.kernel import exponential
from assay.explain.local.stability import rank_agreement, top_overlap

REPEATS = 5
"""Independent sets that the samples of a text or image are made of, among which its stability is measured."""

Masks = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Fitted:
    """The local model of one text or image: a value and its error for each piece, the base and facts of the fit."""

    values: Floats
    errors: Floats
    base: float
    facts: dict[str, float]


def uneven(pieces: int, samples: int, rng: np.random.Generator, /) -> Masks:
    """(samples, pieces) True for what is kept: as many as a uniform number from 1 to all are left out, at random."""
    left_out = rng.integers(1, pieces + 1, size=samples)
    order = rng.random((samples, pieces)).argsort(axis=1).argsort(axis=1)
    return np.asarray(order >= left_out[:, None])


def halves(pieces: int, samples: int, rng: np.random.Generator, /) -> Masks:
    """(samples, pieces) True for what is kept: each piece with probability ½."""
    return np.asarray(rng.random((samples, pieces)) < 0.5)


def rounded(samples: int, /) -> int:
    """`samples`, up to a multiple of REPEATS."""
    if samples < 4 * REPEATS:
        raise AssayError(f"{samples} samples are too few for a local model.", code="samples", hint="1000 are usual.")
    return -(-samples // REPEATS) * REPEATS


def fit_masks(masks: Masks, answers: Floats, /, *, kernel_width: float, ridge: float, whole: float) -> Fitted:
    """The local model of `answers` (samples,) by `masks` (samples, pieces).

    The distance is the cosine distance from the whole, 1 − √(kept/pieces). Nothing to leave out leaves the base, which
    is then the answer for the `whole`, with fit and stability 1.
    """
    samples, pieces = masks.shape
    if not pieces:
        facts = {"weighted_r_squared": 1.0, "stability": 1.0, "top_overlap": 1.0, "effective_samples": float(samples)}
        return Fitted(np.zeros(0), np.zeros(0), whole, facts)
    squared = (1 - np.sqrt(masks.mean(axis=1))) ** 2
    design = np.ones((1, REPEATS, pieces + 1, samples // REPEATS))
    design[0, :, 1:] = masks.reshape(REPEATS, -1, pieces).transpose(0, 2, 1)
    shape = (1, REPEATS, samples // REPEATS)
    weights = exponential(squared.reshape(shape), width=kernel_width)
    near = Neighbours(design, answers.reshape(shape), weights, np.ones((1, pieces)))
    return _fitted(fit(near, ridge=ridge, select="highest-weights"))


def _fitted(found: LocalModels) -> Fitted:
    return Fitted(
        found.coefficients[0],
        found.errors[0],
        float(found.intercept[0]),
        {
            "weighted_r_squared": float(found.r_squared[0]),
            "stability": float(rank_agreement(found.repeated)[0]),
            "top_overlap": float(top_overlap(found.repeated)[0]),
            "effective_samples": float(found.effective[0]),
        },
    )


def gathered(fits: list[Fitted], /) -> dict[str, Floats]:
    """The facts of several Fitted, one array each."""
    return {name: np.array([fit.facts[name] for fit in fits]) for name in fits[0].facts}
