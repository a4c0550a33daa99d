"""Rows in the order of their scores, where equal scores share their places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ranking:
    """(rows,) `order`, the highest score first; `starts` the first place of each run of equal scores in it.

    `ranking` (runs,) is the code of the ranking that a run is in: one order may hold several, one behind the other.
    """

    order: Codes
    starts: Codes
    ranking: Codes

    @classmethod
    def of(cls, scores: Floats, /, *, apart: Codes | None = None) -> Ranking:
        """One ranking of all rows, or with `apart` (rows,) one for every code, one behind the other."""
        group = np.zeros(len(scores), dtype=np.int64) if apart is None else apart
        order = np.lexsort((-scores, group))
        score, of = scores[order], group[order]
        new = np.r_[True, (score[1:] != score[:-1]) | (of[1:] != of[:-1])]
        starts = np.flatnonzero(new)
        return cls(order, starts, of[starts])

    def runs(self, values: Floats, /) -> Floats:
        """Sum of (rows,) values over every run of equal scores, in their order."""
        return np.asarray(np.add.reduceat(values[self.order], self.starts), dtype=np.float64)

    def discounts(self) -> Floats:
        """(runs,) mean of 1/log2(1 + place) over the places that a run shares, counted from 1 in each ranking."""
        discounted, last = cumulative_discounts(len(self.order)), np.r_[self.starts[1:], len(self.order)]
        new = np.r_[True, self.ranking[1:] != self.ranking[:-1]]
        behind = self.starts[new][np.cumsum(new) - 1]
        total = discounted[last - behind] - discounted[self.starts - behind]
        return np.asarray(total / (last - self.starts), dtype=np.float64)

    def spread(self, values: Floats, /) -> Floats:
        """(rows,) the value of each row's run, in the order of the rows."""
        sizes = np.diff(np.r_[self.starts, len(self.order)])
        out = np.empty(len(self.order))
        out[self.order] = np.repeat(values, sizes)
        return out


def cumulative_discounts(places: int, /) -> Floats:
    """(places + 1,) sum of 1/log2(1 + place) over the first so many places (Jarvelin & Kekalainen 2002)."""
    return np.concatenate([np.zeros(1), np.cumsum(1 / np.log2(1 + np.arange(1, places + 1)))])


@dataclass(frozen=True, eq=False)
class Resample:
    """A ranking of as many rows drawn anew: their `scores`, and the row whose group and label each has."""

    scores: Floats
    source: Codes


def resamples(scores: Floats, /, *, replicates: int, rng: np.random.Generator) -> list[Resample]:
    """Draws of rows in which each takes group and label of a row near its place: a smoothed bootstrap.

    A plain bootstrap leaves the first place to the row that has it or to the next, so that it misses most of what
    the group in front owes to chance. Near are the n^(2/3) / 2 places on either side. Rows drawn twice do not tie;
    rows whose scores were equal do.
    """
    n = len(scores)
    found = Ranking.of(scores)
    sizes = np.diff(np.r_[found.starts, n])
    run, tied = np.repeat(np.arange(len(sizes)), sizes), np.repeat(sizes > 1, sizes)
    reach = max(1, round(n ** (2 / 3) / 2))
    out = []
    for _ in range(replicates):
        drawn = np.sort(rng.integers(0, n, n))
        near = np.abs(drawn + rng.integers(-reach, reach + 1, n))
        near = np.minimum(near, 2 * (n - 1) - near)
        place = run[drawn] + np.where(tied[drawn], 0.0, np.arange(n) / (2 * n))
        out.append(Resample(np.negative(place).astype(np.float64), found.order[near]))
    return out
