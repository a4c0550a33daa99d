"""Factors that bring the gradient of every example, or of every unit, to a bounded norm.

`layers` are the inputs a of each layer (and the output after the last one), `deltas` the gradients δ of each example's
loss with respect to what a layer puts out, so that the gradient of one example at one layer is the outer product of
(a, 1) and δ. All of it happens in place in `deltas`; rows whose gradient is not finite end as zeros.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def clip_linear(delta: Floats, reach: Floats, /, *, bound: float) -> None:
    """One layer: |g| = |δ| / reach. With one output, clipping the gradient is clipping the number δ."""
    flat = delta.ravel()  # a view: δ is a fresh array
    if not math.isfinite(np.dot(flat, flat)):
        delta[~np.isfinite(delta).all(axis=1)] = 0
    limit: Floats = np.multiply(reach, _safe(bound, delta.dtype), dtype=delta.dtype)
    if delta.shape[1] == 1:
        np.minimum(flat, limit, out=flat)
        np.negative(limit, out=limit)
        np.maximum(flat, limit, out=flat)
        return
    norms = np.sqrt(np.vecdot(delta, delta))
    delta *= np.fmin(1, limit / norms)[:, None]  # 0 / 0 is NaN, which fmin leaves out


def clip_rows(layers: Sequence[Floats], deltas: Sequence[Floats], reach: Floats, /, *, bound: float) -> None:
    """Several layers, every row a unit: the squared norm is the sum over the layers."""
    squares = np.vecdot(deltas[0], deltas[0]) / (reach * reach)
    for a, delta in zip(layers[1:], deltas[1:], strict=False):
        squares += (np.vecdot(a, a) + 1) * np.vecdot(delta, delta)
    _scale(layers, deltas, _factors(squares, bound, squares.dtype))


def clip_units(
    layers: Sequence[Floats], deltas: Sequence[Floats], reach: Floats, /, *, bound: float, rows: int
) -> None:
    """Blocks of `rows` rows are one unit: |Σᵢ gᵢ|² = Σᵢⱼ (aᵢ·aⱼ + 1)(δᵢ·δⱼ), summed over the layers."""
    dtype = reach.dtype
    inner = np.zeros((len(reach) // rows, rows, rows))
    for a, delta in zip(layers, deltas, strict=False):
        delta[reach == 0] = 0
        inner += (_inner(a, rows) + 1) * _inner(delta, rows)
    # Long gradients may cancel in a short sum, which is only as exact as they are long.
    rounding = rows * np.finfo(dtype).eps * np.sqrt(np.einsum("uii->ui", inner)).sum(axis=1)
    norms = np.sqrt(np.maximum(inner.sum(axis=(1, 2)), 0)) + rounding
    factors = _factors(norms * norms, bound, dtype)
    factors[factors < np.finfo(dtype).tiny] = 0  # such a factor would lose its digits, and could be rounded up
    _scale(layers, deltas, np.repeat(factors, rows).astype(dtype))


def _inner(rows: Floats, size: int) -> Floats:
    """(units, size, size) inner products of the rows of each unit, in double precision."""
    blocks = rows.astype(np.float64).reshape(-1, size, rows.shape[1])
    found: Floats = blocks @ blocks.transpose(0, 2, 1)
    return found


def _factors(squares: Floats, bound: float, dtype: Any) -> Floats:
    """What each gradient is multiplied by; NaN where its norm is not finite."""
    factors: Floats = np.minimum(1, _safe(bound, dtype) / np.sqrt(squares))  # zero norms give 1
    if not np.isfinite(squares.sum()):
        factors[~np.isfinite(squares)] = np.nan
    return factors


def _scale(layers: Sequence[Floats], deltas: Sequence[Floats], factors: Floats) -> None:
    """Each δ times its factor; where that is NaN, zeros in δ and in the inputs of the layers: 0 · ∞ would be NaN."""
    broken = None if np.isfinite(factors.sum()) else ~np.isfinite(factors)
    for a, delta in zip(layers, deltas, strict=False):
        delta *= factors[:, None]
        if broken is not None:
            delta[broken] = 0
            a[broken] = 0


def _safe(bound: float, dtype: Any) -> float:
    """A little below the bound, so that rounding in a norm does not lift a clipped gradient above it."""
    return float(bound * (1 - 64 * np.finfo(dtype).eps))
