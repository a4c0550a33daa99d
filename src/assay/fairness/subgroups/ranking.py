"""By what slices are ranked, and how high a slice inside another may rank at most."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown

Floats = NDArray[np.float64]
RankBy = Literal["score", "difference", "significance"]


@dataclass(frozen=True, slots=True)
class AllRows:
    """What is known of all rows: their number, the total of the outcome, its largest value and its variance.

    The outcome is not negative. `variance` has N - 1 in the denominator, as under permutation.
    """

    rows: int
    total: float
    highest: float
    variance: float

    @classmethod
    def of(cls, values: Floats, /) -> AllRows:
        """Of one finite number a row, none negative; anything else is an AssayError."""
        if not len(values):
            raise AssayError("There are no rows to search.", code="empty-denominator")
        if not np.isfinite(values).all() or values.min() < 0:
            raise AssayError(
                "Slices are searched for by finite numbers that are not negative.",
                code="outcome",
                hint="Give an error or a loss a row, with rows that have none left out.",
            )
        variance = float(values.var(ddof=1)) if len(values) > 1 else 0.0
        return cls(len(values), float(values.sum()), float(values.max()), variance)


@dataclass(frozen=True)
class Ranking:
    """`values(n, totals)` ranks slices of n rows whose outcomes sum to totals, higher first; grows with the totals.

    Among slices that are allowed the same share of the highest outcome it grows with n, and for a fixed total it
    falls with n or is highest at an end: on that `bounds` rests. Slices that are not above `floor` are no finds.
    """

    values: Callable[[Floats, Floats], Floats]
    highest: float
    support: int
    floor: float = 0.0

    def bounds(self, n: Floats, totals: Floats, /) -> Floats:
        """The most that any slice of `support` rows or more inside a slice (n, totals) can rank.

        Such a slice has s rows from `support` to n, and a total of at most min(totals, s × highest): the rank is
        greatest at one end of s or where the two meet (Sagadeeva & Boehm 2021, section 3.1, for their score).
        """
        best = np.full(n.shape, -np.inf)
        meeting = np.clip(totals / self.highest, self.support, n) if self.highest > 0 else n
        for size in (np.minimum(float(self.support), n), meeting, n):
            best = np.maximum(best, self.values(size, np.minimum(totals, size * self.highest)))
        return best


def ranking(by: RankBy, outcomes: AllRows, /, *, support: int, alpha: float) -> Ranking:
    """The Ranking called `by`; a slice of all rows, or of outcomes that are all 0, is never a find."""
    rows, total = float(outcomes.rows), outcomes.total
    if by == "score":
        if not 0 < alpha <= 1:
            raise AssayError(f"alpha = {alpha} weighs nothing.", code="parameter", hint="Give a number in (0, 1].")
        return Ranking(lambda n, t: sliceline(n, t, rows, total, alpha), outcomes.highest, support)
    if by == "difference":
        return Ranking(lambda n, t: excess(n, t, rows, total), outcomes.highest, support)
    if by == "significance":
        spread = outcomes.variance
        return Ranking(lambda n, t: permutation_z(n, t, rows, total, spread), outcomes.highest, support)
    raise unknown("ranking", by, get_args(RankBy))


def sliceline(n: Floats, totals: Floats, rows: float, total: float, alpha: float, /) -> Floats:
    """α (mean in the slice / mean of all - 1) - (1 - α) (N/n - 1): large errors in large slices.

    0 is the score of all rows together. Source: Sagadeeva & Boehm, SliceLine, SIGMOD 2021, definition 1.
    """
    if total <= 0:
        return np.full(n.shape, -np.inf)
    return np.asarray(alpha * (totals / n * (rows / total) - 1) - (1 - alpha) * (rows / n - 1))


def excess(n: Floats, totals: Floats, rows: float, total: float, /) -> Floats:
    """Mean in the slice minus mean of the other rows; -inf where there are no others."""
    rest = np.maximum(rows - n, 1e-300)
    return np.where(n < rows, totals / n - (total - totals) / rest, -np.inf)


def permutation_z(n: Floats, totals: Floats, rows: float, total: float, variance: float, /) -> Floats:
    """(total - n mean) over its standard deviation when the outcomes are shuffled over the rows; -inf without any.

    The variance of a sum of n draws without replacement is n (1 - n/N) S² (Cochran 1977, theorem 2.2).
    """
    spread = n * (1 - n / rows) * variance
    shuffled = np.sqrt(np.where(spread > 0, spread, 1.0))
    return np.where(spread > 0, (totals - n * (total / rows)) / shuffled, -np.inf)


def support_rows(share: float, rows: int, /) -> int:
    """The fewest rows of a slice: `share` of all rows, and never under 32."""
    if not 0 < share < 1:
        raise AssayError(f"support = {share} is no share of the rows.", code="parameter", hint="For example 0.01.")
    return max(32, math.ceil(share * rows))
