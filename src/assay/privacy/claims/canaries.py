"""Canaries: gradients of the auditor's, each in the data or not by a coin, and how well they are found again."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.privacy.accounting.plan import Plan, Sampling
from assay.privacy.claims.batches import HUGE
from assay.privacy.claims.evidence import LEVEL, Evidence
from assay.privacy.claims.one_run import one_run_epsilon, one_run_p_value
from assay.privacy.claims.trainee import Floats, Trainee, released
from assay.privacy.loss.adjacency import Adjacency

MOST_CANARIES = 256
_CELLS = 4_000_000
"""Numbers that the gradients of a data set may have."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Canaries:
    """`coins` (canaries,): which were in the data; `scores` (canaries,): how much it looks as if they had been.

    Each canary is a gradient far beyond the clipping norm in a coordinate of its own; all other gradients are zeros. A
    canary that is not in the data leaves a zero, or, where a unit is replaced, its opposite.
    """

    coins: Bools
    scores: Floats


def planted(trainee: Trainee, plan: Plan, /, *, steps: int, rng: np.random.Generator) -> Canaries:
    """The Canaries of one training of `steps` steps."""
    count = max(2, min(plan.examples, MOST_CANARIES, _CELLS // plan.examples))
    coins = rng.random(count) < 0.5
    gradients = np.zeros((plan.examples, count))
    gradients[np.arange(count), np.arange(count)] = HUGE * plan.max_grad_norm * np.where(coins, 1.0, _absent(plan))
    seen = released(trainee, gradients, steps=steps).T / plan.max_grad_norm
    return Canaries(coins, score(seen, plan))


def watched_steps(plan: Plan, /, *, most: int) -> int:
    """The steps of a training that are looked at: the first `most` of them; what they give away, all give away.

    Steps that each go as a first one are no epoch of EACH_ONCE, where an example comes once: there it is one step.
    """
    return 1 if plan.sampling is Sampling.EACH_ONCE else min(plan.total_steps, most)


def score(seen: Floats, plan: Plan, /) -> Floats:
    """The log-likelihood ratio of released sums (..., steps) along a canary, in clipping norms, under the claim.

    With the canary, each step has it with the probability of the claimed sampling; without, never (or its opposite,
    where a unit is replaced). No other score tells better (Neyman & Pearson 1933).
    """
    variance, rate = plan.released_multiplier**2, plan.sampling_rate if _by_chance(plan) else 1.0
    out = math.log1p(-rate) if rate < 1 else -math.inf
    ratio = np.logaddexp(out, math.log(rate) + (2 * seen - 1) / (2 * variance))
    if plan.adjacency is Adjacency.REPLACE:
        ratio = ratio - np.logaddexp(out, math.log(rate) + (-2 * seen - 1) / (2 * variance))
    found: Floats = np.asarray(ratio.sum(axis=-1))
    return found


def simulated(plan: Plan, present: Bools, /, *, steps: int, rng: np.random.Generator) -> Floats:
    """(canaries, steps) released sums, in clipping norms, of a training that keeps the claim."""
    shape = (len(present), steps)
    there = rng.random(shape) < plan.sampling_rate if _by_chance(plan) else np.ones(shape, dtype=bool)
    found: Floats = plan.released_multiplier * rng.standard_normal(shape)
    found += np.where(present, 1.0, _absent(plan))[:, None] * there
    return found


def canary_evidence(
    trainee: Trainee, plan: Plan, /, *, epsilon: float, delta: float, steps: int, rng: np.random.Generator
) -> Evidence:
    """The epsilon that one training with Canaries refutes at LEVEL (Steinke, Nasr & Jagielski 2023).

    The attacker guesses canaries of the highest scores to have been in the data and those of the lowest not; how many
    is chosen by the claim alone. It needs no independence of anything, and is a weak bound at a large epsilon.
    """
    watched = watched_steps(plan, most=steps)
    seen = planted(trainee, plan, steps=watched, rng=rng)
    canaries = len(seen.coins)
    guesses = _guesses(plan, canaries, watched, delta)
    right = _right(seen, guesses)
    text = "canaries are found again more often than an epsilon of {epsilon:.4g} allows"
    return Evidence(
        "epsilon_lower_bound_one_run",
        one_run_epsilon(right, guesses, canaries=canaries, delta=delta, level=LEVEL),
        canaries,
        f"one training of {watched} steps, {right} of {guesses} guesses right (Steinke, Nasr & Jagielski 2023)",
        p_value=one_run_p_value(right, guesses, canaries=canaries, epsilon=epsilon, delta=delta),
        says=Message("privacy.claim.canaries", text, {"epsilon": epsilon}),
    )


def _absent(plan: Plan) -> float:
    return -1.0 if plan.adjacency is Adjacency.REPLACE else 0.0


def _by_chance(plan: Plan) -> bool:
    return plan.sampling not in (Sampling.CUSTOM, Sampling.EACH_ONCE)


def _right(seen: Canaries, guesses: int) -> int:
    """How many of the guesses are right: half of them the highest scores as in, half the lowest as out."""
    order = np.argsort(seen.scores, kind="stable")
    top = guesses // 2
    return int(seen.coins[order[len(order) - top :]].sum() + (~seen.coins[order[: guesses - top]]).sum())


def _guesses(plan: Plan, canaries: int, steps: int, delta: float) -> int:
    """The number of guesses with which a training that keeps the claim would be bounded best."""
    rng = np.random.default_rng(1)
    coins = np.arange(canaries) % 2 == 0
    seen = Canaries(coins, score(simulated(plan, coins, steps=steps, rng=rng), plan))
    choices = sorted({max(2, canaries // part) for part in (1, 2, 4, 8)})

    def bound(guesses: int) -> float:
        return one_run_epsilon(_right(seen, guesses), guesses, canaries=canaries, delta=delta, level=LEVEL)

    return max(choices, key=bound)
