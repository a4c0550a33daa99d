"""How well neighbouring data are told apart by what repeated trainings release."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from assay.core.errors import AssayError, Message
from assay.privacy.accounting.plan import Plan
from assay.privacy.claims.canaries import Canaries, planted, watched_steps
from assay.privacy.claims.evidence import LEVEL, Evidence
from assay.privacy.claims.tradeoff import TradeOff, epsilon_of_mu, gaussian_mu, most_likely_share, tradeoff_of
from assay.privacy.claims.trainee import Trainee


@dataclass(frozen=True, slots=True)
class Errors:
    """An attacker's mistakes: `alarms` of `out` absences, `misses` of `present` presences."""

    alarms: int
    out: int
    misses: int
    present: int

    def bounds(self, level: float, /) -> tuple[float, float]:
        """Upper Clopper–Pearson bounds of the shares of false alarms and misses that hold together at `level`."""
        each = 1 - (1 - level) / 2
        return (
            most_likely_share(self.alarms, self.out, level=each),
            most_likely_share(self.misses, self.present, level=each),
        )


def neighbour_evidence(
    trainee: Trainee, plan: Plan, /, *, delta: float, runs: int, steps: int, rng: np.random.Generator
) -> list[Evidence]:
    """The Gaussian trade-off that the errors of an attacker refute at LEVEL, and whether the claim allows it.

    In each of `runs` trainings every canary (see `Canaries`) is in the data or not by a coin, and the attacker says
    which from the sums of the first `steps` steps: for each canary a question of two neighbouring data sets. The score
    is chosen by the claim, its threshold by the first half of the trainings, and errors are counted in the other half:
    so their shares are binomial, canaries of one training being independent where the noise is, which is tested by
    itself. Their upper bounds give a mu from below (Nasr and
    others 2023, arXiv 2302.07956), and an epsilon at `delta` if the trade-off is Gaussian. The claim is broken where
    the bounds lie below the trade-off curve of the claimed plan, with its sampling, over as many steps.
    """
    if runs < 2:
        raise AssayError("Neighbouring data take two trainings at least.", code="runs", hint="20 is usual.")
    watched = watched_steps(plan, most=steps)
    trials = [planted(trainee, plan, steps=watched, rng=rng) for _ in range(runs)]
    found = _errors(trials[runs // 2 :], _threshold(trials[: runs // 2]))
    mu = gaussian_mu(*found.bounds(LEVEL))
    limit = tradeoff_of(replace(plan, steps=watched, epochs=None))
    how = f"{runs} trainings, {watched} steps, {len(trials[0].coins)} canaries, Clopper-Pearson"
    text = "neighbouring data are told apart better than the claim allows: mu is at least {mu:.3g}"
    says = Message("privacy.claim.neighbours", text, {"mu": mu})
    n = (found.out, found.present)
    return [
        Evidence("mu_lower_bound", mu, n, how, p_value=_p_value(found, limit), says=says),
        Evidence("epsilon_lower_bound", epsilon_of_mu(mu, delta=delta), n, f"{how}, Gaussian trade-off"),
    ]


def _errors(trials: Sequence[Canaries], threshold: float) -> Errors:
    present = np.concatenate([trial.coins for trial in trials])
    said = np.concatenate([trial.scores for trial in trials]) > threshold
    return Errors(int((said & ~present).sum()), int((~present).sum()), int((~said & present).sum()), int(present.sum()))


def _threshold(trials: Sequence[Canaries]) -> float:
    """The score beyond which a canary is said to be there, where the bound on mu is largest for `trials`."""
    out = np.concatenate([trial.scores[~trial.coins] for trial in trials])
    present = np.concatenate([trial.scores[trial.coins] for trial in trials])
    candidates = [*np.quantile(out, np.linspace(0.5, 1, 51)), *np.quantile(present, np.linspace(0, 0.5, 51))]
    # Where nothing is to be seen, the first: a canary that stands out would still be.
    start = float(np.quantile(out, 0.95))
    return float(max([start, *candidates], key=lambda one: gaussian_mu(*_errors(trials, float(one)).bounds(LEVEL))))


def _p_value(found: Errors, limit: TradeOff) -> float:
    """The least level at which both bounds still lie below the curve; 1 where they never do."""

    def broken(level: float) -> bool:
        alarms, misses = found.bounds(1 - level)
        return misses < limit.misses(alarms)

    if not broken(0.5):
        return 1.0
    low, high = -15.0, math.log10(0.5)
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (low, middle) if broken(10.0**middle) else (middle, high)
    return float(10.0**high)
