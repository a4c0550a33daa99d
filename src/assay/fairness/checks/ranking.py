"""Whether groups get the attention, and the places, in a ranking by score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.check import check
from assay.core.errors import AssayError, Message
from assay.core.measure import Measure
from assay.fairness.comparisons import SINGLED_OUT, check_depth
from assay.fairness.individual.judged import (
    RowGroups,
    favourable_labels,
    judged_rows,
    outcome_columns,
    row_groups,
    scores,
)
from assay.fairness.individual.rows_once import counts_rows_once
from assay.fairness.ranking.exposure import attention_measures
from assay.fairness.ranking.order import resamples
from assay.fairness.ranking.queries import Queries, query_measures, whole_queries
from assay.fairness.ranking.representation import rkl_measures, skew_measures

if TYPE_CHECKING:
    from assay.data.case import Case

REPLICATES, PERMUTATIONS = 300, 499


@check(
    "fairness.ranking",
    version=2,
    title="One group is ranked lower and gets less attention",
    needs=("rows", "protected", "score"),
    tasks=("binary",),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11"),
)
@counts_rows_once
def ranking(
    case: Case,
    /,
    *,
    query: str | None = None,
    depth: int = 1,
    level: float = 0.95,
    k: int = 100,
    rows: int = 20_000,
    seed: int = 0,
) -> Iterator[Measure]:
    """Exposure, exposure for merit, NDCG, rKL and skew of groups when all rows are ranked by score, the highest first.

    `exposure`: mean of 1/log2(1 + place) over the group, relative to all rows: 1 is its share, and `exposure_gap` is
    highest minus lowest. `exposure_per_merit`: exposure over the group's share of favourable labels relative to all; 1
    where attention follows merit (Singh & Joachims 2018). It is as fair as the labels are. `ndcg`: how well the group's
    own rows are ordered among themselves; it rises with the base rate and falls with the size of the group, so that
    groups are not held against each other by it. `rkl`: how far the tops of 10, 20, 30 … places differ from the whole,
    0 to 1 (Yang & Stoyanovich 2017). `skew_at_k`: ln of the share of the first `k` places over the share of all rows
    (Geyik et al. 2019).

    `query` names the column of the query (the search, the day, the vacancy) that a row answers: exposure, exposure for
    merit and NDCG are then taken within each query and averaged over the queries in which a group has rows, with
    intervals from a bootstrap of whole queries, of which a seeded sample is read; rKL and skew are of one ranking.

    Equal scores share their places. Without `query`, all held-out rows are one ranking, or a seeded sample of at most
    `rows`, which says less of the very top; each row counts once, whatever its weight. Rows without a score are left
    out; those without a label have a place but no merit. Over more than 30 groups none is ranked apart.

    Intervals are for new rankings of as many rows, each ranked anew by a smoothed bootstrap; in simulations that of
    `ndcg` covers some 89 times in 100 in groups under 100 rows, the others 92 or more. No limits: what share of
    attention is due is for a person to say.
    """
    check_depth(depth)
    if k < 1 or rows < 2:
        raise AssayError(f"k {k} and rows {rows} rank nothing.", code="parameter", hint="Give k from 1, rows from 2.")
    roles = case.roles
    labelled = (roles.whole_label,) if roles.whole_label else ()
    columns = (*roles.protected, *labelled, *outcome_columns(case), *((query,) if query else ()))
    table = judged_rows(case, columns, rows=case.n if query else rows, seed=seed)
    score = scores(case, table)
    known = np.zeros(table.num_rows, dtype=bool) if score is None else ~np.isnan(score)
    if score is None or known.sum() < 2:
        reason = Message("no-score", "fewer than two rows have a score")
        yield Measure("exposure_gap", None, int(known.sum()), over=(roles.protected[0],), reason=reason)
        return
    table, score = table.filter(known), score[known]
    if query:
        yield from _by_query(case, table, query, depth=depth, level=level, rows=rows, seed=seed)
        return
    labels = favourable_labels(case, table) if labelled else None
    rng = np.random.default_rng(seed)
    draws = resamples(score, replicates=REPLICATES, rng=rng)
    for groups in row_groups(table, roles.protected, depth=depth):
        if len(groups.slices) > SINGLED_OUT:
            yield _too_many(groups)
            continue
        yield from attention_measures(groups, score, labels, draws, level=level)
        yield from rkl_measures(groups, score, draws, level=level, permutations=PERMUTATIONS, rng=rng)
        yield from skew_measures(groups, score, k=k, level=level)


def _too_many(groups: RowGroups) -> Measure:
    text = "{groups} groups are too many to rank apart (most: {most})"
    reason = Message("too-many-groups", text, {"groups": len(groups.slices), "most": SINGLED_OUT})
    return Measure("exposure_gap", None, len(groups.codes), over=groups.over, reason=reason)


def _by_query(
    case: Case, table: Any, query: str, /, *, depth: int, level: float, rows: int, seed: int
) -> Iterator[Measure]:
    rng = np.random.default_rng(seed)
    asked = next(row_groups(table, (query,), depth=1))
    known = np.array([each[query] is not None for each in asked.slices])[asked.codes]
    table, codes = table.filter(known), asked.codes[known]
    kept = whole_queries(codes, most=rows, rng=rng)
    queries, table = Queries.of(codes[kept]), table.take(kept)
    if len(queries) < 2:
        reason = Message("one-query", "rows with a score answer one query only")
        yield Measure("exposure_gap", None, table.num_rows, over=(case.roles.protected[0],), reason=reason)
        return
    labels, score = favourable_labels(case, table) if case.roles.whole_label else None, scores(case, table)
    for groups in row_groups(table, case.roles.protected, depth=depth):
        if len(groups.slices) > SINGLED_OUT:
            yield _too_many(groups)
        elif score is not None:
            yield from query_measures(groups, score, labels, queries, replicates=REPLICATES, level=level, rng=rng)
