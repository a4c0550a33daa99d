"""Whose value each row gets: anybody's, or that of somebody alike in all other columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.explain.columns import Columns, Floats

Places = NDArray[np.int64]
FEW_LEVELS = 10
"""Categories of at most so many levels are told apart one by one; others by their codes."""


def donors(strata: NDArray[np.int64], /, *, repeats: int, rng: np.random.Generator) -> Places:
    """(repeats, rows) place of the row whose value each row gets: another one of its stratum, each time another.

    Within a stratum the rows stand in a random circle, and each gets the value of the one r places on: every pair is
    drawn with equal chance, nobody gets their own value, and no pair comes twice. That makes the mean over pairs a
    U-statistic without the 1/n of rows that keep their own (Fisher, Rudin & Dominici 2019, eq. 3.3).
    Raises AssayError where a stratum has no more than `repeats` rows.
    """
    n = len(strata)
    order = np.lexsort((rng.random(n), strata))
    starts = np.flatnonzero(np.diff(strata[order], prepend=strata[order[0]] - 1))
    sizes = np.diff([*starts, n])
    if repeats < 1 or sizes.min() <= repeats:
        raise AssayError(
            f"{repeats} repeats need more than {repeats} rows to exchange values; there are {int(sizes.min())}.",
            code="repeats",
            hint="Give fewer repeats (at least 1), or more rows.",
        )
    first, size = np.repeat(starts, sizes), np.repeat(sizes, sizes)
    within = np.arange(n) - first
    out = np.empty((repeats, n), dtype=np.int64)
    for r in range(repeats):
        out[r, order] = order[first + (within + r + 1) % size]
    return out


def strata(columns: Columns, rows: Floats, places: Sequence[int], /, *, least: int, seed: int) -> NDArray[np.int64]:
    """(rows,) the leaf of each row in a tree that tells the columns at `places` from all others.

    Rows in one leaf are alike in what the others say of these columns, so that exchanging values within leaves leaves
    their dependence (nearly) as it is: the conditional subgroups of Molnar, König, Bischl & Casalicchio (2023), Data
    Mining and Knowledge Discovery 38:2903, after Strobl et al. (2008), BMC Bioinformatics 9:307. Leaves have at least
    `least` rows; what the columns still share within a leaf stays in the importance. All rows are one stratum where
    there are no other columns.
    """
    from sklearn.tree import DecisionTreeRegressor

    others = [i for i in range(len(columns)) if i not in set(places)]
    if not others:
        return np.zeros(len(rows), dtype=np.int64)
    seen = np.concatenate([_seen(columns, rows, i) for i in others], axis=1)
    told = np.concatenate([_told(columns, rows, i) for i in places], axis=1)
    tree = DecisionTreeRegressor(min_samples_leaf=min(least, len(rows)), random_state=seed)
    leaves = tree.fit(seen.astype(np.float32), told).apply(seen.astype(np.float32))
    return np.asarray(leaves, dtype=np.int64)


def _seen(columns: Columns, rows: Floats, place: int) -> Floats:
    """A column as a tree splits it: numbers and codes as they are (NaN too), few levels one by one."""
    levels = len(columns.columns[place].levels)
    if not 2 < levels <= FEW_LEVELS:
        return rows[:, [place]]
    return np.asarray(rows[:, [place]] == np.arange(levels), dtype=np.float64)


def _told(columns: Columns, rows: Floats, place: int) -> Floats:
    """A column as what is to be told: standardised ranks of numbers, the levels of a category, and what is missing."""
    from scipy.stats import rankdata

    values = rows[:, place]
    missing = np.isnan(values)
    if columns.columns[place].kind == "category":
        told = np.asarray(values[:, None] == np.unique(values[~missing]), dtype=np.float64)
    else:
        told = np.zeros((len(values), 1))
        told[~missing, 0] = rankdata(values[~missing]) if not missing.all() else 0.0
        told[missing] = told[~missing].mean() if not missing.all() else 0.0
    told = told - told.mean(axis=0)
    parts = [told / max(float(np.sqrt((told**2).sum() / len(told))), 1e-300)]
    if missing.any():
        parts.append(missing[:, None] - missing.mean())
    return np.concatenate(parts, axis=1)
