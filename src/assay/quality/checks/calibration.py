"""Whether a score of 0.7 comes true seven times in ten: overall, by group, and along the scores."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from assay.core.check import check
from assay.core.errors import AssayError
from assay.core.measure import Limit, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.quality import reliability
from assay.quality.disaggregate import Quantity, disaggregate
from assay.quality.scores import score_bins, score_groups


@check(
    "quality.calibration",
    version=2,
    title="Scores promise more or less than comes true",
    counts=by("protected?", "label", "score", sums=reliability.SUMS),
    tasks=("binary",),
    limit=(
        Limit("calibration_error", "lower", warn=0.05, fail=0.10),
        Limit("calibration_in_the_large", "zero", warn=0.05, fail=0.10),
        Limit("calibration_in_the_large_gap", "lower", warn=0.05, fail=0.10),
    ),
    clauses=("eu-ai-act:15(1)", "eu-ai-act:13(3)(b)(ii)", "nist-ai-rmf:measure-2.5"),
)
def calibration(counts: Counts, /, *, level: float = 0.95, bins: int = 10, seed: int = 0) -> Iterator[Measure]:
    """How far scores are from the rates they promise, overall, by protected attribute and pair of them.

    `calibration_error`: the expected calibration error over `bins` score bins of about equal weight, without the
    upward bias of the plug-in estimate, with an interval that holds at perfect calibration too (its low end is
    simulated from `seed`). `calibration_in_the_large`: mean score minus share of favourable labels, and the widest gap
    of it between groups. `calibration_slope`: below 1, scores are too extreme (Cox 1958). `mean_score` and
    `observed_rate` by score bin, overall: the points of a reliability diagram, 1 the lowest scores.

    Limits: a score that is used as a probability is wrong by its calibration error on average; 5 points pass and 10
    fail. A model whose scores only rank needs none of this: take the limits off in a policy.
    """
    if bins < 2:
        raise AssayError(
            f"{bins} bins do not make a curve.", code="parameter", hint="Give bins from 2, for example 10."
        )
    ((_, overall),) = score_bins(counts)
    quantities = (
        Quantity(
            "calibration_error",
            partial(reliability.calibration_error, level=level, parts=bins, seed=seed),
            gap=False,
        ),
        Quantity("calibration_in_the_large", partial(reliability.in_the_large, level=level), widest=2.0),
        Quantity("calibration_slope", partial(reliability.slope, level=level)),
    )
    yield from disaggregate(quantities, overall, score_groups(counts), level=level)
    yield from reliability.curve(overall, bins, level=level)
