"""Attention by group where rows answer many queries: within each query, then averaged over the queries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from assay.core.measure import Measure
from assay.fairness.individual.judged import RowGroups
from assay.fairness.ranking.exposure import Attention, attention, attention_gap, group_attention, group_ndcg
from assay.fairness.ranking.order import Codes, Floats


@dataclass(frozen=True, eq=False)
class Queries:
    """Rows of whole queries: (rows,) `codes` of the queries, sorted, and the places `starts` where each begins."""

    codes: Codes
    starts: Codes

    @classmethod
    def of(cls, codes: Codes, /) -> Queries:
        """The Queries of codes that are sorted."""
        if not len(codes):
            return cls(codes, codes)
        return cls(codes, np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]))

    def __len__(self) -> int:
        return len(self.starts)

    def parts(self) -> Iterator[slice]:
        """The rows of each query."""
        for start, stop in zip(self.starts, (*self.starts[1:], len(self.codes)), strict=True):
            yield slice(int(start), int(stop))


def whole_queries(codes: Codes, /, *, most: int, rng: np.random.Generator) -> Codes:
    """Places of the rows of whole queries, drawn at random until `most` rows are reached, query by query."""
    sizes = np.bincount(codes)
    if not len(sizes):
        return np.zeros(0, dtype=np.int64)
    order = rng.permutation(np.flatnonzero(sizes)) if len(codes) > most else np.flatnonzero(sizes)
    fits = np.cumsum(sizes[order]) <= most
    fits[0] = True
    kept = np.flatnonzero(np.isin(codes, order[fits]))
    return kept[np.argsort(codes[kept], kind="stable")]


def by_query(scores: Floats, groups: RowGroups, labels: Floats | None, queries: Queries, /) -> Attention:
    """The Attention of each query, (queries, groups); NaN for a group without rows in it."""
    k = len(groups.slices)
    found = [
        attention(scores[part], groups.codes[part], None if labels is None else labels[part], groups=k)
        for part in queries.parts()
    ]
    return Attention(*(np.array([getattr(one, name) for one in found]) for name in ("exposure", "per_merit", "ndcg")))


def query_measures(
    groups: RowGroups,
    scores: Floats,
    labels: Floats | None,
    queries: Queries,
    /,
    *,
    replicates: int,
    level: float,
    rng: np.random.Generator,
) -> Iterator[Measure]:
    """`exposure`, `exposure_per_merit` and `ndcg` of each group, means over the queries in which the group has rows.

    Intervals are from a bootstrap of whole queries: rows of one query are not independent.
    """
    apart = by_query(scores, groups, labels, queries)
    draws = rng.integers(0, len(queries), (replicates, len(queries)))
    for name, table in (("exposure", apart.exposure), ("exposure_per_merit", apart.per_merit)):
        if name != "exposure" and labels is None:
            return
        values, drawn = _means(table), np.array([_means(table[draw]) for draw in draws])
        for g in range(len(groups.slices)):
            yield group_attention(groups, name, g, float(values[g]), drawn[:, g], level=level, p_value=None)
        yield attention_gap(groups, name, values, drawn, level=level)
    values, drawn = _means(apart.ndcg), np.array([_means(apart.ndcg[draw]) for draw in draws])
    for g in range(len(groups.slices)):
        yield group_ndcg(groups, g, float(values[g]), drawn[:, g], level=level)


def _means(table: Floats) -> Floats:
    """(groups,) means over the queries that have a number; NaN where none has."""
    known = np.isfinite(table)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(known, table, 0.0).sum(axis=0) / known.sum(axis=0), dtype=np.float64)
