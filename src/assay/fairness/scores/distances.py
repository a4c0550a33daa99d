"""How far two score distributions lie apart, without the distance that chance alone puts between samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.measure import Interval
from assay.fairness.scores.histogram import Histogram

Floats = NDArray[np.float64]
DRAWS = 500


@dataclass(frozen=True, slots=True)
class Distance:
    """A de-biased distance, the plug-in `raw` one, and an interval that holds at 0 and away from it."""

    value: float
    raw: float
    interval: Interval


Norm = Callable[[Floats], Floats]
"""(draws × inner bin edges) differences of distribution functions -> one distance a draw."""


def kolmogorov_smirnov(differences: Floats, /) -> Floats:
    """The largest difference of the distribution functions at a bin edge."""
    return np.asarray(np.abs(differences).max(axis=-1), dtype=np.float64)


def wasserstein(steps: Floats, /) -> Norm:
    """The area between the distribution functions; `steps` are the distances between the centres of adjacent bins."""
    return lambda differences: np.asarray(np.abs(differences) @ steps, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Noise:
    """Draws of √n (empirical − true distribution function) at the inner bin edges: Brownian bridges (Donsker)."""

    bridges: Floats

    @classmethod
    def of(cls, everyone: Histogram, /, *, rng: np.random.Generator) -> Noise:
        """For samples from the histogram of all rows (van der Vaart 1998, Asymptotic Statistics, ch. 19)."""
        shares = everyone.size / everyone.size.sum()
        walk = np.cumsum(rng.standard_normal((DRAWS, len(shares))) * np.sqrt(shares), axis=1)
        return cls((walk - np.cumsum(shares) * walk[:, -1:])[:, :-1])


def distance(a: Histogram, b: Histogram, norm: Norm, noise: Noise, /, *, level: float) -> Distance:
    """The `norm` of the difference between the distribution functions of two slices over the same bins.

    Observed and true difference of the distribution functions differ by the noise of the two samples, so that their
    norms differ by at most the norm of that noise (triangle inequality), whose quantile at `level` is the half width:
    right at equality, wide away from it. `value` takes off what one more dose of the noise adds, as for a calibration
    error (Kumar, Liang & Ma 2019, sec. 5).
    """
    observed = np.cumsum(a.size / a.size.sum() - b.size / b.size.sum())[:-1]
    scale = math.sqrt(1 / a.effective + 1 / b.effective)
    raw = float(norm(observed[None])[0])
    value = max(0.0, 2 * raw - float(norm(observed + scale * noise.bridges).mean()))
    reach = scale * float(np.quantile(norm(noise.bridges), level))
    low = min(value, max(0.0, raw - reach))
    return Distance(value, raw, Interval(low, max(value, raw + reach), level, "norm of the sampling noise"))


def kolmogorov_p(raw: float, a: Histogram, b: Histogram, /) -> float:
    """Two-sample Kolmogorov–Smirnov p-value (asymptotic); on bins the distance is smaller, so that it errs upwards."""
    from scipy.special import kolmogorov

    return float(kolmogorov(raw * math.sqrt(a.effective * b.effective / (a.effective + b.effective))))
