"""Bin edges that are the same on every engine: made of integers counted there, frozen here."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from assay.data.coding import Bins, Coding, Values
from assay.data.rows.protocol import Extent, Histogram, Rows, Tally

SMALL = 100_000
"""Up to so many rows, edges are taken from the distinct values themselves."""
DISTINCT = 1024
"""Up to so many distinct scores have a bin each."""
SCORE_BINS = 512
SCORE_EXPONENT = 19
"""Edges of the scores of larger data are multiples of 2**-19, about 0.000002, or of 2**-12 where that will do."""
FEATURE_VALUES = 32
"""Up to so many distinct numbers of a feature are levels of their own; more fall into as many bins."""
CELLS = 12
"""Numbers of larger data are counted in about 2**12 cells over their range, then heavy cells in 2**12 more each."""
_MISSING = (None, "NaN", "-0.0", "inf", "-inf")
"""What a column may hold besides distinct finite numbers."""
TEXTS = 256
"""A column of text with more levels keeps the most frequent, and OTHER."""


def score_bins(rows: Rows, name: str, /) -> Bins:
    """A bin for each distinct score where they are few, else about 512 bins of equal weight."""
    if rows.n <= SMALL:
        tally = rows.tally(name, most=SMALL)
        values, counts = _numbers(tally) if tally else (np.zeros(0), np.zeros(0, np.int64))
        if len(values) <= DISTINCT:
            return Bins(tuple(values.tolist()))
        return quantile_edges(values, counts, bins=SCORE_BINS)
    return _grid_bins(rows, name, exponent=CELLS, finest=SCORE_EXPONENT, bins=SCORE_BINS)


def feature_coding(rows: Rows, name: str, /) -> Coding:
    """Few values as they are; many numbers in bins of about equal weight; of many texts the most frequent.

    Times and values of other types with too many values are only told apart from missing ones.
    """
    column = rows.columns[name]
    if column.kind == "other":
        return Values(())
    if column.kind == "number":
        small = rows.n <= SMALL
        tally = rows.tally(name, most=SMALL if small else FEATURE_VALUES + len(_MISSING))
        values, counts = _numbers(tally) if tally else (np.zeros(0), np.zeros(0, np.int64))
        if tally is not None and len(values) <= FEATURE_VALUES:
            return Values()
        if small:
            return quantile_edges(values, counts, bins=FEATURE_VALUES)
        first, finest = _grid(rows.extents([name])[name])
        return _grid_bins(rows, name, exponent=first, finest=finest, bins=FEATURE_VALUES)
    tally = rows.tally(name, most=TEXTS + 1)
    if tally is not None and len(tally.by_level.keys() - {None}) <= TEXTS:
        return Values()
    return Values(_kept(rows.frequent(name, places=TEXTS - 1)) if column.kind == "text" else ())


def _numbers(tally: Tally) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distinct finite doubles, ascending, and their rows."""
    raw = np.array([math.nan if v is None else v for v in tally.raw], dtype=float) + 0.0
    finite = np.isfinite(raw)
    values, where = np.unique(raw[finite], return_inverse=True)
    counts = np.zeros(len(values), dtype=np.int64)
    np.add.at(counts, where, tally.rows[finite])
    return values, counts


def _kept(tally: Tally) -> tuple[str, ...]:
    by_level = [level for level in tally.by_level if level is not None]
    return tuple(sorted(by_level[: TEXTS - 1]))


def quantile_edges(starts: NDArray[np.float64], counts: NDArray[np.int64], /, *, bins: int) -> Bins:
    """Edges at those of the ascending `starts` where the rank, in whole `bins`-ths of all rows, grows; at most `bins`.

    Whole-number arithmetic, so that every engine agrees; the first start is an edge.
    """
    total = int(counts.sum())
    before = np.cumsum(counts) - counts
    first = np.diff(bins * before // max(total, 1), prepend=-1) > 0
    return Bins(tuple(starts[first].tolist()))


def _grid(extent: Extent) -> tuple[int, int]:
    """Exponents of the first grid over a column of numbers, and of the finest whose cells are whole numbers."""
    low, high = extent.low or 0.0, extent.high or 0.0
    finest = min(900, 52 - math.frexp(max(abs(low), abs(high)))[1])
    return max(-900, min(finest, CELLS - math.frexp(min(high - low, 2.0**1000))[1])), finest


def _grid_bins(rows: Rows, name: str, /, *, exponent: int, finest: int, bins: int) -> Bins:
    """Quantile edges from the cells of a dyadic grid, cells with many rows taken apart."""
    histogram = rows.histogram(name, exponent=exponent)
    total = int(histogram.rows.sum())
    done: list[tuple[float, int]] = []
    while histogram.exponent < finest:
        heavy = histogram.rows > total // (2 * bins)
        done += _starts(histogram, ~heavy)
        within = histogram = Histogram(histogram.exponent, histogram.cells[heavy], histogram.rows[heavy])
        if not heavy.any():
            break
        histogram = rows.histogram(name, exponent=min(finest, within.exponent + CELLS), within=within)
        if len(histogram.cells) == len(within.cells):  # each is one value, or as good as one
            break
    done += _starts(histogram, np.ones(len(histogram.cells), dtype=bool))
    starts, counts = (np.array(column) for column in zip(*sorted(done), strict=True))
    return quantile_edges(starts.astype(float), counts.astype(np.int64), bins=bins)


def _starts(histogram: Histogram, keep: NDArray[np.bool_]) -> list[tuple[float, int]]:
    starts = np.ldexp(histogram.cells[keep].astype(float), -histogram.exponent)
    return list(zip(starts.tolist(), histogram.rows[keep].tolist(), strict=True))
