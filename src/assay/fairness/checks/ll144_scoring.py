"""The bias audit of New York City's Local Law 144, scoring-rate mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Measure
from assay.core.subject import by
from assay.fairness.bias_audit import audit
from assay.fairness.rates import SCORING_RATE

if TYPE_CHECKING:
    from assay.data.case import Case

PEOPLE = by("protected", "prediction")


@check(
    "fairness.ll144_scoring",
    version=1,
    title="Local Law 144: impact ratios of scores",
    needs=("rows", "protected", "score"),
    tasks=("binary",),
    clauses=("nyc-ll144:5-301(c)",),
)
def ll144_scoring(
    case: Case, /, *, depth: int = 2, level: float = 0.95, exclude_under: float = 0.0, most_rows: int = 1_000_000
) -> Iterator[Measure]:
    """Share of every category that scores above the median of all, impact ratio and number of unknowns.

    The scoring rate of 6 RCNY 5-301 for tools that score: strictly above the median score of the full sample, those of
    unknown category included. Read from the rows, because the median is exact. All else as in fairness.ll144;
    weights are not used, since the rule counts people. Rows without a score are in no denominator. With over
    `most_rows` rows, which an audit of hiring does not have, nothing is read and the reason says so.
    """
    if case.n > most_rows:
        words = "{rows} rows are more than the {most} that are read for an exact median; give most_rows= to read them"
        reason = Message("too-many-rows", words, {"rows": case.n, "most": most_rows})
        yield Measure("scoring_rate", None, case.n, reason=reason)
        return
    column = case.roles.scores.get(case.roles.favourable or "", "") or str(case.roles.score)
    table = case.rows((*case.roles.protected, column))
    score = np.asarray(table.column(column).to_numpy(), dtype=np.float64)
    missing = np.isnan(score)
    if missing.all():
        yield Measure("scoring_rate", None, 0, reason=Message("no-score", "no row has a score"))
        return
    above = score > np.median(score[~missing])
    people = table.select(list(case.roles.protected)).filter(~missing)
    (counts,) = _with_prediction(people, above[~missing], case.roles.protected).count([PEOPLE])[0]
    yield from audit(counts, SCORING_RATE, depth=depth, level=level, exclude_under=exclude_under)


def _with_prediction(people: Any, above: Any, protected: tuple[str, ...]) -> Case:
    """The people as a Case whose favourable prediction is a score above the median, so that groups are named alike."""
    from assay.data.case import Case

    name = next(name for name in map("above{}".format, range(len(protected) + 1)) if name not in protected)
    frame = people.append_column(name, [above.astype(np.int8)])
    return Case.from_frame(frame, prediction=name, protected=protected, favourable=1, task="binary")
