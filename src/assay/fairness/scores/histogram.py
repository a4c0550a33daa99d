"""Scores of one slice by bin: rows, effective rows and sums of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.data.counts import NOISE, Counts
from assay.stats.auc import drowned

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Rows by score bin, the lowest first: `size` is Σw (the rows without weights), `scores` is Σ w·score.

    `rows` is the number of rows, `squares` Σ over units of the square of the unit's weight. `noise` is the variance of
    the noise in each bin, where counts have any; they may then be negative.
    """

    size: Floats
    scores: Floats
    rows: int
    squares: float
    noise: float = 0.0

    @property
    def effective(self) -> float:
        """How many independent rows carry as much: Kish's (Σw)²/Σw²."""
        return float(self.size.sum()) ** 2 / self.squares if self.squares > 0 else 0.0

    def __sub__(self, part: Histogram) -> Histogram:
        """The rows outside `part`, which is some of these; a unit with rows on both sides counts in full."""
        size = self.size - part.size
        return Histogram(
            size if self.noise else np.maximum(size, 0.0),
            np.maximum(self.scores - part.scores, 0.0),
            max(0, self.rows - part.rows),
            self.squares - part.squares,
            self.noise - part.noise,
        )

    @property
    def drowned(self) -> bool:
        """True where the noise leaves it open whether there are any rows at all."""
        return drowned(float(self.size.sum()), self.noise * len(self.size))


def score_bins(counts: Counts, /) -> dict[str, int]:
    """Place of each score bin that has rows, the lowest first."""
    levels = [level for level in counts.dim("score").levels if level is not None]
    return {level: place for place, level in enumerate(levels)}


def pooled_scores(counts: Counts, /, *, bins: int) -> Counts:
    """The same Counts with at most `bins` runs of neighbouring score bins of about equal rows, numbered from 0.

    A fine bin goes to the run in which the middle of its rows falls; a missing score stays missing.
    """
    dim = counts.dim("score")
    rows = counts.table("score", sum="n")[: len(score_bins(counts))]
    middle = (np.cumsum(rows) - rows / 2) / max(1.0, rows.sum())
    runs = [str(min(bins - 1, int(place * bins))) for place in middle]
    coarse = replace(dim, levels=(*runs, *((None,) if None in dim.levels else ())))
    dims = [coarse if one.key == dim.key else one for one in counts.dims]
    return Counts.from_codes(
        dims, counts.codes, counts.sums, scales=counts.scales, weights=counts.weights, pairs=counts.pairs
    )


def histogram(counts: Counts, bins: Mapping[str, int], /, *, labels: Sequence[str] = ()) -> Histogram:
    """The rows that have a score (and one of `labels`, where given) by bin."""
    part = counts.where({"label": tuple(labels)}) if labels else counts
    levels = part.dim("score").levels
    if None in levels:
        part, levels = part.where({"score": levels[:-1]}), levels[:-1]
    places = [bins[level] for level in levels if level is not None]

    def table(sum: str) -> Floats:
        out = np.zeros(len(bins))
        out[places] = part.table("score", sum=sum)
        return out

    share = part.share({})
    effective = share.blur.independent if share.blur else share.effective
    squares = share.total**2 / effective if effective > 0 else 0.0
    scores = table("score") if "score" in counts.sums else np.zeros(len(bins))
    noise = part.total(NOISE) / len(bins) if NOISE in part.sums else 0.0
    return Histogram(table(""), scores, share.rows, squares, noise)
