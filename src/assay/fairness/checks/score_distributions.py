"""Whether one group is scored differently as a whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Interval, Measure
from assay.core.subject import by
from assay.data.counts import Counts
from assay.fairness.comparisons import check_depth
from assay.fairness.estimates import Estimate, compare_estimates
from assay.fairness.scores.distances import Noise, distance, kolmogorov_p, kolmogorov_smirnov, wasserstein
from assay.fairness.scores.histogram import histogram, score_bins
from assay.fairness.words import empty_denominator
from assay.stats.quantiles import two_sided


@check(
    "fairness.score_distributions",
    version=2,
    title="One group is scored differently as a whole",
    counts=by("protected", "score", sums=("score",)),
    tasks=("binary",),
    clauses=("eu-ai-act:10(2)(f)", "nist-ai-rmf:measure-2.11"),
)
def score_distributions(counts: Counts, /, *, depth: int = 2, level: float = 0.95, seed: int = 0) -> Iterator[Measure]:
    """Mean score by group with its gap, and the distance of each group's scores from those of all others.

    Whatever the threshold. `score_wasserstein`: the mean shift of score that would make the distributions equal, in
    units of the score; `score_ks`: the largest difference in the share below a score, with the Kolmogorov-Smirnov
    test. Both are taken on the score bins (what happens within a bin is not seen), de-biased, with intervals that hold
    at equality too; `seed` is for the noise drawn for them. Scores may differ for good reason, base rates for one: a
    description, without limit.
    """
    check_depth(depth)
    bins = score_bins(counts)
    mean = partial(mean_score, bins=bins, level=level)
    yield from compare_estimates(counts, "mean_score", mean, depth=depth, level=level, widest=1.0)
    everyone = histogram(counts.marginal("score"), bins)
    if len(bins) < 2:
        return
    norms = {"score_wasserstein": wasserstein(np.diff(everyone.scores / everyone.size)), "score_ks": kolmogorov_smirnov}
    noise = Noise.of(everyone, rng=np.random.default_rng(seed))
    for over in counts.groupings(depth=depth):
        for group in counts.groups(over):
            own = histogram(group.counts, bins)
            rest = everyone - own
            if not own.rows or not rest.rows:
                continue
            for name, norm in norms.items():
                found = distance(own, rest, norm, noise, level=level)
                text = "without taking the bias of the estimate out it is {raw}"
                yield Measure(
                    name,
                    found.value,
                    (own.rows, rest.rows),
                    slice=group.slice,
                    over=over,
                    groups=(group.slice,),
                    interval=found.interval,
                    p_value=kolmogorov_p(found.raw, own, rest) if name == "score_ks" else None,
                    family=name,
                    method="group against all other rows, de-biased",
                    notes=(Message("plug-in-distance", text, {"raw": f"{found.raw:.4g}"}),),
                )


def mean_score(counts: Counts, /, *, bins: Mapping[str, int], level: float) -> Estimate:
    """The mean score of the rows; its standard error takes every score as its bin's mean."""
    found = histogram(counts, bins)
    if not found.rows:
        return Estimate(None, 0, reason=empty_denominator("a score"))
    size = found.size[found.size > 0]
    centres = found.scores[found.size > 0] / size
    mean = float(found.scores.sum() / size.sum())
    variance = float(size @ (centres - mean) ** 2 / size.sum())
    if found.effective <= 1 or variance <= 0:
        return Estimate(mean, found.rows, found.effective)
    error = math.sqrt(variance / (found.effective - 1))
    reach = two_sided(level) * error
    return Estimate(mean, found.rows, found.effective, Interval(mean - reach, mean + reach, level, "normal"), error)
