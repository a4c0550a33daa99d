"""Scores in bins, by group: what AUC, log-loss, Brier score and calibration are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Slice
from assay.data.counts import FIXED, NOISE, OWN, WW, Counts, N
from assay.quality.disaggregate import IN_NOISE, Estimate, Groups, Quantity, absent, average
from assay.stats.auc import auc, drowned
from assay.stats.quantiles import two_sided

Floats = NDArray[np.float64]
SUMS = ("squared_error", "squared_error_squared", "log_loss", "log_loss_squared")
KNOWN = "both a label and a score"


@dataclass(frozen=True, slots=True)
class ScoreBins:
    """The scored, labelled rows of one slice. Axis 0 is the label (0, 1), axis 1 the score bin, ascending.

    `weight` is Σw a cell, `rows` the rows and `sums` are Σw·v; `kish` is (Σw)² / Σ(w of a unit)² by label, and
    `kish_both` the same of both labels together. `noise` is, by label, the variance of the noise in each bin; None
    where counts are exact. Noisy ones may be negative.
    """

    weight: Floats
    rows: Floats
    sums: Mapping[str, Floats]
    kish: Floats
    kish_both: float
    noise: Floats | None = None

    @property
    def n(self) -> int:
        """Rows with both a label and a score."""
        return max(0, int(self.rows.sum()))

    @property
    def total(self) -> float:
        """Σw."""
        return float(self.weight.sum())

    def merged(self, run: NDArray[np.int64], /) -> ScoreBins:
        """The same rows in fewer bins: bin b goes to the bin numbered run[b]."""

        def add(cells: Floats) -> Floats:
            return np.stack([np.bincount(run, weights=row, minlength=int(run.max(initial=-1)) + 1) for row in cells])

        sums = {name: add(cells) for name, cells in self.sums.items()}
        return replace(self, weight=add(self.weight), rows=add(self.rows), sums=sums)


def score_bins(
    counts: Counts, attributes: tuple[str, ...] = (), /, *, of: str = "score"
) -> list[tuple[Slice, ScoreBins]]:
    """One ScoreBins for every group of `attributes` (for all rows without), in one pass over the cells.

    `of` is the role of the binned number.
    """
    label = counts.dims.index(counts.dim("label"))
    score = counts.dims.index(counts.dim(of))
    truth = np.array([{"0": 0, "1": 1}.get(v or "", -1) for v in counts.dims[label].levels], dtype=np.int64)
    bins = sum(level is not None for level in counts.dims[score].levels)
    y, b = truth[counts.codes[:, label]], counts.codes[:, score].astype(np.int64)
    keep = (y >= 0) & (b < bins)
    slices, group = _group_codes(counts, attributes)
    at = ((group * 2 + y) * bins + b)[keep]
    shape = (len(slices), 2, bins)
    sums = {name: _added(at, counts.values(name)[keep], shape) for name in counts.sums if name not in OWN}
    weight, rows = _added(at, counts.values()[keep], shape), _added(at, counts.values(N)[keep], shape)
    by_label, both = _squares(counts, group, y, keep, len(slices))
    total = weight.sum(axis=2)
    noise = _added(at, counts.values(NOISE)[keep], shape).mean(axis=2) if NOISE in counts.sums else None
    kish, kish_both = _ratio(total**2, by_label), _ratio(total.sum(axis=1) ** 2, both)
    return [
        (
            slice_,
            ScoreBins(
                weight[g],
                rows[g],
                {name: values[g] for name, values in sums.items()},
                kish[g],
                float(kish_both[g]),
                None if noise is None else noise[g],
            ),
        )
        for g, slice_ in enumerate(slices)
    ]


def score_groups(counts: Counts, /) -> Groups[ScoreBins]:
    """Every protected attribute and every pair of them, each with the ScoreBins of its groups."""
    return {attributes: score_bins(counts, attributes) for attributes in counts.groupings()}


def _group_codes(counts: Counts, attributes: tuple[str, ...]) -> tuple[list[Slice], NDArray[np.int64]]:
    """The groups that have cells, and the number of its group for each cell."""
    flat = np.zeros(len(counts), dtype=np.int64)
    if not attributes:
        return [{}], flat
    axes = [counts.dims.index(counts.dim("protected", name)) for name in attributes]
    for axis in axes:
        flat = np.unique(flat * len(counts.dims[axis].levels) + counts.codes[:, axis], return_inverse=True)[1]
    _, first = np.unique(flat, return_index=True)
    slices: list[Slice] = [
        {counts.dims[a].name: counts.dims[a].levels[counts.codes[cell, a]] for a in axes} for cell in first
    ]
    return slices, flat


def _squares(
    counts: Counts, group: NDArray[np.int64], y: NDArray[np.int64], keep: NDArray[np.bool_], groups: int
) -> tuple[Floats, Floats]:
    """Σ(w of a unit)² by group and label, and by group with both labels together."""
    if counts.pairs is None:
        squares = counts.values(WW) if counts.weights == "sampling" else counts.values()
        by_label = _added((group * 2 + y)[keep], squares[keep], (groups, 2))
        return by_label, by_label.sum(axis=1)
    i, j = counts.pairs.i, counts.pairs.j
    square = counts.pairs.square.astype(np.float64) / (FIXED * FIXED if counts.weights else 1)
    same = keep[i] & keep[j] & (group[i] == group[j])
    both = _added(group[i][same], square[same], (groups,))
    same &= y[i] == y[j]
    return _added((group[i] * 2 + y[i])[same], square[same], (groups, 2)), both


def _added(at: NDArray[np.int64], values: Floats, shape: tuple[int, ...]) -> Floats:
    return np.bincount(at, weights=values, minlength=math.prod(shape)).astype(np.float64).reshape(shape)


def _ratio(a: Floats, b: Floats) -> Floats:
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)


def quantities(*, level: float) -> tuple[Quantity[ScoreBins], ...]:
    """What is asked of the score of a binary answer."""
    losses = (("log_loss", "log_loss", math.inf), ("brier", "squared_error", 1.0))
    return (
        Quantity("auc", lambda bins: area_under_curve(bins, level=level), widest=1.0),
        *(Quantity(name, partial(mean_loss, loss, level=level), widest=most) for name, loss, most in losses),
    )


def area_under_curve(bins: ScoreBins, /, *, level: float) -> Estimate:
    """ROC AUC from the bins, with DeLong's interval on the effective n, and how far binning can have moved it."""
    noise = None if bins.noise is None else (float(bins.noise[1]), float(bins.noise[0]))
    if noise and any(map(drowned, bins.weight.sum(axis=1)[::-1], np.multiply(noise, bins.weight.shape[1]))):
        return Estimate(None, bins.n, reason=IN_NOISE)
    if bins.total <= 0:
        return absent(bins.n, KNOWN)
    if bins.weight.sum(axis=1).min() <= 0:
        reason = Message("one-class", "all rows of this slice have the same label")
        return Estimate(None, bins.n, reason=reason)
    negative, positive = bins.weight
    found = auc(positive, negative, level=level, effective=(float(bins.kish[1]), float(bins.kish[0])), noise=noise)
    words = "numbers are counted in {bins} bins; the AUC of the numbers themselves lies within {bound:.2g} of this"
    note = Message("auc-bins", words, {"bins": len(positive), "bound": found.bound})
    error = found.standard_error
    if not error and found.interval is not None:
        error = (found.interval.high - found.interval.low) / (2 * two_sided(level))
    return Estimate(
        found.value,
        bins.n,
        found.interval,
        standard_error=error,
        notes=(note,) if found.bound > 0 else (),
        method="score bins",
    )


def mean_loss(name: str, bins: ScoreBins, /, *, level: float) -> Estimate:
    """The mean of a loss that Counts keep as the sums `name` and `name`_squared."""
    if name not in bins.sums:
        reason = Message("no-sums", "the sums of {name} were not counted", {"name": name})
        return Estimate(None, bins.n, reason=reason)
    total, squares = float(bins.sums[name].sum()), float(bins.sums[f"{name}_squared"].sum())
    return average(total, squares, bins.total, bins.kish_both, bins.n, KNOWN, level=level)
