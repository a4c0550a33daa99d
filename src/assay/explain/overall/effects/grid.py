"""At which values of a column an effect is looked at."""

from __future__ import annotations

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Column, Floats

MOST_LEVELS = 20
"""Levels of a category that are looked at, the most frequent."""


def grid(column: Column, values: Floats, /, *, points: int, within: tuple[float, float]) -> Floats:
    """(at most `points`,) distinct values that rows have, in ascending order; the levels of a category.

    Of a number: quantiles evenly spaced between the two of `within`, or all values where they are as few. Of a
    category: its levels with rows, the most frequent MOST_LEVELS, in the order of their names. Missing is no value.
    Raises AssayError where no row has a value.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        raise AssayError(f"Column {column.name!r} is missing in every row.", code="column", hint="Ask about another.")
    if not (points >= 2 and 0 <= within[0] < within[1] <= 1):
        raise AssayError("A grid has two points or more, between two quantiles.", code="grid", hint="20, (0.05, 0.95).")
    distinct, rows = np.unique(known, return_counts=True)
    if column.kind == "category":
        kept = np.sort(np.argsort(-rows, kind="stable")[:MOST_LEVELS])
        return np.asarray(distinct[kept], dtype=np.float64)
    if len(distinct) <= points:
        return np.asarray(distinct, dtype=np.float64)
    return np.unique(np.quantile(known, np.linspace(*within, points), method="inverted_cdf"))


def edges(column: Column, values: Floats, /, *, intervals: int) -> Floats:
    """(at most `intervals` + 1,) ends of intervals with about as many rows each, the least and the greatest value too.

    Ends are values of rows, so that whole numbers stay whole. Raises AssayError for a category (its levels have no
    order, and an effect that is accumulated along an invented one is no effect), and for a constant.
    """
    if column.kind == "category":
        raise AssayError(
            f"Column {column.name!r} has levels without an order, so that nothing accumulates along it.",
            code="column",
            hint="Ask for its partial dependence.",
        )
    known = values[~np.isnan(values)]
    found = np.unique(np.quantile(known, np.linspace(0, 1, intervals + 1), method="inverted_cdf")) if len(known) else ()
    if len(found) < 2:
        raise AssayError(
            f"Column {column.name!r} has one value only, or none.", code="column", hint="Ask about another."
        )
    return np.asarray(found)


def interval_of(values: Floats, ends: Floats, /) -> np.ndarray:
    """(rows,) the interval (ends[k], ends[k + 1]] of each value; the least value is in the first."""
    return np.asarray(np.clip(np.searchsorted(ends, values, side="left") - 1, 0, len(ends) - 2))
