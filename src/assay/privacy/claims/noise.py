"""Whether the noise of a step is the Gaussian that was claimed: its size, its mean, its shape, every direction."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from assay.core.errors import Message
from assay.core.measure import Interval
from assay.privacy.accounting.plan import NoiseSource, Plan
from assay.privacy.claims.evidence import LEVEL, Evidence
from assay.privacy.claims.trainee import Floats, Trainee, released

PARAMETERS = 8
"""Coordinates in which noise is looked at."""

STEPS = 1000
"""Steps on gradients of zero: 8,000 draws show a noise that is too small by a twentieth."""

_DRAWS = 200_000


def noise_evidence(trainee: Trainee, plan: Plan, /) -> list[Evidence]:
    """Tests of what STEPS steps release where every gradient is zero: N(0, (σC)²) in each coordinate, by itself.

    All are exact under the claim, and only those directions that weaken it count: noise that is larger is no breach.
    Another training is asked for as many steps: its noise is the same where it comes from a fixed seed.
    """
    scale = plan.noise_multiplier * plan.max_grad_norm
    nothing = np.zeros((plan.examples, PARAMETERS))
    drawn, other = (released(trainee, nothing, steps=STEPS) / scale for _ in range(2))
    if plan.noise is NoiseSource.LATTICE:
        # Integers come again by chance, and are not normal where the lattice is coarse.
        return [_size(drawn), _mean(drawn, again=False), _directions(drawn)]
    again = len(np.unique(np.concatenate([drawn, other]), axis=0)) < 2 * STEPS
    return [_size(drawn), _mean(drawn, again=again), _directions(drawn), _shape(drawn)]


def _size(drawn: Floats) -> Evidence:
    """Σx² is chi-square with one degree of freedom a draw; too small is a breach."""
    from scipy.stats import chi2

    n, total = drawn.size, float((drawn**2).sum())
    low, high = (math.sqrt(total / chi2.ppf(share, n)) for share in ((1 + LEVEL) / 2, (1 - LEVEL) / 2))
    return Evidence(
        "noise_scale",
        math.sqrt(total / n),
        n,
        "exact chi-square test of the variance",
        p_value=float(chi2.cdf(total, n)),
        interval=Interval(low, high, LEVEL, "chi-square"),
        says=Message(
            "privacy.claim.noise",
            "the noise is {ratio:.3g} times as large as claimed: on the sum, before it is divided, its deviation "
            "must be the noise multiplier times the clipping norm",
            {"ratio": math.sqrt(total / n)},
        ),
    )


def _mean(drawn: Floats, *, again: bool) -> Evidence:
    """The squared means over the steps, times their number, are chi-square: noise that repeats itself has a mean.

    `again` says that the very same numbers came twice.
    """
    from scipy.stats import chi2

    steps, coordinates = drawn.shape
    total = steps * float((drawn.mean(axis=0) ** 2).sum())
    return Evidence(
        "noise_mean",
        math.sqrt(total / coordinates),
        drawn.size,
        "exact chi-square test of the means; equal draws are counted as certain",
        p_value=0.0 if again else float(chi2.sf(total, coordinates)),
        says=Message(
            "privacy.claim.repeated",
            "the noise of different steps, or of different trainings, is not independent: draw it afresh in each, from "
            "no fixed seed",
        ),
    )


def _directions(drawn: Floats) -> Evidence:
    """The determinant of XᵀX: where some combination of coordinates has too little noise, it is too small.

    For independent N(0, 1) it is a product of independent chi-squares with steps, steps − 1, … degrees of freedom
    (Muirhead 1982, theorem 3.2.15); its distribution is simulated from a fixed seed.
    """
    steps, coordinates = drawn.shape
    sign, found = np.linalg.slogdet(drawn.T @ drawn)
    below = int(np.searchsorted(_log_determinants(steps, coordinates), found, side="right")) if sign > 0 else 0
    spread = float((found - np.log(steps - np.arange(coordinates)).sum()) / (2 * coordinates)) if sign > 0 else -50.0
    return Evidence(
        "noise_in_every_direction",
        math.exp(max(spread, -50.0)),
        drawn.size,
        "determinant of the scatter matrix against its exact distribution, simulated",
        p_value=(1 + below) / (1 + _DRAWS),
        says=Message(
            "privacy.claim.directions",
            "some combination of parameters has less noise than claimed: draw a number for each of them",
        ),
    )


@lru_cache(maxsize=4)
def _log_determinants(steps: int, coordinates: int) -> Floats:
    """_DRAWS log determinants of XᵀX under the claim, sorted."""
    rng = np.random.default_rng(0)
    found: Floats = np.sort(sum(np.log(rng.chisquare(steps - i, _DRAWS)) for i in range(coordinates)))
    return found


def _shape(drawn: Floats) -> Evidence:
    """Kolmogorov–Smirnov against N(0, 1), scaled down where the noise is surely larger than claimed."""
    from scipy.stats import chi2, kstest

    total = float((drawn**2).sum())
    larger = chi2.sf(total, drawn.size) < 1 - LEVEL
    found = kstest((drawn / math.sqrt(total / drawn.size) if larger else drawn).ravel(), "norm")
    return Evidence(
        "noise_shape",
        float(found.statistic),
        drawn.size,
        "Kolmogorov-Smirnov distance from the normal distribution",
        p_value=float(found.pvalue),
        says=Message("privacy.claim.shape", "the noise is not Gaussian with the claimed size"),
    )
