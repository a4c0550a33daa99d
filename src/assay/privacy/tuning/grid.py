"""Settings to choose from, each with the plan and noise of its training."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from assay.core.errors import AssayError
from assay.privacy.accounting.plan import Plan
from assay.privacy.training.fitting import LARGEST_BATCH, RATES, Settings

CLIPS, SPREAD = (0.3, 1.0, 3.0), (1 / 3, 1.0, 3.0)
"""Clipping norms, and multiples of the usual learning rate, where none are given."""

MOST = 1_000
"""No more candidates than this."""


@dataclass(frozen=True)
class Candidate:
    """One setting and its plan, whose noise is its own."""

    settings: Settings
    plan: Plan

    def to_json(self) -> dict[str, Any]:
        """Clip, noise, batch and rate, as the course lab sweeps them."""
        return {
            "clip": self.plan.max_grad_norm,
            "noise": self.plan.noise_multiplier,
            "batch": self.plan.batch,
            "rate": self.settings.stepping.learning_rate,
            "steps": self.plan.total_steps,
        }


def candidates(
    base: Settings,
    /,
    *,
    examples: int,
    unit: str = "",
    clips: Sequence[float] = (),
    batches: Sequence[int] = (),
    rates: Sequence[float] = (),
    noises: Sequence[float] = (),
) -> list[Candidate]:
    """Every combination; what is not given has three values around the usual, and the noise of `base.plan`."""
    usual = RATES[base.optimizer][base.model]
    sizes = batches or sorted({max(1, min(LARGEST_BATCH, examples // part)) for part in (20, 10)})
    found = []
    for clip, batch, rate, noise in itertools.product(
        clips or CLIPS, sizes, rates or [usual * factor for factor in SPREAD], noises or (1.0,)
    ):
        settings = replace(base, max_grad_norm=clip, batch=batch, learning_rate=rate)
        found.append(Candidate(settings, settings.plan(examples, unit=unit, noise_multiplier=noise)))
    if len(found) > MOST:
        raise AssayError(f"{len(found):,} candidates are too many.", code="grid", hint=f"At most {MOST:,}.")
    return found


def with_noise(candidate: Candidate, noise: float, /) -> Candidate:
    """The candidate with another noise multiplier."""
    return replace(candidate, plan=replace(candidate.plan, noise_multiplier=noise))
