"""All tests of a claim, those that look broken asked a second time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.errors import AssayError, Message
from assay.privacy.accounting.accountants import check_delta, epsilon
from assay.privacy.accounting.plan import Plan
from assay.privacy.claims.batches import batch_evidence
from assay.privacy.claims.canaries import canary_evidence
from assay.privacy.claims.evidence import Evidence
from assay.privacy.claims.neighbours import neighbour_evidence
from assay.privacy.claims.noise import noise_evidence
from assay.privacy.claims.trainee import Trainee

SLACK = 1e-3
"""By how much, as a share, the epsilon of the plan may exceed a claimed one that was rounded."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A training by `plan` is said to be (`epsilon`, `delta`)-differentially private."""

    plan: Plan
    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        check_delta(self.delta, examples=self.plan.examples)
        if not (math.isfinite(self.epsilon) and self.epsilon > 0):
            raise AssayError(f"The claimed epsilon must be above 0; it is {self.epsilon!r}.", code="claim")
        if self.plan.clip_count_noise is not None:
            raise AssayError(
                "A training whose clipping norm adapts cannot be asked for its noise from outside.",
                code="claim",
                hint="Ask of the same training with the clipping norm held fixed.",
            )


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found of a claim; `broken` are the Evidences that showed twice what a kept claim shows once in 1000."""

    claim: Claim
    evidence: tuple[Evidence, ...]
    broken: tuple[Evidence, ...]

    @property
    def says(self) -> tuple[Message, ...]:
        """What is wrong with the training, a sentence for each broken Evidence."""
        return tuple(found.says for found in self.broken if found.says is not None)


def audit(trainee: Trainee, claim: Claim, /, *, seed: int = 0, runs: int = 20, run_steps: int = 500) -> Audit:
    """The Audit of what `trainee` releases against `claim`.

    Four kinds of tests: the noise, the batches, neighbouring data (canaries in `runs` trainings, of which
    the first `run_steps` steps are seen: their product is what an audit costs), and canaries in one run. Where one of a
    kind would be seen less than once in a thousand times from a training that keeps the claim, the kind is asked
    again with fresh draws, and only what shows both times is broken: an honest training is called broken about once in
    100,000 audits. `seed` is of the auditor's coins; those of the training are its own.
    """
    rng = np.random.default_rng(seed)
    plan = claim.plan
    kinds: Sequence[Callable[[], Iterable[Evidence]]] = (
        lambda: noise_evidence(trainee, plan),
        lambda: batch_evidence(trainee, plan),
        lambda: neighbour_evidence(trainee, plan, delta=claim.delta, runs=runs, steps=run_steps, rng=rng),
        lambda: [canary_evidence(trainee, plan, epsilon=claim.epsilon, delta=claim.delta, steps=run_steps, rng=rng)],
    )
    evidence = [_accounted(claim)]
    broken = [found for found in evidence if found.suspicious]
    for kind in kinds:
        first = list(kind())
        evidence += first
        if any(found.suspicious for found in first):
            again = {found.name for found in kind() if found.suspicious}
            broken += [found for found in first if found.suspicious and found.name in again]
    return Audit(claim, tuple(evidence), tuple(broken))


def _accounted(claim: Claim) -> Evidence:
    """The epsilon of the plan by privacy loss distributions, which must not exceed what is claimed."""
    found = epsilon(claim.plan, delta=claim.delta)
    return Evidence(
        "epsilon_of_plan",
        found,
        claim.plan.total_steps,
        "privacy loss distributions",
        exact=True,
        p_value=0.0 if found > claim.epsilon * (1 + SLACK) else 1.0,
        says=Message(
            "privacy.claim.accounting",
            "the plan costs an epsilon of {found:.4g}, claimed is {claimed:.4g}: take more noise, or claim that",
            {"found": found, "claimed": claim.epsilon},
        ),
    )
