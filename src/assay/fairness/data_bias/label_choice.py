"""Whether the same score stands for the same outcome in every group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Measure, Slice
from assay.fairness.data_bias.case_rows import CaseRows, Codes, Floats, Grouping
from assay.fairness.data_bias.slopes import slope, uncertainty
from assay.fairness.words import empty_denominator, left_out_rows, too_few_groups

BIN_ROWS = 50
"""Fewest rows a score bin has on average."""


@dataclass(frozen=True, eq=False)
class AtScore:
    """What is compared at the same score: `outcome` and `score` by row, called `name` in the Measures."""

    name: str
    outcome: Floats
    score: Floats
    bins: int


def differences_at_score(rows: CaseRows, asked: AtScore, /, *, depth: int, level: float) -> Iterator[Measure]:
    """The Measure `asked.name` of every group over each attribute and crossing."""
    known = np.isfinite(asked.outcome) & np.isfinite(asked.score)
    missing = len(known) - int(known.sum())
    notes = (*rows.notes, *((left_out_rows(missing, "a score or an outcome"),) if missing else ()))
    if not known.any():
        reason = empty_denominator("rows with score and outcome")
        yield Measure(asked.name, None, 0, reason=reason, notes=notes)
        return
    strata = score_bins(asked.score[known], asked.bins)
    for grouping in rows.groupings(depth=depth):
        groups = grouping.codes[known]
        present = np.unique(groups)
        for group in present:
            slice_ = grouping.slices[group]
            if len(present) < 2:
                reason = too_few_groups([slice_])
                yield Measure(asked.name, None, len(groups), slice=slice_, over=grouping.over, reason=reason)
                continue
            yield _difference(rows, asked, known, strata, grouping, groups == group, slice_, level=level, notes=notes)


def score_bins(score: Floats, bins: int, /) -> Codes:
    """(rows,) bins of about equal size, fewer where rows are few; equal scores share a bin."""
    count = max(1, min(bins, len(score) // BIN_ROWS))
    edges = np.unique(np.quantile(score, np.linspace(0, 1, count + 1)[1:-1]))
    return np.unique(np.searchsorted(edges, score, "right"), return_inverse=True)[1].reshape(-1).astype(np.int64)


def _difference(
    rows: CaseRows,
    asked: AtScore,
    known: NDArray[np.bool_],
    strata: Codes,
    grouping: Grouping,
    member: NDArray[np.bool_],
    slice_: Slice,
    /,
    *,
    level: float,
    notes: tuple[Message, ...],
) -> Measure:
    weights = None if rows.weights is None else rows.weights[known]
    found = slope(
        asked.outcome[known],
        member.astype(np.float64),
        strata=strata,
        along=asked.score[known],
        weights=weights,
        frequency=rows.frequency,
    )
    n = int(member.sum()), int((~member).sum())
    if found is None:
        none = Message("no-stratum", "no score has both rows of the group and others")
        return Measure(asked.name, None, n, slice=slice_, over=grouping.over, reason=none, notes=notes)
    units = None if rows.units is None else rows.units[known]
    sure = uncertainty(found.value, found.terms, member, spent=1, units=units, level=level)
    return Measure(
        asked.name,
        found.value,
        n,
        slice=slice_,
        over=grouping.over,
        groups=(slice_,),
        interval=sure.interval,
        p_value=sure.p_value,
        family=asked.name,
        method=f"group minus others at the same score, least squares within {int(strata.max()) + 1} score bins",
        notes=notes,
    )
