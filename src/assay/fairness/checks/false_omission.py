"""Whether people who are turned away wrongly are turned away more often in one group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.core.check import check
from assay.core.measure import Limit, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import compare
from assay.fairness.rates import FALSE_OMISSION_RATE


@check(
    "fairness.false_omission",
    version=3,
    title="Those turned away deserved better more often in one group",
    counts=by("protected", "label", "prediction"),
    tasks=("binary",),
    limit=Limit("false_omission_rate_gap", better="lower", warn=0.05, fail=0.10),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11"),
    noisy=True,
)
def false_omission(
    counts: Counts, /, *, depth: int = 2, level: float = 0.95, reference: Mapping[str, str] | None = None
) -> Iterator[Measure]:
    """Share of the unfavourable predictions whose label is favourable, by group, and how far the groups lie apart.

    The measure to look at where a wrong refusal harms. Gaps, ratios, groups and limits as in fairness.error_rates.
    """
    return compare(counts, (FALSE_OMISSION_RATE,), depth=depth, level=level, reference=reference)
