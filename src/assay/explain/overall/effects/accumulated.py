"""Accumulated local effects of one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError
from assay.explain.columns import Column, Floats
from assay.explain.overall.asked import asked
from assay.explain.overall.effects.grid import edges, interval_of
from assay.explain.question import Question
from assay.stats.quantiles import check_level

if TYPE_CHECKING:
    from assay.data.case import Case

INTERVALS = 20
ROWS = 2000
REPLICATES = 300


@dataclass(frozen=True, eq=False)
class Accumulated:
    """The centred accumulated local effect of `column` at the `ends` (intervals + 1,) of its intervals.

    `effect`, `low`, `high` (intervals + 1,), each point by itself; `rows` (intervals,) in each interval. `missing` rows
    have no value of the column and are left out.
    """

    column: Column
    ends: Floats
    effect: Floats
    low: Floats
    high: Floats
    rows: Floats
    missing: int
    target: str
    level: float

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return {
            "column": self.column.name,
            "target": self.target,
            "level": self.level,
            "rows": self.rows.tolist(),
            "missing": self.missing,
            **{name: getattr(self, name).tolist() for name in ("ends", "effect", "low", "high")},
        }


def ale(
    about: Question | Case,
    column: str,
    /,
    *,
    intervals: int = INTERVALS,
    level: float = 0.95,
    replicates: int = REPLICATES,
    limit: int = ROWS,
    seed: int = 0,
) -> Accumulated:
    """The Accumulated local effect of `column`, a number: how the answer changes within each interval, summed up.

    Each row is asked twice, at both ends of its own interval, so that no row is made that is unlike those there are,
    and correlated columns keep their effects to themselves. The mean over the rows is 0. Intervals are bootstrap
    percentiles over rows with the ends as they are. Categories have no order to accumulate along: an AssayError that
    sends to `partial_dependence`. Source: Apley & Zhu (2020), JRSS B 82:1059, eq. 15 and 16.
    """
    question = asked(about, limit=limit, seed=seed)
    place = question.columns.place(column)
    kind = question.columns.columns[place]
    ends = edges(kind, question.rows[:, place], intervals=intervals)
    rows = question.rows[~np.isnan(question.rows[:, place])]
    interval = interval_of(rows[:, place], ends)
    both = np.concatenate([rows, rows])
    both[:, place] = np.concatenate([ends[interval], ends[interval + 1]])
    below, above = question.target(both).reshape(2, len(rows))
    member = np.asarray(interval[:, None] == np.arange(len(ends) - 1), dtype=np.float64)
    sums = _accumulate(np.ones((1, len(rows))), above - below, member)[0]
    resampled = _resampled(len(rows), replicates, seed)
    tail = (1 - check_level(level)) / 2
    low, high = np.quantile(_accumulate(resampled, above - below, member), [tail, 1 - tail], axis=0)
    missing = len(question.rows) - len(rows)
    return Accumulated(kind, ends, sums, low, high, member.sum(axis=0), missing, question.target.name, level)


def _resampled(n: int, replicates: int, seed: int) -> Floats:
    """(replicates, rows) how often each row is in a sample of n rows with replacement."""
    if replicates < 2:
        raise AssayError("A bootstrap needs replicates.", code="replicates", hint="300 are usual.")
    rng = np.random.default_rng(seed)
    return np.asarray(rng.multinomial(n, np.full(n, 1 / n), size=replicates), dtype=np.float64)


def _accumulate(weights: Floats, rises: Floats, member: Floats) -> Floats:
    """(samples, intervals + 1) centred effects where row i counts `weights` (samples, rows) times.

    An interval without a row in a sample keeps the mean rise of all rows.
    """
    rows = _product(weights, member)
    everyone = (rises @ member) / np.maximum(member.sum(axis=0), 1.0)
    means = np.where(rows > 0, _product(weights, rises[:, None] * member) / np.maximum(rows, 1.0), everyone)
    out = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(means, axis=1)], axis=1)
    centre = (rows * (out[:, :-1] + out[:, 1:]) / 2).sum(axis=1) / rows.sum(axis=1)
    return np.asarray(out - centre[:, None])


def _product(weights: Floats, member: Floats) -> Floats:
    """(samples, intervals) the matrix product; so thin a one is sooner done than shared out to threads."""
    return np.asarray(np.einsum("sr,ri->si", weights, member))
