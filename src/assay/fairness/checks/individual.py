"""Whether people who are alike are treated alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from assay.core.check import check
from assay.core.errors import AssayError, Message
from assay.core.measure import Measure
from assay.fairness.comparisons import check_depth
from assay.fairness.estimates import compared
from assay.fairness.individual.gower import Gower
from assay.fairness.individual.judged import (
    Floats,
    RowGroups,
    judged_rows,
    outcome_columns,
    row_groups,
    scores,
    selected,
)
from assay.fairness.individual.neighbours import Pairs, compare_pairs, consistency, lipschitz_violations
from assay.fairness.individual.rows_once import counts_rows_once

if TYPE_CHECKING:
    from assay.data.case import Case

MOST = 5_000
"""Most rows that are compared with each other."""
NO_SCORE = Message("no-score", "there is no score and no model to make one")


@check(
    "fairness.individual",
    version=2,
    title="People who are alike are treated differently",
    needs=("rows", "features", "protected", "prediction"),
    tasks=("binary",),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11"),
)
@counts_rows_once
def individual(
    case: Case,
    /,
    *,
    depth: int = 1,
    level: float = 0.95,
    k: int = 5,
    lipschitz: float = 1.0,
    rows: int = 5_000,
    seed: int = 0,
) -> Iterator[Measure]:
    """Consistency of decisions with those of the nearest neighbours, and pairs whose scores differ more than they do.

    The metric is Gower's over the features (protected attributes are no part of it): the mean over the features of
    the difference in units of the range, or of 0 or 1 for words. It is a stand-in: whether two people are alike for
    this decision is for a person to say (Dwork et al. 2012, ITCS), and a metric that counts a proxy hides what the
    proxy does.

    `consistency` is 1 - mean |decision - mean decision of the `k` nearest others| (Zemel et al. 2013); the row itself
    is not among them, which other tools count. `lipschitz_violations` is the share of pairs with |difference of
    scores| > `lipschitz` × distance. Both overall and by group (pairs of a member with anyone), with widest gaps.
    A steep model violates more, and so does a useful one: descriptions, without limit.

    All pairs of at most `rows` held-out rows, a seeded sample of up to 5,000; each counts once, whatever its weight.
    Rows without a prediction (or score, where there is one) are left out. Time grows with the square of
    `rows`, and with the features.
    """
    check_depth(depth)
    if not (1 <= k < rows <= MOST and lipschitz > 0):
        raise AssayError(
            f"k {k}, rows {rows} and lipschitz {lipschitz} do not fit.",
            code="parameter",
            hint=f"Give 1 <= k < rows <= {MOST} and lipschitz above 0.",
        )
    roles = case.roles
    table = judged_rows(case, (*roles.features, *roles.protected, *outcome_columns(case)), rows=rows, seed=seed)
    score, known = scores(case, table), ~np.isnan(selected(case, table))
    table = table.filter(known if score is None else known & ~np.isnan(score))
    metric = Gower.of(table.select(roles.features))
    if table.num_rows < k + 2 or not metric.features:
        reason = Message("no-neighbours", "there are too few rows, or no features, to find neighbours")
        yield Measure("consistency", None, table.num_rows, reason=reason)
        return
    rng = np.random.default_rng(seed)
    groupings = list(row_groups(table, roles.protected, depth=depth))
    belongs = [one.codes == g for one in groupings for g in range(len(one.slices))]
    pairs = compare_pairs(metric, scores(case, table), np.stack(belongs, axis=1), k=k, lipschitz=lipschitz, rng=rng)
    yield from _measures(pairs, selected(case, table), groupings, level=level)


def _measures(pairs: Pairs, chosen: Floats, groupings: Sequence[RowGroups], *, level: float) -> Iterator[Measure]:
    """Overall, by group and compared; the columns of `pairs.members` follow the groupings and their slices."""
    places = range(pairs.members.shape[1])
    found = {"consistency": [consistency(pairs, chosen, place, level=level) for place in places]}
    if pairs.violations is None:
        yield Measure("lipschitz_violations", None, 0, reason=NO_SCORE)
    else:
        found["lipschitz_violations"] = [
            lipschitz_violations(pairs.violations, pairs.members, place, level=level) for place in places
        ]
    for name, estimates in found.items():
        yield estimates[0].measure(name, {})
        start = 1
        for one in groupings:
            part = estimates[start : start + len(one.slices)]
            start += len(one.slices)
            yield from (estimate.measure(name, slice_) for estimate, slice_ in zip(part, one.slices, strict=True))
            yield from compared(name, one.over, one.slices, part, level=level, widest=1.0)
