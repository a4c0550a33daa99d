"""What one training on many canaries, each in or out by a coin, says of epsilon."""

from __future__ import annotations

import math

import numpy as np

from assay.core.errors import AssayError


def one_run_p_value(right: int, guesses: int, /, *, canaries: int, epsilon: float, delta: float) -> float:
    """The probability that (epsilon, delta)-private training lets `right` or more of `guesses` be right, from above.

    Each of `canaries` was in the training by a fair coin; the attacker says of `guesses` of them whether they were, and
    abstains from the others. With B ~ Binomial(guesses, e^ε/(1 + e^ε)) it is P[B ≥ v] + 2 m δ max over i from 1 to v of
    P[v − i ≤ B < v]/i. Source: Steinke, Nasr & Jagielski 2023, arXiv 2305.08846, theorem 5.2 with proposition 5.7.
    """
    from scipy.stats import binom

    _check(right, guesses, canaries)
    share = 1 / (1 + math.exp(-epsilon))
    tail = float(binom.sf(right - 1, guesses, share))
    if delta == 0 or right == 0:
        return min(1.0, tail)
    below = np.cumsum(binom.pmf(np.arange(right - 1, -1, -1), guesses, share))
    worst = float(np.max(below / np.arange(1, right + 1)))
    return min(1.0, tail + 2 * canaries * delta * worst)


def one_run_epsilon(right: int, guesses: int, /, *, canaries: int, delta: float, level: float = 0.95) -> float:
    """The largest epsilon that is refuted at confidence `level`: training is not (epsilon, delta)-private below it.

    0 where nothing is refuted. See `one_run_p_value`, which rises in epsilon.
    """
    low, high = 0.0, 1.0

    def refuted(epsilon: float) -> bool:
        return one_run_p_value(right, guesses, canaries=canaries, epsilon=epsilon, delta=delta) < 1 - level

    if not refuted(0.0):
        return 0.0
    while refuted(high):
        low, high = high, 2 * high
        if high > 700:
            return low
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def _check(right: int, guesses: int, canaries: int) -> None:
    if not 0 <= right <= guesses <= canaries or guesses < 1:
        raise AssayError(
            f"{right} right of {guesses} guesses about {canaries} canaries cannot be.",
            code="canaries",
            hint="Guess about at least one canary, and about none twice.",
        )
