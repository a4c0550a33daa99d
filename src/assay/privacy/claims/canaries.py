"""The one-run audit: many gradients of the auditor's, each in or out by a coin, in one training."""

from __future__ import annotations

import numpy as np

from assay.core.errors import Message
from assay.privacy.accounting.plan import Plan
from assay.privacy.claims.batches import HUGE
from assay.privacy.claims.evidence import LEVEL, Evidence
from assay.privacy.claims.neighbours import score, simulated, watched_steps
from assay.privacy.claims.one_run import one_run_epsilon, one_run_p_value
from assay.privacy.claims.trainee import Floats, Trainee, released

MOST_CANARIES = 256
STEPS = 200
_CELLS = 4_000_000


def canary_evidence(
    trainee: Trainee, plan: Plan, /, *, epsilon: float, delta: float, rng: np.random.Generator
) -> Evidence:
    """The epsilon that one training with orthogonal canaries refutes at LEVEL (Steinke, Nasr & Jagielski 2023).

    Each canary is a gradient far beyond the clipping norm in a coordinate of its own, in the data by a fair coin;
    the others are zeros. The attacker guesses the canaries of highest score to be in and those of lowest to be out; how
    many of them is chosen by the claim alone. It is a bound, and a weak one at a large epsilon.
    """
    canaries = max(2, min(plan.examples, MOST_CANARIES, _CELLS // plan.examples))
    watched = watched_steps(plan, most=STEPS)
    coins = rng.random(canaries) < 0.5
    gradients = np.zeros((plan.examples, canaries))
    gradients[np.arange(canaries), np.arange(canaries)] = np.where(coins, HUGE * plan.max_grad_norm, 0.0)
    seen = released(trainee, gradients, steps=watched).T / plan.max_grad_norm
    guesses = _guesses(plan, canaries, watched, delta)
    right = _right(score(seen, plan), coins, guesses)
    return Evidence(
        "epsilon_lower_bound_one_run",
        one_run_epsilon(right, guesses, canaries=canaries, delta=delta, level=LEVEL),
        canaries,
        f"one run of {watched} steps, {right} of {guesses} guesses right (Steinke, Nasr & Jagielski 2023)",
        p_value=one_run_p_value(right, guesses, canaries=canaries, epsilon=epsilon, delta=delta),
        says=Message(
            "privacy.claim.canaries",
            "canaries are found again more often than an epsilon of {epsilon:.4g} allows",
            {"epsilon": epsilon},
        ),
    )


def _right(scores: Floats, coins: np.ndarray[tuple[int], np.dtype[np.bool_]], guesses: int) -> int:
    """How many of the guesses are right: half of them the highest scores as in, half the lowest as out."""
    order = np.argsort(scores, kind="stable")
    top = guesses // 2
    bottom = guesses - top
    return int(coins[order[len(order) - top :]].sum() + (~coins[order[:bottom]]).sum())


def _guesses(plan: Plan, canaries: int, steps: int, delta: float) -> int:
    """The number of guesses with which a training that keeps the claim would be bounded best."""
    rng = np.random.default_rng(1)
    coins = np.arange(canaries) % 2 == 0
    # Absent canaries are zeros under either adjacency.
    seen = simulated(plan, True, (canaries, steps), rng)
    noise = plan.released_multiplier * rng.standard_normal((canaries, steps))
    scores = score(np.where(coins[:, None], seen, noise), plan)
    choices = sorted({max(2, canaries // part) for part in (1, 2, 4, 8)})

    def bound(guesses: int) -> float:
        return one_run_epsilon(_right(scores, coins, guesses), guesses, canaries=canaries, delta=delta, level=LEVEL)

    return max(choices, key=bound)
