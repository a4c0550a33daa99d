"""Whether one group is given other numbers as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from assay.core.check import check
from assay.core.errors import AssayError, Message
from assay.core.measure import Measure
from assay.data.rows.columns import column_of, numbers_of
from assay.fairness.comparisons import SINGLED_OUT, check_depth
from assay.fairness.individual.judged import judged_rows, row_groups
from assay.fairness.individual.rows_once import counts_rows_once
from assay.fairness.regression.distributions import Numbers, distance_measures

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "fairness.regression_distributions",
    version=1,
    title="One group is given other numbers as a whole",
    needs=("rows", "protected", "prediction"),
    tasks=("regression",),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11"),
)
@counts_rows_once
def regression_distributions(
    case: Case, /, *, depth: int = 2, level: float = 0.95, rows: int = 20_000, permutations: int = 499, seed: int = 0
) -> Iterator[Measure]:
    """Distance of each group's predictions from those of all other rows: statistical parity of a regression.

    `prediction_wasserstein`: the mean shift that would make the distributions equal, in units of the prediction.
    `prediction_ks`: the largest difference in the share below a number; 0 is the statistical parity of Agarwal, Dudik &
    Wu (2019), ICML, def. 1. Both are de-biased, with intervals that hold at equality and are wide away from it, and a
    permutation test. The means may be equal where the distributions are not; the means are in
    fairness.regression_gaps.

    At most `rows` held-out rows, a seeded sample; each counts once, whatever its weight. More than 1,000 distinct
    predictions are pooled into as many runs of equal rows, and what happens within a run is not seen. Each attribute
    alone and crossed up to `depth`; over more than 30 groups none is compared with the rest. The labels may differ for
    good reason: a description, without limit.
    """
    check_depth(depth)
    if permutations < 1 or rows < 2:
        raise AssayError(
            f"permutations {permutations} and rows {rows} test nothing.",
            code="parameter",
            hint="Give permutations from 1 and rows from 2.",
        )
    name = str(case.roles.prediction)
    table = judged_rows(case, (*case.roles.protected, name), rows=rows, seed=seed)
    values = numbers_of(table.column(name).combine_chunks(), column_of(name, table.column(name).type))
    known = np.isfinite(values)
    if known.sum() < 2:
        reason = Message("no-prediction", "fewer than two rows have a prediction")
        yield Measure("prediction_ks", None, int(known.sum()), reason=reason)
        return
    numbers, rng = Numbers.of(values[known]), np.random.default_rng(seed)
    for groups in row_groups(table.filter(known), case.roles.protected, depth=depth):
        if len(groups.slices) > SINGLED_OUT:
            text = "{groups} groups are too many to compare each with the rest (most: {most})"
            reason = Message("too-many-groups", text, {"groups": len(groups.slices), "most": SINGLED_OUT})
            yield Measure("prediction_ks", None, len(groups.codes), over=groups.over, reason=reason)
            continue
        yield from distance_measures(numbers, groups, level=level, permutations=permutations, rng=rng)
