"""How well a group can be told from features, measured on rows the model was not fitted on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from assay.core.measure import Interval

FOLDS = 5
PRIOR_ROWS = 10.0
"""Rows of the overall share that each bin of a target-mean model is pulled towards."""

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HeldOutAUC:
    """Mean AUC over folds and groups, and its standard error; `smaller` is the smaller side of a ranking, in rows."""

    value: float
    standard_error: float
    smaller: int


def assign_folds(groups: Codes, units: Codes | None, /, *, rng: np.random.Generator) -> Codes:
    """(rows,) fold numbers: equal shares of each group in each fold; where units repeat, each in one fold."""
    if units is not None:
        fold_of_unit = rng.permutation(int(units.max()) + 1) % FOLDS
        return np.asarray(fold_of_unit[units], dtype=np.int64)
    folds = np.empty(len(groups), dtype=np.int64)
    start = 0
    for group in np.unique(groups):
        rows = rng.permutation(np.flatnonzero(groups == group))
        folds[rows] = (np.arange(len(rows)) + start) % FOLDS
        start += len(rows)
    return folds


def target_means(codes: Codes, groups: Codes, wanted: Sequence[int], folds: Codes, /) -> Floats:
    """(rows, wanted) share of each wanted group in the row's bin, from the other folds only.

    Pulled towards the overall share as if `PRIOR_ROWS` more rows lay in the bin (Micci-Barreca 2001).
    """
    bins = int(codes.max()) + 1
    out = np.empty((len(codes), len(wanted)))
    cell = folds * bins + codes
    rows = np.bincount(cell, minlength=FOLDS * bins).reshape(FOLDS, bins)
    rows_left = rows.sum(axis=0) - rows
    for k, group in enumerate(wanted):
        hits = np.bincount(cell[groups == group], minlength=FOLDS * bins).reshape(FOLDS, bins)
        hits_left = hits.sum(axis=0) - hits
        prior = hits_left.sum(axis=1, keepdims=True) / np.maximum(rows_left.sum(axis=1, keepdims=True), 1)
        table = (hits_left + PRIOR_ROWS * prior) / (rows_left + PRIOR_ROWS)
        out[:, k] = table[folds, codes]
    return out


def fitted_scores(fit: Callable[[Codes, Codes], Floats], folds: Codes, columns: int, /) -> Floats:
    """(rows, columns) scores of each fold: `fit(training rows, testing rows)` gives those of the testing rows."""
    out = np.empty((len(folds), columns))
    for fold in range(FOLDS):
        testing = np.flatnonzero(folds == fold)
        if len(testing):
            out[testing] = fit(np.flatnonzero(folds != fold), testing)
    return out


def held_out_auc(
    scores: Floats, groups: Codes, wanted: Sequence[int], folds: Codes, /, *, units: Codes | None = None
) -> HeldOutAUC | None:
    """Mean over folds and wanted groups of the AUC of one group against the rest; None where no fold has both.

    `scores[:, k]` ranks the rows by group `wanted[k]`. Averaging folds, not pooling them, keeps the expectation at
    1/2 for a feature that says nothing. Standard error by the influence of each row on the mean (LeDell, Petersen
    & van der Laan 2015, section 4; DeLong, DeLong & Clarke-Pearson 1988), summed within `units` where given.
    """
    values: list[float] = []
    influence = np.zeros(len(groups))
    smaller = 0
    for k, group in enumerate(wanted):
        positive = groups == group
        smaller += int(min(positive.sum(), (~positive).sum()))
        for fold in range(FOLDS):
            rows = np.flatnonzero(folds == fold)
            part = _placements(scores[rows, k], positive[rows])
            if part is not None:
                values.append(part.value)
                influence[rows] += part.influence
    if not values:
        return None
    influence /= len(values)
    by_unit = influence if units is None else np.bincount(units, weights=influence)
    return HeldOutAUC(float(np.mean(values)), float(np.sqrt((by_unit**2).sum())), smaller // len(wanted))


@dataclass(frozen=True, slots=True)
class _Placed:
    value: float
    influence: Floats


def _placements(scores: Floats, positive: NDArray[np.bool_]) -> _Placed | None:
    """The AUC with ties as one half, and the influence of every row on it."""
    high, low = np.sort(scores[positive]), np.sort(scores[~positive])
    if not len(high) or not len(low):
        return None
    below = (np.searchsorted(low, scores, "left") + np.searchsorted(low, scores, "right")) / (2 * len(low))
    above = 1 - (np.searchsorted(high, scores, "left") + np.searchsorted(high, scores, "right")) / (2 * len(high))
    value = float(below[positive].mean())
    return _Placed(value, np.where(positive, (below - value) / len(high), (above - value) / len(low)))


def p_above_half(auc: HeldOutAUC, /) -> float:
    """One-sided p-value of an AUC above 1/2, by the normal approximation.

    A feature that says nothing makes the mean over folds a degenerate U-statistic of pairs of training and testing
    rows, whose variance is twice what the influence of the testing rows shows (Hoeffding 1948, section 5; simulated in
    the tests). Where every pair is ordered, so that the rows show no variance, that of the rank-sum test is taken.
    """
    if auc.standard_error > 0:
        return 0.5 * math.erfc((auc.value - 0.5) / auc.standard_error / 2)
    if auc.value <= 0.5:
        return 1.0
    error = math.sqrt((2 * auc.smaller + 1) / (12 * auc.smaller**2))
    return 0.5 * math.erfc((auc.value - 0.5) / error / math.sqrt(2))


def interval_of(auc: HeldOutAUC, /, *, level: float) -> Interval | None:
    """DeLong's interval on the logit scale; where every pair is ordered, Wilson's bound for the smaller side.

    None where the scores show no variance though not all pairs are ordered, as those of a constant feature. Near 1/2
    the variance is doubled, for the reason given at `p_above_half`; the addition fades with the square of the distance
    from 1/2 in standard errors, where which rows are ranked higher no longer depends on luck.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    if not 0 < auc.value < 1:
        bound = auc.smaller / (auc.smaller + z * z)
        low, high = (bound, 1.0) if auc.value == 1 else (0.0, 1 - bound)
        return Interval(low, high, level, "Wilson bound, all pairs ordered")
    if auc.standard_error == 0:
        return None
    centre = math.log(auc.value / (1 - auc.value))
    distance = abs(auc.value - 0.5) / auc.standard_error
    doubling = min(1.0, 2 * (z / distance) ** 2) if distance > 0 else 1.0
    reach = z * math.sqrt(1 + doubling) * auc.standard_error / (auc.value * (1 - auc.value))
    low, high = (1 / (1 + math.exp(-min(max(x, -700.0), 700.0))) for x in (centre - reach, centre + reach))
    return Interval(low, high, level, "DeLong by folds, logit")
