"""Whether the labels themselves favour one group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.core.check import check
from assay.core.measure import Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import compare
from assay.fairness.rates import BASE_RATE


@check(
    "fairness.label_bias",
    version=3,
    title="Outcomes in the labels differ between groups",
    counts=by("protected", "label"),
    tasks=("binary",),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:map-2.3"),
    noisy=True,
)
def label_bias(
    counts: Counts, /, *, depth: int = 2, level: float = 0.95, reference: Mapping[str, str] | None = None
) -> Iterator[Measure]:
    """Share of favourable labels by group (base rate), the widest gap and ratio, and a test of independence.

    What a model learns from. A gap says that the recorded outcome depends on the group; whether the world or
    the recording made it so no table of labels can say, so that no limit is set here. `base_rate_gap` carries the
    chi-square test that label and group are independent. Where base rates differ, calibration by group and equal
    error rates cannot both hold (Kleinberg, Mullainathan & Raghavan 2016; Chouldechova 2017).

    Each attribute alone and crossed up to `depth` at a time; the missing value is a group of its own and compared
    like any other. `base_rate_difference` is a group minus the `reference` group of its attribute, or minus all other
    rows. Rows without label are in no denominator and are counted in a note.
    """
    return compare(counts, (BASE_RATE,), depth=depth, level=level, reference=reference)
