"""How well neighbouring data are told apart by what repeated trainings release."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.privacy.accounting.plan import Plan, Sampling
from assay.privacy.claims.batches import HUGE
from assay.privacy.claims.evidence import LEVEL, Evidence
from assay.privacy.claims.noise import PARAMETERS
from assay.privacy.claims.tradeoff import TradeOff, epsilon_of_mu, gaussian_mu, most_likely_share, tradeoff_of
from assay.privacy.claims.trainee import Floats, Trainee, along, dense_direction, released
from assay.privacy.loss.adjacency import Adjacency

_SIMULATED = 4000


def watched_steps(plan: Plan, /, *, most: int) -> int:
    """The steps of a training that are looked at: the first `most` of them; what they give away, all give away.

    Steps that each go as a first one are no epoch of EACH_ONCE, where an example comes once: there it is one step.
    """
    return 1 if plan.sampling is Sampling.EACH_ONCE else min(plan.total_steps, most)


def score(seen: Floats, plan: Plan, /) -> Floats:
    """The log-likelihood ratio of released sums (..., steps) along a gradient, in clipping norms, under the claim.

    With the gradient, each step has it with the probability of the claimed sampling; without, never (or, where a unit
    is replaced, the opposite one). No other score tells better (Neyman & Pearson 1933).
    """
    variance, rate = plan.released_multiplier**2, plan.sampling_rate
    if plan.sampling in (Sampling.CUSTOM, Sampling.EACH_ONCE):
        rate = 1.0
    with np.errstate(divide="ignore"):
        out = np.log1p(-rate) if rate < 1 else -np.inf
    ratio = np.logaddexp(out, math.log(rate) + (2 * seen - 1) / (2 * variance))
    if plan.adjacency is Adjacency.REPLACE:
        ratio = ratio - np.logaddexp(out, math.log(rate) + (-2 * seen - 1) / (2 * variance))
    found: Floats = np.asarray(ratio.sum(axis=-1))
    return found


def neighbour_evidence(trainee: Trainee, plan: Plan, /, *, delta: float, runs: int, steps: int) -> list[Evidence]:
    """The Gaussian trade-off that `runs` trainings on either data set refute at LEVEL, and whether the claim allows it.

    The data sets are zeros, and zeros with one gradient far beyond the clipping norm (for REPLACE: that one and its
    opposite). The score and its threshold are chosen by the claim alone, so both shares of errors are binomial: their
    upper Clopper–Pearson bounds give a mu from below (Nasr and others 2023, arXiv 2302.07956), and an epsilon at
    `delta` if the trade-off is Gaussian. The claim is broken where the bounds lie below the trade-off curve of the
    claimed plan itself, with its sampling, over as many steps.
    """
    watched = watched_steps(plan, most=steps)
    limit = tradeoff_of(replace(plan, steps=watched, epochs=None))
    threshold = _threshold(plan, runs, watched)
    without, present = (score(_seen(trainee, plan, there, (runs, watched)), plan) for there in (False, True))
    alarms, misses = int((without > threshold).sum()), int((present <= threshold).sum())
    share = 1 - (1 - LEVEL) / 2
    bounds = [most_likely_share(count, runs, level=share) for count in (alarms, misses)]
    mu = gaussian_mu(bounds[0], bounds[1])
    how = f"{runs} runs of {watched} steps on either of two neighbouring data sets, Clopper-Pearson"
    return [
        Evidence(
            "mu_lower_bound",
            mu,
            (runs, runs),
            how,
            p_value=_p_value(alarms, misses, runs, limit),
            says=Message(
                "privacy.claim.neighbours",
                "neighbouring data are told apart better than the claim allows: mu is at least {mu:.3g}",
                {"mu": mu},
            ),
        ),
        Evidence("epsilon_lower_bound", epsilon_of_mu(mu, delta=delta), (runs, runs), f"{how}, Gaussian trade-off"),
    ]


def _seen(trainee: Trainee, plan: Plan, present: bool, shape: tuple[int, int]) -> Floats:
    """(runs, steps) released sums along the one gradient."""
    direction = dense_direction(PARAMETERS)
    lengths = np.zeros(plan.examples)
    away = -1.0 if plan.adjacency is Adjacency.REPLACE else 0.0
    lengths[0] = HUGE * plan.max_grad_norm * (1.0 if present else away)
    found = released(trainee, along(direction, lengths), steps=shape[0] * shape[1]) @ direction
    return (found / plan.max_grad_norm).reshape(shape)


def _threshold(plan: Plan, runs: int, steps: int) -> float:
    """The score beyond which the gradient is said to be there, where the claim would give the largest bound on mu."""
    rng = np.random.default_rng(0)
    without, present = (score(simulated(plan, there, (_SIMULATED, steps), rng), plan) for there in (False, True))
    share = 1 - (1 - LEVEL) / 2

    def bound(threshold: float) -> float:
        alarms, misses = np.mean(without > threshold), np.mean(present <= threshold)
        expected = (round(float(alarms) * runs), round(float(misses) * runs))
        return gaussian_mu(*(most_likely_share(count, runs, level=share) for count in expected))

    # Where the claim leaves nothing to be seen, the first: a gradient that stands out is still seen.
    candidates = [
        *np.quantile(without, [0.95, *np.linspace(0.5, 1, 26)]),
        *np.quantile(present, [0.0, 0.01, 0.05, 0.1, 0.2]),
    ]
    return float(max(candidates, key=lambda one: bound(float(one))))


def simulated(
    plan: Plan, present: bool | NDArray[np.bool_], shape: tuple[int, ...], rng: np.random.Generator, /
) -> Floats:
    """Released sums along a gradient, in clipping norms, of a training that keeps the claim; the last axis is steps.

    `present` may be an array for the first axis. Where no chance is claimed, the gradient is in every batch.
    """
    away = -1.0 if plan.adjacency is Adjacency.REPLACE else 0.0
    sign = np.where(present, 1.0, away).reshape((-1,) + (1,) * (len(shape) - 1))
    sampled = plan.sampling not in (Sampling.CUSTOM, Sampling.EACH_ONCE)
    there = rng.random(shape) < plan.sampling_rate if sampled else np.ones(shape, dtype=bool)
    found: Floats = sign * there + plan.released_multiplier * rng.standard_normal(shape)
    return found


def _p_value(alarms: int, misses: int, runs: int, limit: TradeOff) -> float:
    """The least level at which both bounds still lie below the curve; 1 where they never do."""

    def broken(level: float) -> bool:
        share = 1 - level / 2
        bounds = [most_likely_share(count, runs, level=share) for count in (alarms, misses)]
        return bounds[1] < limit.misses(bounds[0])

    if not broken(0.5):
        return 1.0
    low, high = -30.0, math.log10(0.5)
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (low, middle) if broken(10.0**middle) else (middle, high)
    return float(10.0**high)
