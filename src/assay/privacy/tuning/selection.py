"""What it costs to try settings a random number of times and to release the best run only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.privacy.accounting.calibration import noise_for
from assay.privacy.accounting.pairs import pair_of
from assay.privacy.accounting.renyi import divergences, epsilon_new
from assay.privacy.tuning.grid import Candidate, with_noise

if TYPE_CHECKING:
    from assay.privacy.accounting.plan import Plan

Floats = NDArray[np.float64]
TIGHT = 1e-3
"""How far below the target the epsilon of a selection may stay, as a share of it."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Rényi divergences `rdp` at `orders` above 1."""

    orders: Floats
    rdp: Floats

    def epsilon(self, delta: float, /) -> float:
        """By the newer conversion."""
        return epsilon_new(self.orders, self.rdp, delta=delta)


def one_run(plans: Sequence[Plan], /, *, score_rho: Fraction) -> Curve:
    """Of drawing one of `plans` at random, training, and scoring with a noisy number that is rho-zCDP.

    Which plan was drawn belongs to the output and does not depend on the data, so the divergence is at most the largest
    of the plans; training and score compose by sum, whatever rows the score is computed on.
    """
    found = [divergences(pair_of(plan)) for plan in dict.fromkeys(_same_cost(plan) for plan in plans)]
    orders = found[0][0]
    kept = orders > 1
    worst = np.max([rdp for _, rdp in found], axis=0)
    return Curve(orders[kept], (worst + orders * float(score_rho))[kept])


def repeated(run: Curve, /, *, mean: float) -> Curve:
    """Of the best of K runs, K drawn from the geometric distribution with that mean; nothing else is released.

    Papernot & Steinke (2022), arXiv 2110.03620, Theorem 2 with η = 1 and γ = 1 / mean: where one run is (λ, ε)-RDP and
    (λ̂, ε̂)-RDP, the selection is (λ, ε + 2(1 − 1/λ̂)ε̂ + 2 ln(mean)/λ̂ + ln(mean)/(λ − 1))-RDP, for any λ̂. A Poisson
    number of runs costs a little more and may be 0.
    """
    if not (math.isfinite(mean) and mean >= 1):
        raise AssayError("The mean number of runs is at least 1.", code="runs", hint="10 is usual.")
    a, tries = run.orders, math.log(mean)
    constant = 2 * float(((1 - 1 / a) * run.rdp + tries / a).min())
    return Curve(a, run.rdp + constant + tries / (a - 1))


def epsilon_of(found: Sequence[Candidate], /, *, score_rho: Fraction, mean: float, delta: float) -> float:
    """The epsilon at `delta` of selecting among `found`."""
    run = one_run([candidate.plan for candidate in found], score_rho=score_rho)
    return repeated(run, mean=mean).epsilon(delta)


def calibrated(
    found: Sequence[Candidate], /, *, epsilon: float, delta: float, score_rho: Fraction, mean: float
) -> list[Candidate]:
    """The candidates with so much noise that their selection stays within `epsilon`; never beyond.

    Each starts with the noise that it would need by itself; all are raised by one factor. Raises AssayError "target"
    where even a thousand times the noise is not enough: then the scores and the number of runs are too dear.
    """
    alone = {
        plan: noise_for(plan, target_epsilon=epsilon, delta=delta, accountant=found[0].settings.accountant)
        for plan in dict.fromkeys(_same_cost(candidate.plan) for candidate in found)
    }

    def raised(factor: float) -> list[Candidate]:
        return [with_noise(one, float(f"{alone[_same_cost(one.plan)] * factor:.6g}")) for one in found]

    def too_much(factor: float) -> bool:
        return epsilon_of(raised(factor), score_rho=score_rho, mean=mean, delta=delta) > epsilon

    low, high = 1.0, 2.0
    while too_much(high):
        low, high = high, high * 2
        if high > 1_000:
            raise AssayError(
                "Selecting costs more than the whole target.",
                code="target",
                hint="Raise epsilon, lower --runs, or select without accounting.",
            )
    while high / low > 1 + TIGHT:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if too_much(middle) else (low, middle)
    return raised(high)


def _same_cost(plan: Plan) -> Plan:
    """The plan without its clipping norm, on which the epsilon does not depend."""
    return replace(plan, max_grad_norm=1.0)
