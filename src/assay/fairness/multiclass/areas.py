"""How well the scores of several classes rank rows: Hand and Till's M, and one class against the others."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Interval
from assay.fairness.estimates import Estimate
from assay.fairness.words import empty_denominator
from assay.stats.auc import auc
from assay.stats.quantiles import two_sided

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """(rows, classes) `scores`, (rows,) codes of `labels` into the classes and of `units`, and (rows,) `weights`.

    With `frequency` a row stands for as many independent rows as it weighs.
    """

    scores: Floats
    labels: Codes
    units: Codes
    weights: Floats
    frequency: bool = False

    def only(self, rows: Codes, /) -> ScoredRows:
        """The rows at some positions."""
        return ScoredRows(self.scores[rows], self.labels[rows], self.units[rows], self.weights[rows], self.frequency)

    @property
    def effective(self) -> float:
        """Kish's (Σw)²/Σw², over units; the sum of frequencies."""
        if self.frequency:
            return float(self.weights.sum())
        total = np.bincount(self.units, weights=self.weights)
        return float(total.sum() ** 2 / (total @ total)) if len(self.weights) else 0.0


def hand_till(rows: ScoredRows, names: tuple[str, ...], /, *, level: float) -> Estimate:
    """M: the mean over ordered pairs of classes (i, j) of P(a row of i has a higher score for i than a row of j).

    Ties count a half. The interval is on the logit scale, with the variance of DeLong's placement values summed over
    all pairs, by unit and weight. No number where a class has no rows: over fewer classes M is another number. Sources:
    Hand & Till (2001), Machine Learning 45:171, eq. 7; DeLong et al. (1988), Biometrics 44:837.
    """
    k = len(names)
    members = [np.flatnonzero(rows.labels == c) for c in range(k)]
    lacking = [name for name, own in zip(names, members, strict=True) if not len(own)]
    if lacking or k < 2:
        return Estimate(None, len(rows.labels), reason=empty_denominator(f"class {', '.join(lacking[:5])}"))
    influence = np.zeros(len(rows.labels))
    value = 0.0
    for i in range(k):
        for j in range(k):
            if i != j:
                value += _pair(rows, i, members[i], members[j], influence)
    pairs = k * (k - 1)
    smallest = sorted(len(own) for own in members)[:2]
    return _estimate(
        value / pairs, influence / pairs, rows, smallest, level, f"M over {pairs} ordered pairs of classes"
    )


def against_others(rows: ScoredRows, /, *, c: int, level: float) -> Estimate:
    """P(a row of class `c` has a higher score for it than a row of another class), as `hand_till` for one class."""
    own, others = np.flatnonzero(rows.labels == c), np.flatnonzero(rows.labels != c)
    if not len(own) or not len(others):
        return Estimate(None, len(rows.labels), reason=empty_denominator("rows of the class and of others"))
    influence = np.zeros(len(rows.labels))
    value = _pair(rows, c, own, others, influence)
    return _estimate(
        value, influence, rows, [len(own), len(others)], level, "area under the ROC curve, one against rest"
    )


def _pair(rows: ScoredRows, c: int, own: Codes, others: Codes, influence: Floats) -> float:
    """P(score for `c` of a row of `own` > that of one of `others`) + ½ P(tie); adds each row's influence on it."""
    mine, theirs = rows.scores[own, c], rows.scores[others, c]
    w, v = rows.weights[own] / rows.weights[own].sum(), rows.weights[others] / rows.weights[others].sum()
    above, below = _placed(mine, theirs, v), 1 - _placed(theirs, mine, w)
    value = float(w @ above)
    influence[own] += w * (above - value) * _bessel(rows, own)
    influence[others] += v * (below - value) * _bessel(rows, others)
    return value


def _bessel(rows: ScoredRows, members: Codes) -> float:
    """√(n / (n − 1)) for the rows of one class: DeLong's variance divides by n − 1."""
    n = float(rows.weights[members].sum()) if rows.frequency else float(len(members))
    return math.sqrt(n / (n - 1)) if n > 1 else 1.0


def _placed(asked: Floats, among: Floats, weights: Floats) -> Floats:
    """(asked,) weight of `among` below each, ties by half; `weights` sum to 1."""
    order = np.argsort(among, kind="stable")
    below = np.append(0.0, np.cumsum(weights[order]))
    left, right = (np.searchsorted(among[order], asked, side=side) for side in ("left", "right"))
    return np.asarray((below[left] + below[right]) / 2, dtype=np.float64)


def _error(influence: Floats, rows: ScoredRows) -> float:
    """The standard error of the sum of influences, of which those of one unit go together."""
    if rows.frequency:
        return math.sqrt(float(influence @ (influence / rows.weights)))
    by_unit = np.bincount(rows.units, weights=influence)
    return math.sqrt(float(by_unit @ by_unit))


def _estimate(
    value: float, influence: Floats, rows: ScoredRows, sizes: list[int], level: float, method: str
) -> Estimate:
    value = min(1.0, max(0.0, value))
    n, independent, error = len(rows.labels), rows.effective, _error(influence, rows)
    if 1e-12 < value < 1 - 1e-12 and error > 1e-12 and min(sizes) > 1:
        centre, half = math.log(value / (1 - value)), two_sided(level) * error / (value * (1 - value))
        low, high = (1 / (1 + math.exp(-x)) for x in (max(centre - half, -700), min(centre + half, 700)))
        return Estimate(value, n, independent, Interval(low, high, level, "DeLong, logit"), error, method)
    known = auc([0, sizes[0]], [sizes[1], 0], level=level).interval if value > 1 - 1e-12 else None
    words = "the rows do not say how far chance can have moved this number"
    return Estimate(value, n, independent, known, None, method, notes=() if known else (Message("no-error", words),))
