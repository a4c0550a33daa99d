"""How far scores are from the rates they promise, from counts in score bins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.core.errors import AssayError
from assay.core.measure import Interval
from assay.stats.moments import Estimate, mean
from assay.stats.quantiles import check_level, normal_quantile

Floats = NDArray[np.float64]
SIGN_SHARE = 0.1
"""Share of the lower end's error that is spent on taking the sign of clearly miscalibrated bins as known."""


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """The expected calibration error Σ (n_b/n) |rate_b − mean score_b| over `bins` filled bins.

    `value` is de-biased, `raw` is the plug-in that other tools print and that sampling noise inflates.
    """

    value: float
    raw: float
    interval: Interval
    bins: int


@dataclass(frozen=True, slots=True)
class Bins:
    """Filled score bins: their share of the rows, effective n, rate of positives and mean score."""

    share: Floats
    ns: Floats
    rate: Floats
    score: Floats


def pooled(n: ArrayLike, positives: ArrayLike, score_sums: ArrayLike, /, *, bins: int = 10) -> Floats:
    """The three sums over at most `bins` runs of neighbouring bins with about equal rows: an array 3 × bins.

    A fine bin goes to the run in which the middle of its rows falls.
    """
    sums = _sums(n, positives, score_sums)
    middle = (np.cumsum(sums[0]) - sums[0] / 2) / sums[0].sum()
    run = np.minimum((middle * bins).astype(np.int64), bins - 1)
    out = np.stack([np.bincount(run, weights=row, minlength=bins).astype(np.float64) for row in sums])
    return out[:, out[0] > 0]


def expected_calibration_error(
    n: ArrayLike,
    positives: ArrayLike,
    score_sums: ArrayLike,
    /,
    *,
    level: float = 0.95,
    rng: np.random.Generator,
    effective: ArrayLike | None = None,
    draws: int = 4000,
) -> CalibrationError:
    """The ECE over the given bins, de-biased, with an interval that holds at perfect calibration too.

    Per bin: rows (or Σw), positives, Σ score; `effective` are the bins' effective ns where rows are weighted. It is the
    error of these bins: what cancels within a bin is not seen, so use ten or more (`pooled` merges finer ones).

    Value: 2 raw − E[raw after adding each bin's binomial noise once more], not below 0: Kumar, Liang & Ma (2019),
    NeurIPS, arXiv 1909.10155, sec. 5, in closed form by the folded normal (Leone, Nelson & Nottingham 1961).
    Interval: the ECE is the largest of the linear contrasts Σ ± w_b gap_b, so raw − ECE <= Σ w_b |noise_b|, whose
    quantile gives the low end; a bin many standard errors off counts with its sign (Andrews & Soares 2010,
    Econometrica 78:119). The high end is the largest ECE under which a raw value this small has probability (1 −
    level)/2, over the least detectable pattern: every bin off by the same number of standard errors. Simulated in
    tests/stats.
    """
    tail = (1 - check_level(level)) / 2
    table = _bins(_sums(n, positives, score_sums), effective)
    gap = table.rate - table.score
    raw = float(table.share @ np.abs(gap))
    noise = np.sqrt(table.rate * (1 - table.rate) / table.ns)
    value = max(0.0, 2 * raw - float(table.share @ _folded_mean(gap, noise)))
    error = _cautious_error(table)
    low = raw - _noise_quantile(table.share, gap, error, tail, rng.standard_normal((draws, len(gap))))
    high = _upper_end(raw, table.share * error, tail)
    interval = Interval(max(0.0, min(low, value)), min(1.0, max(high, value)), level, "calibration contrasts")
    return CalibrationError(value, raw, interval, len(gap))


def calibration_in_the_large(
    n: float,
    positives: float,
    score_sum: float,
    squared_error_sum: float,
    /,
    *,
    level: float = 0.95,
    effective: float | None = None,
) -> Estimate:
    """The rate of positives minus the mean score, with Student's interval; > 0: scores are too low on the whole.

    `squared_error_sum` is Σ(score − label)², whose mean minus the squared difference is the variance of a row.
    Weighted rows: weighted sums and Kish's `effective` n. Source: Van Calster et al. (2019), BMC Medicine 17:230
    (mean calibration).
    """
    return mean(positives - score_sum, squared_error_sum, n, level=level, effective=effective)


def _sums(n: ArrayLike, positives: ArrayLike, score_sums: ArrayLike) -> Floats:
    columns = [np.asarray(v, dtype=np.float64) for v in (n, positives, score_sums)]
    if len({c.shape for c in columns}) != 1 or columns[0].ndim != 1:
        raise AssayError(
            "Rows, positives and score sums must be one number a bin each.", code="shape", hint="Check the bins."
        )
    sums = np.stack(columns)
    if sums[0].sum() <= 0:
        raise AssayError(
            "Calibration needs scored rows.",
            code="empty-denominator",
            hint="Report it as unmeasured, with this reason.",
        )
    slack = 1e-6 * sums[0]  # fixed-point sums round
    if (sums < -slack).any() or (sums[1:] > sums[0] + slack).any():
        raise AssayError(
            "Positives and score sums must lie between 0 and n.", code="value", hint="Scores are in [0, 1]."
        )
    return sums


def _bins(sums: Floats, effective: ArrayLike | None) -> Bins:
    filled = sums[0] > 0
    n, positives, scores = sums[:, filled]
    ns = n if effective is None else np.asarray(effective, dtype=np.float64)[filled]
    return Bins(n / n.sum(), ns, np.clip(positives / n, 0, 1), np.clip(scores / n, 0, 1))


def _cautious_error(table: Bins) -> Floats:
    """Standard errors that do not vanish in a bin without positives: the larger of two binomial ones.

    One at the mean score, true if the bin is calibrated; one at the observed rate with one more row of the mean score.
    """
    rate = (table.rate * table.ns + table.score) / (table.ns + 1)
    widest = np.maximum(rate * (1 - rate), table.score * (1 - table.score))
    return np.asarray(np.sqrt(widest / table.ns))


def _folded_mean(gap: Floats, error: Floats) -> Floats:
    """E|gap + error Z| for a standard normal Z."""
    from scipy.special import ndtr

    ratio = np.divide(gap, error, out=np.zeros_like(gap), where=error > 0)
    noisy = error * math.sqrt(2 / math.pi) * np.exp(-(ratio**2) / 2) + gap * (1 - 2 * ndtr(-ratio))
    return np.where(error > 0, noisy, np.abs(gap))


def _noise_quantile(share: Floats, gap: Floats, error: Floats, tail: float, normal: Floats) -> float:
    """What raw − ECE exceeds with probability `tail` at most; `normal` are standard normal draws × bins."""
    clear = -normal_quantile(SIGN_SHARE * tail / (2 * len(gap)))
    known = np.abs(gap) > clear * error
    noise = np.where(known, np.sign(gap) * normal, np.abs(normal)) @ (share * error)
    return float(np.quantile(noise, 1 - (1 - SIGN_SHARE) * tail))


def _upper_end(raw: float, scale: Floats, tail: float) -> float:
    """c Σ scale for the largest c under which a raw ECE of `raw` or less has probability `tail`, normally.

    With every bin off by c standard errors raw has mean g(c) Σ scale and variance (1 + c² − g(c)²) Σ scale², g(c) =
    E|c + Z|. A raw value under its mean at perfect calibration counts as that mean, since luck is no evidence.
    """
    total, root = float(scale.sum()), float(np.sqrt((scale**2).sum()))
    if total == 0:
        return raw
    z = normal_quantile(1 - tail)
    raw = max(raw, total * math.sqrt(2 / math.pi))

    def reached(c: float) -> bool:
        g = math.sqrt(2 / math.pi) * math.exp(-c * c / 2) + c * math.erf(c / math.sqrt(2))
        return g * total - z * root * math.sqrt(max(0.0, 1 + c * c - g * g)) >= raw

    low, high = 0.0, raw / total + z + 1
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high * total
