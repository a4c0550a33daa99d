"""Whether people who are alike in what may count are selected alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from assay.core.check import check
from assay.core.measure import Limit, Measure
from assay.core.subject import by
from assay.data.counts import Counts, Group
from assay.fairness.comparisons import check_depth, gap, group_rates, shrunken_rates
from assay.fairness.rates import SELECTION_RATE, rates_by_group
from assay.fairness.stratified import pooled_differences

SHOWN = 20
"""Most strata whose own rates are shown; more are only pooled."""


@check(
    "fairness.conditional_parity",
    version=4,
    title="Alike in what may count, yet selected differently",
    counts=by("protected", "control", "prediction"),
    tasks=("binary",),
    limit=Limit("conditional_selection_rate_difference", better="zero", warn=0.05, fail=0.10),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11", "ecoa:1002.6(a)"),
)
def conditional_parity(counts: Counts, /, *, depth: int = 2, level: float = 0.95) -> Iterator[Measure]:
    """Selection rates of groups among people with the same values of all control features.

    `conditional_selection_rate_difference`: the rate of a group minus that of all others within strata, pooled by
    Mantel and Haenszel, for each attribute alone and crossed up to `depth`. `selection_rate`, raw and shrunken, and
    `selection_rate_gap` in each stratum, up to 20 of them. It is only as good as its controls: one that carries the
    disadvantage itself explains it away (Kamiran, Zliobaite & Calders 2013, Knowledge and Information Systems
    35:613). Strata are the levels as they are counted; of a number, its bins. The limits (0.05, 0.10) are
    convention and no law's.
    """
    check_depth(depth)
    strata = strata_of(counts)
    yield from pooled_differences(
        counts,
        SELECTION_RATE,
        "control",
        "conditional_selection_rate_difference",
        depth=depth,
        level=level,
        alike="with the same controls",
    )
    for stratum in strata if len(strata) <= SHOWN else ():
        rate = replace(SELECTION_RATE, within=stratum.slice)
        for table in rates_by_group(stratum.counts, (rate,), depth=depth):
            yield from group_rates(table, level=level)
            yield from shrunken_rates(table, level=level)
            yield gap(table, level=level)


def strata_of(counts: Counts, /) -> tuple[Group, ...]:
    """The rows of every combination of control levels."""
    controls = [dim.name for dim in counts.dims if dim.role == "control"]
    return counts.groups(controls, role="control")
