"""`assay privacy statement`: what a private training promises, from what it does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from assay.core.budget.accounting import loss_to_json
from assay.core.errors import AssayError
from assay.core.house import House
from assay.core.part import command
from assay.privacy.accounting.accountants import Accountant
from assay.privacy.accounting.calibration import noise_for
from assay.privacy.accounting.charge import amount
from assay.privacy.accounting.plan import ROW, Plan, Sampling, named
from assay.privacy.accounting.statement import Statement, statement
from assay.privacy.loss.amount import Amount
from assay.privacy.spending.opening import adjacency_of


@dataclass(frozen=True)
class Promise:
    """A Statement, and what to reserve for it on a ledger of epsilon and delta."""

    statement: Statement
    reserve: Amount

    def text(self) -> str:
        """The Statement."""
        return self.statement.text()

    def to_json(self) -> dict[str, Any]:
        """The Statement as JSON types, with `reserve` as exact rationals and `text`."""
        found = self.statement
        return found.to_json() | {"reserve": loss_to_json(self.reserve), "text": found.text()}


@command(title="What a private training promises, from what it does", needs_case=False)
def statement_of_training(
    house: House,
    /,
    *,
    examples: int,
    batch: int,
    delta: float,
    noise: float | None = None,
    target_epsilon: float | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    sampling: Literal["poisson", "each-once", "fixed", "custom"] = "poisson",
    adjacency: Literal["add-or-remove", "replace"] = "add-or-remove",
    accountant: Literal["pld", "rdp", "rdp-old", "prv"] = "pld",
    clip: float = 1.0,
    unit: str = ROW,
    max_rows: int | None = None,
    microbatches: int | None = None,
    clip_count_noise: float | None = None,
    repeats: int = 1,
) -> Promise:
    """Epsilon of a training that clips gradients and adds Gaussian noise, with all that it depends on.

    `--examples 60000 --batch 32 --noise 0.5 --epochs 1 --delta 1e-5`: noise is the noise multiplier. Instead of it,
    `--target-epsilon 3` finds the least noise that keeps within it. `--epochs` or `--steps` says how long it takes.

    `--sampling`: poisson (each example by its own coin), each-once (once per epoch, in an order of its own), fixed
    (batches of exactly that size, drawn anew) or custom (anything else, as a sampler that weighs rows; it gains nothing
    from chance, and `--repeats` is the most times that it puts one row into a batch). `--unit COLUMN` protects all rows
    of one value: with `--max-rows` the most rows of one value, without it examples are whole units. `--microbatches`
    doubles the sensitivity where there are fewer than examples in a batch. `--clip-count-noise` is the noise on the
    count that an adaptive clipping norm follows.
    """
    if (noise is None) == (target_epsilon is None):
        raise AssayError("Give either --noise or --target-epsilon.", code="usage")
    plan = Plan(
        examples=examples,
        batch=batch,
        noise_multiplier=1.0 if noise is None else noise,
        epochs=epochs,
        steps=steps,
        max_grad_norm=clip,
        sampling=named(Sampling, sampling),
        adjacency=adjacency_of(adjacency),
        unit=unit,
        max_rows=max_rows,
        microbatches=microbatches,
        clip_count_noise=clip_count_noise,
        repeats=repeats,
    )
    by = named(Accountant, accountant)
    if target_epsilon is not None:
        found = noise_for(plan, target_epsilon=target_epsilon, delta=delta, accountant=by)
        plan = replace(plan, noise_multiplier=found)
    made = statement(plan, delta=delta, accountant=by)
    return Promise(made, amount(plan, delta=delta, accountant=by))
