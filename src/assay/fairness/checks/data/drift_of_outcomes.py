"""Whether the outcomes a model learns from moved differently for different groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Measure
from assay.fairness.comparisons import check_depth
from assay.fairness.data_bias.case_rows import case_rows
from assay.fairness.data_bias.outcome_drift import drift
from assay.fairness.data_bias.periods import times_of

if TYPE_CHECKING:
    from assay.data.case import Case


@check(
    "fairness.drift_of_outcomes",
    version=1,
    title="Outcomes of groups moved apart over time",
    needs=("rows", "protected", "label", "time"),
    tasks=("binary",),
    clauses=("eu-ai-act:10(2)(f)", "eu-ai-act:10(4)", "nist-ai-rmf:map-2.3"),
)
def drift_of_outcomes(
    case: Case,
    /,
    *,
    period: str = "auto",
    depth: int = 1,
    level: float = 0.95,
    rows: int = 200_000,
    seed: int = 0,
) -> Iterator[Measure]:
    """Share of favourable labels by group over time: what history a model that is fitted on all of it repeats.

    `base_rate` by calendar period (`period`: year, quarter, month, or by the length of the data), `base_rate_trend`,
    the change of that share per year by least squares on the exact times, and `base_rate_trend_difference`, the
    trend of a group minus that of all others, with a test; its p-values are controlled over all groups. Historical
    bias is in labels that were recorded faithfully, too (Suresh & Guttag 2021, EAAMO, section 3.1): where groups move
    apart or together, an average over the years describes none of them now.

    The trend is a straight line: a change that was undone is seen in the periods only. Errors are
    heteroscedasticity-consistent, with units summed first, and take rows to be independent otherwise: a shock that
    hits a whole period makes them too small. Times are dates, timestamps, ISO 8601 text or whole years. Up to `rows`
    rows are read, a seeded sample. No limit: what moved and why is not in the data.
    """
    check_depth(depth)
    name = case.roles.time or ""
    found = case_rows(case, columns=(name,), limit=rows, seed=seed)
    times = times_of(found.table.column(name))
    if times is None or found.label is None:
        text = "the time column holds no dates, timestamps, ISO 8601 texts or whole years"
        yield Measure("base_rate_trend", None, found.table.num_rows, reason=Message("time-type", text))
        return
    yield from drift(found, found.label, times, period=period, depth=depth, level=level)
