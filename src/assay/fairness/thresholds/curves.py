"""The ROC points of every group: what each cutoff would select."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.data.coding import Bins, Dim
from assay.data.counts import Counts
from assay.fairness.mitigation.groups import Codes, Groups

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """The points of one group. Cutoff i selects the scores `>= cutoffs[i]`; the first selects nobody, the last all.

    `positives[i]` and `negatives[i]` are the selected rows (sums of weights) of outcome 1 and 0; both rise.
    """

    cutoffs: Floats
    positives: Floats
    negatives: Floats

    @property
    def selected(self) -> Floats:
        """Rows each cutoff selects."""
        return self.positives + self.negatives

    @property
    def rows(self) -> float:
        """Rows of the group."""
        return float(self.selected[-1])


def curves_of_rows(
    score: Floats, y: NDArray[np.int64], codes: Codes, groups: int, /, *, weight: Floats | None = None
) -> list[Curve]:
    """One Curve a group with every distinct score as a point; cutoffs lie midway between neighbouring scores."""
    small = codes.astype(np.uint16) if groups < 1 << 16 else codes  # a narrow integer is sorted by radix
    by_group = np.argsort(small, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=groups))
    out = []
    for rows in np.split(by_group, ends[:-1]):
        weights = None if weight is None else weight[rows]
        out.append(_curve(score[rows], y[rows], weights))
    return out


def _curve(score: Floats, y: NDArray[np.int64], weight: Floats | None) -> Curve:
    order = np.argsort(score)[::-1]
    falling = score[order]
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)) if len(falling) else np.zeros(0, dtype=int)
    if weight is None:
        positives = np.cumsum(y[order], dtype=np.float64)[last]
        negatives = last + 1.0 - positives
    else:
        heavy = weight[order]
        positives = np.cumsum(np.where(y[order] == 1, heavy, 0.0))[last]
        negatives = np.cumsum(np.where(y[order] == 0, heavy, 0.0))[last]
    return Curve(_midway(falling[last]), np.append(0.0, positives), np.append(0.0, negatives))


def _midway(falling: Floats) -> Floats:
    """Cutoffs between distinct scores in falling order, after one that selects nobody; the last selects everybody."""
    upper, lower = falling[:-1], falling[1:]
    middle = lower / 2 + upper / 2
    between = np.where((middle > lower) & (middle <= upper), middle, upper)
    ends = ([np.inf], [-np.inf]) if len(falling) else ([np.inf], [])
    return np.concatenate([ends[0], between, ends[1]])


@dataclass(frozen=True, eq=False)
class GroupCurves:
    """The groups of a Counts and one Curve of each."""

    groups: Groups
    curves: list[Curve]


def curves_of_counts(counts: Counts, attributes: Sequence[str], /) -> GroupCurves:
    """One Curve for each group of `attributes` (crossed where there are several), with every score bin as a point.

    Cutoffs are the lower edges of the bins, so that a rule on bins is a rule on scores. Rows without label or score
    are in no Curve; weighted rows count by their weight.
    """
    levels, curves = [], []
    for group in counts.groups(attributes):
        table = group.counts.marginal("label", "score")
        dim = table.dim("score")
        numbers = [int(level) for level in dim.levels if level is not None]
        positives, negatives = (_row(table, dim, label) for label in ("1", "0"))
        cutoffs = np.array([_lower_edge(dim, number) for number in reversed(numbers)])
        if len(cutoffs):
            cutoffs[-1] = -np.inf
        falling = [np.append(0.0, np.cumsum(row[: len(numbers)][::-1])) for row in (positives, negatives)]
        curves.append(Curve(np.append(np.inf, cutoffs), falling[0], falling[1]))
        levels.append(tuple(group.slice.values()))
    return GroupCurves(Groups(tuple(attributes), tuple(levels)), curves)


def _row(table: Counts, dim: Dim, label: str) -> Floats:
    """Rows of one outcome by bin."""
    place = table.dim("label").code(label)
    return np.zeros(len(dim.levels)) if place is None else table.table("label", "score")[place]


def _lower_edge(dim: Dim, number: int) -> float:
    if not isinstance(dim.coding, Bins):
        raise AssayError("The score is not counted in bins.", code="score", hint="Count a numeric score.")
    return dim.coding.edges[number - 1] if number else -np.inf
