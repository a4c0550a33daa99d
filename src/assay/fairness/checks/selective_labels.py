"""What error rates can be where the outcome is known only for some, as repayment is for the approved."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.check import check
from assay.core.errors import unknown
from assay.core.measure import Limit, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import check_depth
from assay.fairness.selective.known import with_known
from assay.fairness.selective.measures import all_measures
from assay.fairness.selective.randomised import DRAWN_FROM


@check(
    "fairness.selective_labels",
    version=1,
    title="Error rates differ between groups, whatever the outcomes that nobody saw",
    counts=by("protected", "label", "prediction", "observed", "randomised?"),
    tasks=("binary",),
    limit=tuple(Limit(f"{rate}_gap_highest", "lower", warn=0.05, fail=0.10) for rate in ("tpr", "fpr", "ppv", "npv")),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11"),
)
def selective_labels(
    counts: Counts, /, *, depth: int = 2, level: float = 0.95, drawn_from: str = "all"
) -> Iterator[Measure]:
    """Bounds on `tpr`, `fpr`, `ppv`, `npv` and `base_rate` of all rows with a prediction, by group, and on their gaps.

    Where the outcome is seen only of some, a rate among those alone is a rate of other people (selective labels:
    Lakkaraju, Kleinberg, Leskovec, Ludwig & Mullainathan 2017, KDD; Kleinberg et al. 2018, QJE 133:237; Coston,
    Rambachan & Chouldechova 2021, ICML). Every rate here is of everybody who has a prediction, seen or not.
    `tpr_lowest` and `tpr_highest` are the least and the most that it is over all outcomes that the unseen could have
    had, sharp and without any assumption (Manski 1989, J. Human Resources 24:343; 2003, Partial Identification of
    Probability Distributions); `fnr` is one minus `tpr`. Each end has its own Wilson interval, so that from the lower
    limit of the lowest to the upper limit of the highest the truth, and the whole region, is covered at `level` or more
    (either side errs by half of 1 − level; for the truth alone less would do, Imbens & Manski 2004).

    With role `randomised` the rows of the slice stand for the unseen of the same group and prediction, and `tpr` itself
    is given, from the shares of favourable outcomes in both strata and the selection rate, with Wilson's limits joined
    by MOVER. That holds if within each group and prediction chance alone decided who came into the slice: drawn from
    everybody (`drawn_from="all"`: among 2 % approved at random are some who would have been approved anyhow, and the
    slice gives the outcome of the stratum), or from those who would not have been seen (`"unobserved"`: 2 % of the
    refused; the slice gives that of the unseen). Overall numbers, and groups by one attribute, ask for the same chance
    in all groups that they join; give weights otherwise. The lowest and highest of a rate never use the slice.

    `tpr_gap_lowest` and `tpr_gap_highest` bound highest minus lowest of the groups, by the estimates where there are,
    else by the ends. Both carry the interval of the whole region, and the limit is on the highest: pass if even the
    widest possible gap passes, fail only if even the least possible gap fails, else inconclusive, and more rows of the
    same kind will not change that. A policy that judges points judges the widest possible gap. `observed_rate` and
    `randomised_rate` are shares of the rows.

    A label is read only where `observed` is true. Rows without a prediction are left out and counted in a note.
    """
    check_depth(depth)
    if drawn_from not in DRAWN_FROM:
        raise unknown("drawn_from", drawn_from, DRAWN_FROM, code="parameter")
    slice_given = drawn_from if counts.has("randomised") else None
    yield from all_measures(with_known(counts), depth=depth, level=level, drawn_from=slice_given)
