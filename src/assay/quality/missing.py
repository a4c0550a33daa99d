"""Rows that lack a label, a prediction or a score: in no denominator, and therefore counted here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from assay.core.measure import Measure
from assay.data.counts import Counts, N
from assay.quality.disaggregate import Estimate, Quantity, absent, disaggregate, groups_of, over

ROLES = ("label", "prediction", "score")


def shares(counts: Counts, /, *, level: float) -> Iterator[Measure]:
    """`missing_labels`, `missing_predictions` and `missing_scores` overall and by group, where any are missing."""
    for role in ROLES:
        if counts.has(role) and None in counts.dim(role).levels:
            quantity = Quantity(f"missing_{role}s", partial(_share, role), gap=False)
            groups = groups_of(over(counts, "protected", role))
            yield from disaggregate([quantity], over(counts, role), groups, level=level)


def _share(role: str, counts: Counts) -> Estimate:
    rows = dict(zip(counts.dim(role).levels, counts.table(role, sum=N), strict=True))
    return Estimate(float(rows.get(None, 0.0)) / counts.n, counts.n, exact=True) if counts.n else absent(0, "a row")
