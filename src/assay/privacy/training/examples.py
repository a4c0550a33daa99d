"""Training rows as the engine reads them: finite numbers, and which rows are one unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.privacy.training.clipping import Floats
from assay.privacy.training.network import Architecture, Output

Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Examples:
    """`x` (rows, inputs), `y` (rows,) numbers or class codes, and `reach` (rows,) = 1 / √(|x|² + 1).

    `members` (units, most) are the places of the rows of each unit, −1 where it has fewer than `most`; None where
    every row is a unit.
    """

    x: Floats
    y: NDArray[Any]
    reach: Floats
    members: Places | None = None

    @property
    def units(self) -> int:
        """How many units there are: private, so it must not leave except with noise."""
        return len(self.x) if self.members is None else len(self.members)

    @property
    def rows_per_unit(self) -> int:
        """The most rows a unit is used with."""
        return 1 if self.members is None else self.members.shape[1]

    def batch(self, chosen: Places, /) -> Batch:
        """The rows of the chosen units; those of a unit stand together, missing ones have `reach` 0."""
        if self.members is None:
            return Batch(self.x.take(chosen, axis=0), self.y.take(chosen), self.reach.take(chosen))
        places = self.members[chosen].ravel()
        return Batch(self.x.take(places, axis=0), self.y.take(places), np.where(places < 0, 0, self.reach.take(places)))


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Rows of one step, as `Network.sum_clipped` takes them."""

    x: Floats
    y: NDArray[Any]
    reach: Floats


def examples(
    x: Any,
    y: Any,
    /,
    *,
    architecture: Architecture,
    units: Any = None,
    most: int = 1,
    generator: np.random.Generator | None = None,
    dtype: Any = np.float32,
) -> Examples:
    """Examples of features `x` (rows, inputs) and targets `y` (rows,), the rows that can be used.

    A row with a number that is not finite, or a class code outside of 0 … classes − 1, is left out: its gradient would
    count as zero in every step, so leaving it out changes nothing and needs no word. So is a row whose squared length
    is no number of `dtype` (from 1.8e19 for single precision): the norm of its gradient, a tiny residual times it, is
    not known well enough to be clipped. `units` (rows,) says which unit each row belongs to; at most `most` rows of a
    unit, drawn by `generator`, are used. These choices look at nothing but the row or the unit itself, so a neighbour
    differs in one unit still.
    """
    features = np.ascontiguousarray(x, dtype=dtype)
    if features.ndim != 2 or features.shape[1] != architecture.inputs:
        raise AssayError(
            f"The features have the shape {features.shape}, the model takes {architecture.inputs} columns.",
            code="features",
            hint="Give an array (rows, columns).",
        )
    target, fits = _target(np.asarray(y), architecture, dtype)
    if target.shape != (len(features),):
        raise AssayError(f"{len(features)} rows have targets of shape {target.shape}.", code="label")
    with np.errstate(over="ignore"):
        squares = np.einsum("ij,ij->i", features, features, dtype=np.float64)
        usable = np.isfinite(squares.astype(dtype)) & fits
    if not usable.all():  # most often all are, and the rows need not be copied
        features, target, squares = features[usable], target[usable], squares[usable]
    reach = (1 / np.sqrt(squares + 1)).astype(dtype)
    if units is None:
        return Examples(features, target, reach)
    if most < 1:
        raise AssayError("A unit has at least one row.", code="units", hint="Give max_rows from 1.")
    return Examples(features, target, reach, _members(np.asarray(units)[usable], most, generator))


def _target(y: NDArray[Any], architecture: Architecture, dtype: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Targets in the type the loss wants, and which of them can be used."""
    if architecture.output is Output.NUMBER:
        target = y.astype(dtype)
        return target, np.isfinite(target)
    classes = 2 if architecture.output is Output.BINARY else architecture.outputs
    fits = np.isfinite(y) & (y >= 0) & (y < classes)
    codes = np.where(fits, y, 0).astype(np.intp)
    return (codes.astype(dtype) if architecture.output is Output.BINARY else codes), fits


def _members(units: NDArray[Any], most: int, generator: np.random.Generator | None) -> Places:
    """(units, most) places; where a unit has more rows, a random choice of them."""
    order = np.arange(len(units)) if generator is None else generator.permutation(len(units))
    codes = np.unique(units[order], return_inverse=True)[1]
    by_unit = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    rank = np.arange(len(units)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = rank < most
    members = np.full((len(sizes), most), -1, dtype=np.intp)
    members[codes[by_unit][kept], rank[kept]] = order[by_unit][kept]
    return members
