"""Whether the rows stand for the people the system is meant for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.core.check import check
from assay.core.measure import Limit, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import check_depth
from assay.fairness.population import against_population, check_population, group_shares


@check(
    "fairness.representation",
    version=1,
    title="Groups are missing from the data or too few",
    counts=by("protected"),
    limit=Limit("representation_gap", better="lower", warn=0.05, fail=0.10),
    clauses=("eu-ai-act:10(3)", "eu-ai-act:10(4)", "nist-ai-rmf:map-2.3"),
    noisy=True,
)
def representation(
    counts: Counts,
    /,
    *,
    population: Mapping[str, Mapping[str, float]] | None = None,
    depth: int = 2,
    level: float = 0.95,
) -> Iterator[Measure]:
    """Share of the rows that each group holds, and how far that is from a stated population.

    `group_share` for each attribute alone and crossed up to `depth` at a time; the missing value is a group of its own.

    `population` states, by attribute and group, the share (or the number: they are scaled to 1) of the people the
    system is meant for. For those attributes: `group_share_difference`, share minus population share;
    `group_share_ratio`, share over population share; and `representation_gap`, the largest difference in size, with an
    interval for all groups at once and Pearson's test of fit. They are taken among the rows whose group the population
    names; the others are named in a note. A population group without a row counts as share 0. Without a stated
    population there is nothing to be far from, and no limit applies. The limits (0.05, 0.10) are convention.
    """
    check_depth(depth)
    check_population(counts, population)
    for over in counts.groupings(depth=depth):
        yield from group_shares(counts, over, level=level)
    for attribute, shares in (population or {}).items():
        yield from against_population(counts, attribute, shares, level=level)
