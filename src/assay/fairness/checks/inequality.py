"""How unequally the model hands out more or less than is deserved, and how much of it lies between groups."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.check import check
from assay.core.measure import Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import check_depth
from assay.fairness.entropy import between_groups, overall


@check(
    "fairness.inequality",
    version=1,
    title="Benefits are handed out unequally",
    counts=by("protected", "label", "prediction"),
    tasks=("binary",),
    clauses=("nist-ai-rmf:measure-2.11",),
)
def inequality(counts: Counts, /, *, depth: int = 2, level: float = 0.95) -> Iterator[Measure]:
    """Generalized entropy and Theil index of the benefits, overall and the part that lies between groups.

    The benefit of a row is prediction - label + 1: 2 for an undeserved favourable prediction, 1 for a right one, 0 for
    a deserved one that is withheld (Speicher et al. 2018, KDD, section 3). `generalized_entropy` is that of alpha 2,
    half the squared coefficient of variation; `theil` that of alpha 1. 0 is equality. Each is the sum of a part within
    groups and one between them (Shorrocks 1980): `generalized_entropy_between` and `theil_between`, de-biased, with
    intervals that hold at equality. A model without errors has 0 whatever its groups. Descriptions, without limit.
    """
    check_depth(depth)
    yield from overall(counts, level=level)
    for over in counts.groupings(depth=depth):
        yield from between_groups(counts, over, level=level)
