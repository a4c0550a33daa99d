"""How far scores can be taken at their word, from score bins."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Interval, Measure, Share
from assay.quality.disaggregate import Estimate, absent, average, rate
from assay.quality.scores import KNOWN, ScoreBins
from assay.stats.calibration import expected_calibration_error
from assay.stats.quantiles import two_sided

SUMS = ("score", "squared_error")


def equal_runs(bins: ScoreBins, parts: int, /) -> NDArray[np.int64]:
    """For each bin, which of `parts` runs of neighbouring bins with about equal weight its middle falls in."""
    weight = bins.weight.sum(axis=0)
    middle = (np.cumsum(weight) - weight / 2) / max(bins.total, 1e-300)
    run: NDArray[np.int64] = np.minimum((middle * parts).astype(np.int64), parts - 1)
    return run


def calibration_error(bins: ScoreBins, /, *, level: float, parts: int, seed: int) -> Estimate:
    """The de-biased expected calibration error over `parts` bins of about equal weight; its plug-in value in a note."""
    if bins.total <= 0:
        return absent(bins.n, KNOWN)
    few = bins.merged(equal_runs(bins, parts))
    n = few.weight.sum(axis=0)
    found = expected_calibration_error(
        n,
        few.weight[1],
        few.sums["score"].sum(axis=0),
        level=level,
        rng=np.random.default_rng(seed),
        effective=n * few.kish_both / few.total,
    )
    words = "over {bins} bins; without taking the bias of the estimate out it is {raw:.4g}"
    note = Message("plug-in", words, {"bins": found.bins, "raw": found.raw})
    return Estimate(found.value, bins.n, found.interval, notes=(note,), method="de-biased ECE")


def in_the_large(bins: ScoreBins, /, *, level: float) -> Estimate:
    """Mean score minus share of favourable labels: above 0 the scores promise too much on the whole."""
    total = float(bins.sums["score"].sum() - bins.weight[1].sum())
    squares = float(bins.sums["squared_error"].sum())
    return average(total, squares, bins.total, bins.kish_both, bins.n, KNOWN, level=level)


def slope(bins: ScoreBins, /, *, level: float) -> Estimate:
    """The calibration slope b of logit P(favourable) = a + b · logit(score): below 1 the scores are too extreme.

    Cox (1958, Biometrika 45:562-565); maximum likelihood by Newton's steps on the bins, each at its mean score, with
    Wald's interval on the effective n. Where a bin's scores are all 0 or all 1, or a cut separates the labels, there
    is none.
    """
    weight = bins.weight.sum(axis=0)
    used = weight > 0
    if not used.any():
        return absent(bins.n, KNOWN)
    mean = bins.sums["score"].sum(axis=0)[used] / weight[used]
    if mean.min() <= 0 or mean.max() >= 1:
        reason = Message("certain-scores", "scores of exactly 0 or 1 have no log-odds")
        return Estimate(None, bins.n, reason=reason)
    scale = bins.kish_both / bins.total
    found = _fit(np.log(mean / (1 - mean)), weight[used] * scale, bins.weight[1][used] * scale)
    if found is None:
        reason = Message("separated", "the scores leave the slope undetermined")
        return Estimate(None, bins.n, reason=reason)
    value, error = found
    half = two_sided(level) * error
    interval = Interval(value - half, value + half, level, "Wald")
    return Estimate(value, bins.n, interval, standard_error=error, method="logistic recalibration")


def _fit(x: NDArray[np.float64], n: NDArray[np.float64], k: NDArray[np.float64]) -> tuple[float, float] | None:
    """(slope, standard error) of the logistic regression of k hits among n on x; None where there is no maximum."""
    design = np.stack([np.ones_like(x), x])
    beta = np.array([0.0, 1.0])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(beta @ design, -500, 500)))
        information = (design * (n * p * (1 - p))) @ design.T
        if np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, design @ (k - n * p))
        beta = beta + step / max(1.0, float(np.abs(step).max()) / 2)
        if float(np.abs(step).max()) < 1e-10:
            return float(beta[1]), math.sqrt(float(np.linalg.inv(information)[1, 1]))
    return None


def curve(bins: ScoreBins, parts: int, /, *, level: float) -> Iterator[Measure]:
    """`mean_score` and `observed_rate` of each of `parts` runs of scores: the points of a reliability diagram."""
    few = bins.merged(equal_runs(bins, parts))
    weight, rows, scores = few.weight.sum(axis=0), few.rows.sum(axis=0), few.sums["score"].sum(axis=0)
    for i in np.flatnonzero(weight > 0):
        slice_ = {"score_bin": f"{i + 1} of {parts}"}
        yield Measure("mean_score", float(scores[i] / weight[i]), int(rows[i]), slice=slice_, exact=True)
        share = Share(
            float(few.weight[1, i]), float(weight[i]), int(rows[i]), float(weight[i]) * few.kish_both / few.total
        )
        yield rate(share, KNOWN, level=level).measure("observed_rate", slice_)
