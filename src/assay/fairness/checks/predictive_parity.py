"""Whether a prediction means the same in every group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.core.check import check
from assay.core.measure import Limit, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import compare
from assay.fairness.rates import NPV, PPV


@check(
    "fairness.predictive_parity",
    version=3,
    title="A prediction comes true more often in one group",
    counts=by("protected", "label", "prediction"),
    tasks=("binary",),
    limit=tuple(Limit(f"{rate}_gap", better="lower", warn=0.05, fail=0.10) for rate in ("ppv", "npv")),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11"),
    noisy=True,
)
def predictive_parity(
    counts: Counts, /, *, depth: int = 2, level: float = 0.95, reference: Mapping[str, str] | None = None
) -> Iterator[Measure]:
    """Share of the favourable (`ppv`) and of the unfavourable predictions (`npv`) that are right, by group.

    Equal `ppv` is predictive parity (Chouldechova 2017). Where base rates differ it cannot hold together with equal
    error rates, but for a model without error. Gaps, ratios, groups and limits as in fairness.error_rates.
    """
    return compare(counts, (PPV, NPV), depth=depth, level=level, reference=reference)
