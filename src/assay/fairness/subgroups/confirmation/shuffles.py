"""Sums over slices of outcomes that are shuffled over the rows, and the test that rests on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
TOGETHER = 64
"""Shuffles that are summed in one pass: so many columns of the outcome stay near the processor."""


def shuffles(values: Floats, permutations: int, rng: np.random.Generator, /) -> Iterator[NDArray[np.floating[Any]]]:
    """(rows, up to TOGETHER) shuffles of the values, `permutations` in all.

    Whole numbers whose sum is below 2^24 come in single precision, in which such sums are exact.
    """
    if permutations < 1:
        raise AssayError(f"{permutations} permutations are none.", code="parameter", hint="For example 199.")
    exact = bool((values == np.rint(values)).all()) and float(np.abs(values).sum()) < 2**24
    for start in range(0, permutations, TOGETHER):
        columns = [rng.permutation(values) for _ in range(min(TOGETHER, permutations - start))]
        yield np.ascontiguousarray(np.stack(columns, axis=1), dtype=np.float32 if exact else np.float64)


def summed(
    places: NDArray[np.integer[Any]], rows: NDArray[np.intp], shuffled: NDArray[np.floating[Any]], /, *, size: int
) -> Floats:
    """(size, shuffles) sums: row `rows[i]` belongs to place `places[i]`. A product with a sparse matrix of ones."""
    from scipy.sparse import coo_array

    ones = np.ones(len(rows), dtype=shuffled.dtype)
    membership = coo_array((ones, (places, rows)), shape=(size, len(shuffled)))
    return np.asarray(membership @ shuffled, dtype=np.float64)


def upper_quantile(drawn: Floats, level: float, /) -> Floats:
    """What `level` of the draws along the last axis, and of the sample itself as one more, stay at or under."""
    draws = drawn.shape[-1]
    place = int(np.ceil(level * (draws + 1))) - 1
    if place >= draws:
        hint = f"Give at least {int(np.ceil(level / (1 - level)))} permutations, or a lower level."
        raise AssayError(f"{draws} shuffles say nothing at level {level}.", code="parameter", hint=hint)
    return np.asarray(np.sort(drawn, axis=-1)[..., place])


@dataclass(frozen=True, slots=True)
class Studentised:
    """A two-sided p-value for equal means, and the |t| that shuffles stay under at the level asked for."""

    p_value: float
    critical: float


def studentised(
    values: Floats, masks: Sequence[Mask], /, *, level: float, permutations: int, rng: np.random.Generator
) -> list[Studentised]:
    """For every mask the permutation test that its rows have the mean of the other rows, with Welch's t as statistic.

    Exact where shuffling changes nothing but the names of the rows, however skewed the values; for large samples valid
    for equal means with unequal spreads too (Janssen 1997, Statistics & Probability Letters 36:9; Chung & Romano
    2013, Annals of Statistics 41:484). A mask must have two rows inside and two outside.
    """
    centred = values - values.mean()
    places, rows = np.nonzero(np.stack(masks))
    n = np.array([mask.sum() for mask in masks], dtype=np.float64)[:, None]
    observed = np.stack([np.stack([centred[mask].sum(), (centred[mask] ** 2).sum()]) for mask in masks])
    total = np.array([centred.sum(), (centred**2).sum()])
    t = np.abs(_welch_t(observed[:, :1], observed[:, 1:], n, len(values), total))
    drawn = []
    for shuffled in shuffles(centred, permutations, rng):
        sums, squares = (summed(places, rows, power, size=len(masks)) for power in (shuffled, shuffled**2))
        drawn.append(np.abs(_welch_t(sums, squares, n, len(values), total)))
    beyond = np.concatenate(drawn, axis=1)
    critical = upper_quantile(beyond, level)
    p_values = (1 + (beyond >= t - 1e-9).sum(axis=1)) / (1 + permutations)
    return [Studentised(float(p), float(c)) for p, c in zip(p_values, critical, strict=True)]


def _welch_t(sums: Floats, squares: Floats, n: Floats, rows: int, total: Floats) -> Floats:
    """Difference of the two means over its standard error; 0 where neither side has any spread."""
    m = rows - n
    a, b = sums / n, (total[0] - sums) / m
    variance = np.maximum(squares / n - a * a, 0) / (n - 1) + np.maximum((total[1] - squares) / m - b * b, 0) / (m - 1)
    return np.asarray(np.where(variance > 0, (a - b) / np.sqrt(np.where(variance > 0, variance, 1.0)), 0.0))
