"""Rates of agreement between label and prediction, with intervals that count weights and repeated units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assay.core.measure import Interval, Share
from assay.data.coding import Dim, Values
from assay.data.counts import FIXED, NOISE, WW, Counts
from assay.quality.disaggregate import IN_NOISE, Estimate, Quantity, absent, rate
from assay.stats.auc import drowned
from assay.stats.quantiles import two_sided
from assay.stats.rates import wilson

OUTCOME = "outcome"
"""Role and name of the dimension that `outcomes` makes."""
BOTH, MISSED, FALSE, NEITHER = "11", "10", "01", "00"
"""Levels of a class's outcomes: is it the label, is it the prediction."""
AGREES, DIFFERS = "1", "0"
"""Levels of the outcome "is the prediction the label"."""
BOTH_KNOWN = "both a label and a prediction"


class ClassRate(Protocol):
    """A number about the outcomes of one class."""

    def __call__(self, counts: Counts, /, *, level: float) -> Estimate: ...


def outcomes(counts: Counts, level: str | None, /) -> Counts:
    """`counts` with label and prediction replaced by one dimension: how each row stands to the class `level`.

    Without a class, whether the prediction is the label. Other dimensions are kept. Where label or prediction is
    missing, so is the outcome.
    """
    truth, answer = (_values(counts, role) for role in ("label", "prediction"))
    if level is None:
        levels: tuple[str | None, ...] = (DIFFERS, AGREES, None)
        codes = np.asarray(truth == answer, dtype=np.int32)
    else:
        levels = (NEITHER, FALSE, MISSED, BOTH, None)
        codes = 2 * np.asarray(truth == level, dtype=np.int32) + np.asarray(answer == level, dtype=np.int32)
    unknown = np.array([a is None or b is None for a, b in zip(truth, answer, strict=True)], dtype=bool)
    codes[unknown] = len(levels) - 1
    wide = replace(
        counts,
        dims=(*counts.dims, Dim(OUTCOME, OUTCOME, Values(), levels)),
        codes=np.column_stack([counts.codes, codes]).astype(np.int32),
    )
    kept = [dim.key for dim in counts.dims if dim.role not in ("label", "prediction")]
    return wide.marginal(*kept, (OUTCOME, OUTCOME))


def accuracy(counts: Counts, /, *, level: float) -> Estimate:
    """Share of rows whose prediction is their label, of counts by the outcomes of any class or of none."""
    known = (AGREES, DIFFERS, BOTH, MISSED, FALSE, NEITHER)
    return rate(counts.share({OUTCOME: (AGREES, BOTH, NEITHER)}, {OUTCOME: known}), BOTH_KNOWN, level=level)


def precision(counts: Counts, /, *, level: float) -> Estimate:
    """TP / (TP + FP), of counts by the outcomes of one class."""
    return rate(counts.share({OUTCOME: BOTH}, {OUTCOME: (BOTH, FALSE)}), "a prediction of the class", level=level)


def recall(counts: Counts, /, *, level: float) -> Estimate:
    """TP / (TP + FN), of counts by the outcomes of one class."""
    return rate(counts.share({OUTCOME: BOTH}, {OUTCOME: (BOTH, MISSED)}), "a label of the class", level=level)


def f1(counts: Counts, /, *, level: float) -> Estimate:
    """F1 = 2TP / (2TP + FP + FN) with an interval that neither overshoots [0, 1] nor collapses at its ends.

    Among the rows that carry the class as label or prediction, TP is binomial with some J, and F1 = 2J / (1 + J)
    grows with J: the Wilson limits of J give those of F1 (Lam, Gopal & Qian 2023, arXiv 2309.14621, the Wilson
    indirect method). The standard error, for comparing groups, is half the interval over z. No label and no
    prediction of the class leaves F1 without a value.
    """
    share = counts.share({OUTCOME: BOTH}, {OUTCOME: (BOTH, MISSED, FALSE)})
    if share.value is None:
        return absent(share.rows, "a label or a prediction of the class")
    interval = f1_limits(share, level=level)
    error = (interval.high - interval.low) / (2 * two_sided(level))
    return Estimate(_dice(share.value), share.rows, interval, standard_error=error)


def f1_limits(jaccard: Share, /, *, level: float) -> Interval:
    """Limits of F1 from the share TP / (TP + FP + FN)."""
    found = wilson(jaccard, level=level)
    return Interval(_dice(found.low), _dice(found.high), level, "Wilson on TP / (TP + FP + FN)")


def _dice(jaccard: float) -> float:
    return 2 * jaccard / (1 + jaccard)


CLASS_RATES: tuple[tuple[str, ClassRate], ...] = (("precision", precision), ("recall", recall), ("f1", f1))
"""What is asked of one class."""


def quantities(*, level: float) -> tuple[Quantity[Counts], ...]:
    """What is asked of a binary answer, of counts by the outcomes of the favourable class."""
    asked = (("accuracy", accuracy), *CLASS_RATES)
    return tuple(Quantity(name, partial(of, level=level), widest=1.0) for name, of in asked)


def above_majority(counts: Counts, /, *, level: float) -> Estimate:
    """Accuracy minus that of always predicting the most frequent label, on the same rows.

    The two are paired, so only rows on which they differ count: an Agresti–Min interval (2005, Statistics in
    Medicine 24:729-740, "Wald+2": half a row is added to each cell) on the effective n. The class is the most frequent
    one of these very rows, which favours the baseline by a little where two classes are about as frequent.
    """
    labels, predictions = counts.dim("label"), counts.dim("prediction")
    known = counts.where(
        {
            "label": tuple(v for v in labels.levels if v is not None),
            "prediction": tuple(v for v in predictions.levels if v is not None),
        }
    )
    if known.n <= 0:
        return absent(0, BOTH_KNOWN)
    truth, answer = (_values(known, role) for role in ("label", "prediction"))
    weight = known.values()
    classes = known.dim("label").levels
    majority = classes[int(np.argmax([weight[truth == c].sum() for c in classes]))]
    difference = (truth == answer).astype(float) - (truth == majority).astype(float)
    total = float(weight.sum())
    if NOISE in known.sums:
        return _noisy_lift(known, [(truth == answer).astype(float) - (truth == c) for c in classes], level=level)
    lift, discordant = float(weight @ difference) / total, float(weight @ difference**2) / total
    n = _effective(known, difference, lift, discordant, total)
    half = two_sided(level) * math.sqrt(max(0.0, (discordant * n + 1) - (lift * n) ** 2 / (n + 2))) / (n + 2)
    centre = lift * n / (n + 2)
    low, high = min(lift, centre - half), max(lift, centre + half)
    return Estimate(lift, known.n, Interval(max(-1.0, low), min(1.0, high), level, "Agresti-Min, paired"))


def _noisy_lift(counts: Counts, differences: Sequence[NDArray[np.float64]], /, *, level: float) -> Estimate:
    """The least of the accuracies above each constant answer: with noise, the most frequent label is not known.

    A normal interval of linearised variance for each; the lowest of their low ends and the lowest of their high ends
    hold for the least.
    """
    weight, z = counts.values(), two_sided(level)
    total = float(weight.sum())
    if drowned(total, counts.total(NOISE)):
        return Estimate(None, counts.n, reason=IN_NOISE)
    lifts = [max(-1.0, min(1.0, float(weight @ one) / total)) for one in differences]
    pairs = zip(lifts, differences, strict=True)
    errors = [math.sqrt(max(0.0, linearised_variance(counts, (one - lift) / total))) for lift, one in pairs]
    low = min(lift - z * error for lift, error in zip(lifts, errors, strict=True))
    high = min(lift + z * error for lift, error in zip(lifts, errors, strict=True))
    value = min(lifts)
    interval = Interval(max(-1.0, min(low, value)), min(1.0, max(high, value)), level, "normal, with the noise")
    return Estimate(value, counts.n, interval)


def _values(counts: Counts, role: str) -> NDArray[np.object_]:
    """One level a cell."""
    dim = counts.dim(role)
    return np.array(dim.levels, dtype=object)[counts.codes[:, counts.dims.index(dim)]]


def _effective(counts: Counts, difference: NDArray[np.float64], lift: float, discordant: float, total: float) -> float:
    """Rows that would carry the same information: simple variance over the design's, for a mean of differences."""
    simple = discordant - lift**2
    design = linearised_variance(counts, (difference - lift) / total)
    if simple <= 0 or design <= 0:
        return counts.share({}).effective
    return min(simple / design, total if counts.weights == "frequency" else float(counts.n))


def linearised_variance(counts: Counts, influence: NDArray[np.float64], /) -> float:
    """Var f = Σ over units of (Σ over the unit's rows of w · influence)², for a smooth f of totals.

    `influence` holds one derivative ∂f/∂(weight) a cell. Rows are their own units where none repeats (Särndal,
    Swensson & Wretman 1992, section 5.5, drawn with replacement). The noise of counts that have any is in it.
    """
    noise = float((counts.values(NOISE) * influence**2).sum()) if NOISE in counts.sums else 0.0
    if counts.pairs is not None:
        pairs = counts.pairs
        square = pairs.square.astype(np.float64) / (FIXED * FIXED if counts.weights else 1)
        return noise + float((square * influence[pairs.i] * influence[pairs.j]).sum())
    weight = counts.values(WW) if counts.weights == "sampling" else counts.values()
    return noise + float((weight * influence**2).sum())
