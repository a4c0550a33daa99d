"""Whether the label stands for what is really meant, in every group alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Measure
from assay.fairness.comparisons import check_depth
from assay.fairness.data_bias.case_rows import case_rows, numbers
from assay.fairness.data_bias.label_choice import AtScore, differences_at_score

if TYPE_CHECKING:
    from assay.data.case import Case

OUTCOME = "outcome_difference_at_score"


@check(
    "fairness.label_choice",
    version=1,
    title="The same score stands for a different outcome in one group",
    needs=("rows", "protected", "score"),
    tasks=("binary",),
    clauses=("eu-ai-act:10(2)(d)", "eu-ai-act:10(2)(f)", "nist-ai-rmf:map-2.3"),
)
def label_choice(
    case: Case,
    /,
    *,
    outcome: str = "",
    depth: int = 1,
    bins: int = 20,
    level: float = 0.95,
    rows: int = 200_000,
    seed: int = 0,
) -> Iterator[Measure]:
    """Whether people with the same score fare alike, whatever their group: by the label, and by a second outcome.

    A label can be a poor stand-in for what is meant: a model of the cost of care was calibrated for cost in both
    races, yet at the same score the Black patients were sicker (Obermeyer, Powers, Vogeli & Mullainathan 2019, Science
    366:447). `outcome` names a column of numbers or booleans with what is meant. `outcome_difference_at_score` is
    the mean outcome of a group minus that of all others at the same score, in units of the outcome; without `outcome`
    it is unmeasured. `label_difference_at_score` says the same of the favourable label, for comparison: near 0 there
    and away from 0 here is the mark of a label badly chosen.

    By least squares on the group, within `bins` bins of the score of about equal size (fewer where rows are few) that
    have an intercept and a slope of their own each, with heteroscedasticity-consistent errors; units are summed first.
    Up to `rows` rows are read, a seeded sample; training rows are left out where a split names them. No limit: the
    outcome has units of its own.
    """
    check_depth(depth)
    roles = case.roles
    score = roles.score if isinstance(roles.score, str) else roles.scores[roles.favourable or ""]
    found = case_rows(case, columns=(score, *((outcome,) if outcome else ())), limit=rows, seed=seed, held_out=True)
    scores = numbers(found.table.column(score))
    if found.label is not None:
        asked = AtScore("label_difference_at_score", found.label, scores, bins)
        yield from differences_at_score(found, asked, depth=depth, level=level)
    if not outcome:
        text = "no second outcome is named; the parameter outcome takes a column"
        yield Measure(OUTCOME, None, found.table.num_rows, reason=Message("no-outcome", text))
        return
    column = found.table.column(outcome)
    if not _is_numeric(column.type):
        text = "the outcome column is of type {type}, not numbers or booleans"
        reason = Message("outcome-type", text, {"type": str(column.type)})
        yield Measure(OUTCOME, None, found.table.num_rows, reason=reason)
        return
    values = np.asarray(numbers(column), dtype=np.float64)
    yield from differences_at_score(found, AtScore(OUTCOME, values, scores, bins), depth=depth, level=level)


def _is_numeric(kind: object) -> bool:
    import pyarrow.types as t

    return bool(t.is_boolean(kind) or t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind))
