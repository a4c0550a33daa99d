"""Shapley values of a black box as the solution of a weighted regression on sampled coalitions."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.explain.columns import Floats
from assay.explain.shapley.coalitions import MOST_COLUMNS, Answers, Masks, all_coalitions, coalition_means
from assay.explain.shapley.permutation import Sampled


@dataclass(frozen=True, eq=False)
class Design:
    """Coalitions in pairs with their complements: `masks` (pairs, columns), how often each was drawn, and if all were.

    `weights` (pairs,) sum to 1. Where `complete`, they are the Shapley kernel itself and nothing was sampled.
    """

    masks: Masks
    weights: Floats
    draws: int
    complete: bool


def design(columns: int, samples: int, /, *, seed: int) -> Design:
    """The coalitions to ask for: all of them where there are at most `samples`, else samples / 2 pairs drawn.

    A size s is drawn by the Shapley kernel, (columns - 1) / (s (columns - s)), a coalition of that size uniformly, and
    its complement with it. Source: Lundberg & Lee (2017), theorem 2; pairs: Covert & Lee (2021).
    """
    if columns <= MOST_COLUMNS and (1 << columns) - 2 <= samples:
        masks = all_coalitions(columns)[1 : 1 << (columns - 1)] if columns > 1 else np.zeros((0, 1), dtype=bool)
        size = masks.sum(axis=1)
        kernel = np.array([(columns - 1) / (comb(columns, int(s)) * s * (columns - s)) for s in size])
        return Design(masks, kernel / kernel.sum() if len(kernel) else kernel, len(masks), True)
    draws = samples // 2
    if draws <= 2 * columns:
        raise AssayError(
            f"{samples} coalitions are too few for {columns} columns.",
            code="samples",
            hint=f"Give at least {4 * columns + 2}.",
        )
    rng = np.random.default_rng(seed)
    sizes = np.arange(1, columns)
    kernel = 1 / (sizes * (columns - sizes))
    size = rng.choice(sizes, draws, p=kernel / kernel.sum())
    masks = rng.permuted(np.tile(np.arange(columns), (draws, 1)), axis=1) < size[:, None]
    masks = np.where(masks[:, :1], masks, ~masks)
    found, counts = np.unique(masks, axis=0, return_counts=True)
    return Design(found, counts / draws, draws, False)


def kernel_values(
    ask: Answers,
    rows: Floats,
    background: Floats,
    /,
    *,
    samples: int,
    seed: int,
    progress: Progress | None = None,
) -> Sampled:
    """Shapley values by the weighted regression of Kernel SHAP, whose sum is exactly output - base for every row.

    The answer for a coalition is the mean over all background rows. All rows share the coalitions, so one matrix solves
    all regressions. Exact, with errors of 0, where `samples` covers all coalitions; else the standard errors are those
    of a regression with the pairs as independent units (the delta method, sandwich form), good to first order in
    1 / samples. Asks the model for samples × background rows for each explained row.

    Source: Lundberg & Lee (2017), theorem 2; the constrained solution, paired sampling and the variance of both:
    Covert & Lee (2021), "Improving KernelSHAP: practical Shapley value estimation via linear regression".
    """
    base, outputs = float(ask(background).mean()), ask(rows)
    drawn = design(rows.shape[1], samples, seed=seed)
    if not len(drawn.masks):
        return Sampled((outputs - base)[:, None], np.zeros(rows.shape), np.full(len(rows), base), outputs)
    both = np.concatenate([drawn.masks, ~drawn.masks])
    means = coalition_means(ask, rows, background, both, progress=progress) - base
    first, second = means[:, : len(drawn.masks)], means[:, len(drawn.masks) :]
    z = drawn.masks.astype(np.float64)
    gram = ((z.T * drawn.weights) @ z + ((1 - z).T * drawn.weights) @ (1 - z)) / 2
    # Coalitions and complements: z y + (1 - z) ȳ, averaged; the projection keeps the sum of the values.
    moments = ((first * drawn.weights) @ z + (second * drawn.weights) @ (1 - z)) / 2
    inverse: Floats = np.asarray(np.linalg.inv(gram), dtype=np.float64)
    toward = inverse.sum(axis=1) / inverse.sum()
    free = moments @ inverse
    values = free + (outputs - base - free.sum(axis=1))[:, None] * toward
    errors = np.zeros_like(values) if drawn.complete else _errors(drawn, z, first, second, values, inverse, toward)
    return Sampled(values, errors, np.full(len(rows), base), outputs)


def _errors(
    drawn: Design, z: Floats, first: Floats, second: Floats, values: Floats, inverse: Floats, toward: Floats
) -> Floats:
    """(rows, columns) standard errors: how much the values move with each pair's residuals."""
    projection = inverse - np.outer(toward, inverse.sum(axis=0))
    # A pair moves the values by P (z r + (1 - z) r̄) / 2 = P z (r - r̄) / 2, because P annuls the vector of ones.
    moves = z @ projection.T
    gap = (first - values @ z.T - second + values @ (1 - z).T) / 2
    degrees = max(1, drawn.draws - z.shape[1])
    square = (gap**2 * drawn.weights) @ moves**2 - ((gap * drawn.weights) @ moves) ** 2
    return np.asarray(np.sqrt(np.maximum(square, 0.0) / degrees))
