"""What a private training promises, in words that name everything the promise depends on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from assay.core.errors import AssayError
from assay.core.part import printable
from assay.privacy.accounting.accountants import WORDS, Accountant, epsilon
from assay.privacy.accounting.plan import ROW, NoiseSource, Plan, Sampling, named

SIDE_BY_SIDE = (Accountant.RDP_OLD, Accountant.RDP, Accountant.PLD)
"""Accountants whose epsilon every statement shows, so that it can be compared with older texts."""

SAMPLED = {
    Sampling.POISSON: "Poisson sampling: each {one} enters each batch with probability {rate:.6g}, by itself",
    Sampling.EACH_ONCE: "each {one} once per epoch, in an order that does not depend on the data: no gain",
    Sampling.FIXED: "batches of exactly {batch:,} different examples, drawn anew each step",
    Sampling.CUSTOM: "a custom sampler: no gain from sampling, each {one} counted as if it were in every batch",
}


@dataclass(frozen=True)
class Statement:
    """A promise: `epsilon` at `delta` by `accountant`, and what others find (`epsilons`, or why one finds nothing).

    `once`, for Poisson sampling, is what they would find of batches that are shuffled instead, each example once per
    epoch: what a plan costs whose sampling is not done. `notes` are further sentences that belong to the promise.
    """

    plan: Plan
    delta: float
    accountant: Accountant
    epsilon: float
    epsilons: Mapping[Accountant, float | str]
    notes: tuple[str, ...] = ()
    once: Mapping[Accountant, float | str] = field(default_factory=dict)

    def text(self) -> str:
        """The promise in words; every epsilon is rounded up to three decimals."""
        plan, words = self.plan, SAMPLED[self.plan.sampling]
        one = "example" if plan.unit == ROW or plan.max_rows is not None else plan.unit
        epochs = plan.epochs if plan.epochs is not None else plan.total_steps * plan.batch / plan.examples
        facts = {
            "examples": f"{plan.examples:,} ({_of_what(plan)})",
            "batch": f"{plan.batch:,}" + (" expected" if plan.sampling is Sampling.POISSON else ""),
            "epochs": f"{epochs:.6g} ({plan.total_steps:,} steps)",
            "sampling": words.format(one=one, rate=plan.sampling_rate, batch=plan.batch),
            "noise": f"multiplier {plan.noise_multiplier:.6g}, clip {plan.max_grad_norm:g}; {plan.noise.value}",
            "protects": _protected(plan),
            "neighbours": f"{plan.adjacency.value}; the number of examples is public",
            "delta": f"{self.delta:g}",
            "accountant": WORDS[self.accountant],
        }
        lines = [
            f"The training is ({_up(self.epsilon)}, {self.delta:g})-differentially private: epsilon "
            f"{_up(self.epsilon)} at delta {self.delta:g}, if it did what stands here.",
            *(f"  {name:<11}{fact}" for name, fact in facts.items()),
            *(f"  {note}" for note in (*_caveats(plan), *self.notes)),
            "  epsilon by accountant, at the same delta:",
            *(f"    {WORDS[kind]}: {_shown(found)}{self._shuffled(kind)}" for kind, found in self.epsilons.items()),
        ]
        return "\n".join(map(printable, lines))

    def _shuffled(self, kind: Accountant) -> str:
        found = self.once.get(kind)
        return f" ({_up(found)} were each example once per epoch)" if isinstance(found, float) else ""

    def to_json(self) -> dict[str, Any]:
        """The same as JSON types; an accountant without a number has null, and its reason in `reasons`."""
        numbers = {kind.value: found for kind, found in self.epsilons.items()}
        return {
            "epsilon": self.epsilon,
            "delta": self.delta,
            "accountant": self.accountant.value,
            "plan": self.plan.to_json(),
            "epsilons": {kind: None if isinstance(found, str) else found for kind, found in numbers.items()},
            "reasons": {kind: found for kind, found in numbers.items() if isinstance(found, str)},
            "epsilons_each_once": {kind.value: one for kind, one in self.once.items() if isinstance(one, float)},
            "notes": [*_caveats(self.plan), *self.notes],
        }


def statement(
    plan: Plan,
    /,
    *,
    delta: float,
    accountant: Accountant = Accountant.PLD,
    notes: tuple[str, ...] = (),
) -> Statement:
    """The Statement of `plan`; the accountant that is asked for must have a number, the others may have a reason."""
    promised = epsilon(plan, delta=delta, accountant=accountant)
    asked = named(Accountant, accountant)
    found = _side_by_side(plan, delta, tuple(dict.fromkeys((*SIDE_BY_SIDE, asked))))
    poisson = plan.sampling is Sampling.POISSON
    once = _side_by_side(replace(plan, sampling=Sampling.EACH_ONCE), delta, SIDE_BY_SIDE) if poisson else {}
    return Statement(plan, delta, asked, promised, found, notes, once)


def _side_by_side(plan: Plan, delta: float, kinds: tuple[Accountant, ...]) -> dict[Accountant, float | str]:
    """What each accountant finds, or why it finds nothing."""
    found: dict[Accountant, float | str] = {}
    for kind in kinds:
        try:
            found[kind] = epsilon(plan, delta=delta, accountant=kind)
        except AssayError as error:
            if error.code not in ("accountant", "delta"):
                raise
            found[kind] = error.message
    return found


def _of_what(plan: Plan) -> str:
    if plan.unit == ROW:
        return "rows"
    if plan.max_rows is None:
        return f"whole units of {plan.unit!r}, sampled and clipped as one"
    return f"rows, at most {plan.max_rows:,} of one {plan.unit!r}"


def _protected(plan: Plan) -> str:
    return "each row" if plan.unit == ROW else f"each value of {plan.unit!r} with all its rows"


def _caveats(plan: Plan) -> list[str]:
    """What else the promise depends on."""
    found = []
    if plan.noise is NoiseSource.FLOATING_POINT:
        found.append("Drawn as floating-point noise, the answers are private up to the rounding of floats.")
    if plan.microbatched:
        assert plan.microbatches is not None
        size = plan.batch // plan.microbatches
        found.append(
            f"Mean gradients of microbatches of {size} are clipped, not those of examples: one example can turn its "
            "microbatch round, the sensitivity is twice the clipping norm, and the noise counts half. The microbatches "
            "are filled whatever the examples are."
        )
    if plan.clip_count_noise is not None:
        found.append(
            f"The clipping norm follows a count with noise {plan.clip_count_noise:g}: with it a step has the noise "
            f"multiplier {plan.released_multiplier:.6g}."
        )
    if plan.repeats > 1:
        found.append(f"A row may be {plan.repeats} times in one batch; its gradients are counted as often.")
    return found


def _up(value: float) -> str:
    return f"{math.ceil(value * 1000 - 1e-9) / 1000:.3f}"


def _shown(found: float | str) -> str:
    return found if isinstance(found, str) else _up(found)
