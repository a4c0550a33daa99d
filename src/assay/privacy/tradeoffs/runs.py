"""Numbers of several runs become one, with an interval for the runs and for the rows together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Interval, Measure, Slice
from assay.privacy.tradeoffs.people import Bools, Codes

Floats = NDArray[np.float64]
METHOD = "mean of {runs} runs; t interval of the runs and interval of the rows, added in squares"


def t_quantile(level: float, df: float, /) -> float:
    """t with P(|T| <= t) = level for Student's T with `df` degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + level / 2))


def over_runs(found: Sequence[Measure], /, *, level: float) -> Measure:
    """The mean over runs of one number that each was given, with its interval at `level`.

    All runs are judged on the same rows, so that more runs do not make the rows more: of a mean of S runs the part
    of the rows is taken to be as wide as in one run (the mean distance of a run's ends from its value), and the part
    of the runs is Student's t times s/√S. Both are added in squares on each side (the method of variance estimates
    recovery, Zou & Donner 2008, Statistics in Medicine 27:1693). A run's interval holds noise of its own too, so that
    the sum covers more than it promises, the more the runs disagree about single rows. It is for the mean over all
    runs that this training could make of the very rows it trained on, not over other rows to train on.

    Where a run has no number the mean has none, with that run's reason. `n` and `groups` are those that most runs name.
    """
    first = found[0]
    lacking = next((one for one in found if one.value is None), None)
    if lacking is not None:
        return Measure(first.name, None, lacking.n, first.slice, over=first.over, reason=lacking.reason)
    usual = max(found, key=lambda one: sum(one.groups == other.groups for other in found))
    values = np.array([one.value for one in found], dtype=np.float64)
    mean, interval = float(values.mean()), None
    ends = [one.interval for one in found if one.interval is not None]
    if len(ends) == len(found) > 1:
        below = float(values.mean() - np.mean([end.low for end in ends]))
        above = float(np.mean([end.high for end in ends]) - values.mean())
        spread = t_quantile(level, len(found) - 1) * float(values.std(ddof=1)) / math.sqrt(len(found))
        low, high = mean - math.hypot(below, spread), mean + math.hypot(above, spread)
        interval = Interval(max(0.0, low), min(1.0, high), level, f"runs: t; rows: {ends[0].method}")
    method = METHOD.format(runs=len(found))
    return Measure(first.name, mean, usual.n, first.slice, first.over, usual.groups, interval=interval, method=method)


LOST = ("accuracy_lost", "balanced_accuracy_lost")
MORE = "_more"
"""Ends the name of what a group loses beyond all others."""


@dataclass(frozen=True, eq=False)
class Right:
    """Whether each run is right, (runs, rows), without privacy and with it; `codes` (rows,) are the true classes."""

    plain: Bools
    private: Bools
    codes: Codes

    def lost(self, name: str, mine: Bools, /, *, level: float, slice: Slice) -> Measure:
        """How much lower `name`, of LOST, is with privacy for the rows `mine`, on the very same rows."""
        cells = self._cells(name, mine)
        n = int(mine.sum())
        if any(not cell.any() for cell in cells):
            return Measure(name, None, n, slice, reason=_EMPTY)
        parts = [_Part(1 / len(cells), self, cell) for cell in cells]
        return self._contrast(name, parts, n=n, level=level, slice=slice)

    def lost_more(self, name: str, mine: Bools, /, *, level: float, slice: Slice) -> Measure:
        """How much more of `name` privacy takes from the rows `mine` than from all others, with a p-value."""
        own, rest = self._cells(name, mine), self._cells(name, ~mine)
        n, over = (int(mine.sum()), int((~mine).sum())), tuple(slice)
        if any(not cell.any() for cell in (*own, *rest)):
            return Measure(name + MORE, None, n, slice, over, reason=_EMPTY)
        parts = [_Part(sign / len(own), self, cell) for sign, cells in ((1, own), (-1, rest)) for cell in cells]
        found = self._contrast(name + MORE, parts, n=n, level=level, slice=slice)
        return replace(found, over=over, groups=(slice,), family=name + MORE)

    def _cells(self, name: str, mine: Bools) -> list[Bools]:
        """The rows whose accuracies are averaged: all of them, or those of each class."""
        if name == LOST[0]:
            return [mine]
        return [np.asarray(mine & (self.codes == code)) for code in range(int(self.codes.max()) + 1)]

    def _contrast(
        self, name: str, parts: Sequence[_Part], /, *, n: int | tuple[int, int], level: float, slice: Slice
    ) -> Measure:
        """The sum of the parts with a t interval for runs and rows.

        Runs and rows are crossed: the variance of the mean is that of the rows (of their differences averaged over
        runs, two pairs of disagreeing rows added: Bonett & Price 2012, JEBS 37:479), plus that of the runs of either
        kind over their number, less what belongs to one run and one row, which is in both (the two-way layout with
        random effects, Searle, Casella & McCulloch 1992, Variance Components, chapter 4); never less than either.
        Degrees of freedom: Satterthwaite (1946), Biometrics 2:110.
        """
        value = sum(part.share * part.value for part in parts)
        pieces = [(part.share**2 * part.variance, part.rows + 1) for part in parts]
        for private in (False, True):
            by_run = sum(part.share * part.by_run[int(private)] for part in parts)
            pieces.append((float(np.var(by_run, ddof=1)) / len(self.plain), len(self.plain) - 1))
        rows, runs = (sum(v for v, _ in side) for side in (pieces[:-2], pieces[-2:]))
        variance = max(rows, runs, rows + runs - sum(part.share**2 * part.single for part in parts))
        df = variance**2 / sum(v**2 / k for v, k in pieces)
        half, t = t_quantile(level, df) * math.sqrt(variance), value / math.sqrt(variance)
        most = sum(abs(part.share) for part in parts)
        ends = Interval(max(-most, value - half), min(most, value + half), level, "t for runs and rows, Satterthwaite")
        method = f"mean of {len(self.plain)} runs, same rows with and without privacy"
        return Measure(name, value, n, slice, interval=ends, p_value=_p(t, df), method=method)


class _Part:
    """A share of the accuracy of some rows: by run without and with privacy, and the variance that the rows bring."""

    def __init__(self, share: float, right: Right, mine: Bools) -> None:
        self.share, self.rows = share, int(mine.sum())
        sides = right.plain[:, mine], right.private[:, mine]
        self.by_run = [side.mean(axis=1) for side in sides]
        self.single = sum(map(_single, sides))
        each = sides[0].mean(axis=0) - sides[1].mean(axis=0)
        self.value = float(each.mean())
        shrunk = float(each.sum()) / (self.rows + 2)
        self.variance = ((float(each @ each) + 2) / (self.rows + 2) - shrunk * shrunk) / (self.rows + 2)


def _single(right: Bools, /) -> float:
    """The part of the variance of the mean of (runs, rows) that belongs to one run and one row alone."""
    runs, rows = right.shape
    left: Floats = right - right.mean(axis=0) - right.mean(axis=1, keepdims=True) + right.mean()
    degrees = max(1, (runs - 1) * (rows - 1))
    return float((left * left).sum()) / float(degrees * runs * rows)


_EMPTY = Message("no-rows", "no held-out row, or none of one of the classes")


def _p(t: float, df: float) -> float:
    """P(|T| >= |t|) for Student's T."""
    from scipy.special import stdtr

    return min(1.0, 2 * float(stdtr(df, -abs(t))))
