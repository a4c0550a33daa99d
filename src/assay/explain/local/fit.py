"""Weighted ridge regressions of many rows at once, from their normal equations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.explain.columns import Floats

Selection = Literal["highest-weights", "forward"]
SCREEN = 0.01
"""Ridge of the regression by whose weights columns are chosen, as in `lime`."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """What local models are fitted to: `repeats` independent sets of samples around each of `rows` rows.

    `design` (rows, repeats, 1 + features, samples) has ones in its first feature, `answers` and `weights` are (rows,
    repeats, samples), `here` (rows, features) the row's own features. Weights are positive, the largest of a row is 1.
    """

    design: Floats
    answers: Floats
    weights: Floats
    here: Floats


@dataclass(frozen=True, eq=False)
class LocalModels:
    """One linear model a row: answer ≈ `intercept` (rows,) + features · `coefficients` (rows, features).

    `errors` (rows, features) are Monte-Carlo standard errors of the coefficients, over the drawing of the samples.
    `r_squared` (rows,) is the weighted R² on the samples, 1 where the model gave one answer to all. `effective` (rows,)
    is Kish's effective number of samples under the kernel. `repeated` (rows, repeats, features) are the coefficients of
    each set of samples alone, its features chosen anew.
    """

    coefficients: Floats
    intercept: Floats
    errors: Floats
    r_squared: Floats
    effective: Floats
    repeated: Floats


def fit(near: Neighbours, /, *, ridge: float, keep: int | None = None, select: Selection) -> LocalModels:
    """The LocalModels of all rows: weighted ridge, the intercept free, on the `keep` chosen features (None: all).

    A feature that never varies around a row has coefficient 0. With `ridge` 0, dependent features share the coefficient
    of least norm. The errors are the sandwich A⁻¹ΣA⁻¹ with A = ZᵀWZ + ridge·I and Σ = Σ wᵢ²eᵢ²zᵢzᵢᵀ: a linear model
    fitted to what is not linear stays wrong by its residuals, but not uncertain. They hold the chosen features fixed.
    Source: Ribeiro, Singh & Guestrin (2016), section 3.4; White (1980), Econometrica 48:817.
    """
    origin = near.answers.mean(axis=(1, 2), keepdims=True)
    answers = near.answers - origin
    weighted = near.design * near.weights[:, :, None, :]
    grams = weighted @ near.design.transpose(0, 1, 3, 2)
    crosses = (weighted @ answers[..., None])[..., 0]
    gram, cross = grams.sum(axis=1), crosses.sum(axis=1)
    active = _active(gram, cross, near.here, keep, select)
    solved = solve(gram, cross, active, ridge)
    residuals = answers - (solved[:, None, None, :] @ near.design)[:, :, 0, :]
    repeats, size = near.design.shape[1:3]
    flat, flat_cross = grams.reshape(-1, size, size), crosses.reshape(-1, size)
    each = _active(flat, flat_cross, np.repeat(near.here, repeats, axis=0), keep, select)
    repeated = solve(flat, flat_cross, each, ridge / repeats).reshape(-1, repeats, size)
    return LocalModels(
        solved[:, 1:],
        solved[:, 0] + origin[:, 0, 0],
        _errors(near, weighted, gram, residuals, active, ridge),
        _r_squared(answers, residuals, near.weights),
        near.weights.sum(axis=(1, 2)) ** 2 / (near.weights**2).sum(axis=(1, 2)),
        repeated[..., 1:],
    )


def solve(gram: Floats, cross: Floats, active: NDArray[np.bool_], ridge: float, /) -> Floats:
    """(..., features) the ridge solutions for (..., features, features) and (..., features); 0 where not active.

    The first feature is the intercept and is not penalised.
    """
    held = _held(gram, active, ridge)
    right = np.where(active, cross, 0.0)[..., None]
    found = np.linalg.solve(held, right) if ridge > 0 else np.linalg.pinv(held, hermitian=True) @ right
    return np.asarray(found[..., 0] * active)


def _held(gram: Floats, active: NDArray[np.bool_], ridge: float) -> Floats:
    """The penalised normal equations, with those of features that are not active replaced by coefficient = 0."""
    both = active[..., :, None] & active[..., None, :]
    penalty = np.where(active, ridge, 1.0)
    penalty[..., 0] = 0.0
    return np.where(both, gram, 0.0) + penalty[..., None] * np.eye(gram.shape[-1])


def _active(gram: Floats, cross: Floats, here: Floats, keep: int | None, select: Selection) -> NDArray[np.bool_]:
    """(rows, features) True for the intercept and the features that are fitted."""
    varies = _varies(gram)
    if keep is None or keep >= here.shape[1]:
        return varies
    return _chosen(gram, cross, varies, here, keep, select)


def _varies(gram: Floats) -> NDArray[np.bool_]:
    """(rows, features) True for the intercept and for features with a weighted variance."""
    squares = np.diagonal(gram, axis1=1, axis2=2)
    spread = squares - gram[:, 0] ** 2 / gram[:, :1, 0]
    varies = spread > 1e-10 * np.maximum(squares, 1e-300)
    varies[:, 0] = True
    return np.asarray(varies)


def _chosen(
    gram: Floats, cross: Floats, active: NDArray[np.bool_], here: Floats, keep: int, select: Selection
) -> NDArray[np.bool_]:
    """(rows, features) the intercept and the `keep` features that count most."""
    if select == "highest-weights":
        size = np.abs(solve(gram, cross, active, SCREEN)[:, 1:] * here)
        out = np.zeros_like(active)
        np.put_along_axis(out[:, 1:], np.argsort(-size, axis=1, kind="stable")[:, :keep], True, axis=1)
        out[:, 0] = True
        return out & active
    chosen = np.zeros_like(active)
    chosen[:, 0] = True
    for _ in range(keep):
        chosen = _with_best(gram, cross, active & ~chosen, chosen)
    return chosen


def _with_best(gram: Floats, cross: Floats, open_: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`chosen` and, for each row, the open feature that explains most beside them."""
    explained = np.full(chosen.shape, -np.inf)
    for place in range(1, chosen.shape[1]):
        tried = chosen.copy()
        tried[:, place] = True
        solved = solve(gram, cross, tried, 1e-6)
        explained[:, place] = np.where(open_[:, place], (solved * cross).sum(axis=1), -np.inf)
    best = explained.argmax(axis=1)
    out = chosen.copy()
    rows = np.flatnonzero(np.isfinite(explained.max(axis=1)))
    out[rows, best[rows]] = True
    return out


def _r_squared(answers: Floats, residuals: Floats, weights: Floats) -> Floats:
    total = weights.sum(axis=(1, 2))
    mean = (weights * answers).sum(axis=(1, 2)) / total
    spread = (weights * (answers - mean[:, None, None]) ** 2).sum(axis=(1, 2))
    left = (weights * residuals**2).sum(axis=(1, 2))
    one_answer = np.abs(answers).max(axis=(1, 2)) <= 1e-12
    return np.where(one_answer, 1.0, 1 - left / np.where(one_answer, 1.0, spread))


def _errors(
    near: Neighbours, weighted: Floats, gram: Floats, residuals: Floats, active: NDArray[np.bool_], ridge: float
) -> Floats:
    squares = weighted * (near.weights * residuals**2)[:, :, None, :]
    middle = (squares @ near.design.transpose(0, 1, 3, 2)).sum(axis=1)
    bread = np.linalg.pinv(_held(gram, active, ridge), hermitian=True)
    samples, used = residuals[0].size, active.sum(axis=1)
    widened = samples / np.maximum(samples - used, 1)
    variance = np.diagonal(bread @ middle @ bread, axis1=1, axis2=2) * widened[:, None]
    return np.asarray(np.sqrt(np.maximum(np.where(active, variance, 0.0), 0.0))[:, 1:])
