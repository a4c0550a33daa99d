"""Private gradient descent: the plan is what the accountant counts and what the loop does, one object for both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from assay.core.errors import AssayError
from assay.privacy.accounting.plan import ROW, NoiseSource, Plan, Sampling
from assay.privacy.training.clipping import Floats
from assay.privacy.training.examples import Examples
from assay.privacy.training.network import Architecture, Network
from assay.privacy.training.optimizers import Stepping, optimizer_of
from assay.privacy.training.sampling import GaussianNoise, insecure_generator, poisson_sample, system_generator

Diagnostics = Literal["off", "not private"]
SEEDED = "the noise came from a seed: whoever knows it can take the noise away"
WATCHED = "diagnostics of the training were kept: they are not covered by the noise"
NOISELESS = "it was trained without noise and without clipping"


@dataclass(frozen=True, eq=False)
class Trained:
    """A network and what may be said of it.

    `not_private` says why nothing is promised; it is empty where the plan's promise holds. `diagnostics` is empty
    unless asked for: losses, shares of clipped gradients and batch sizes depend on the data without noise.
    """

    network: Network
    plan: Plan | None
    not_private: tuple[str, ...] = ()
    diagnostics: dict[str, list[float]] = field(default_factory=dict)


def train(
    data: Examples,
    architecture: Architecture,
    plan: Plan,
    /,
    *,
    stepping: Stepping | None = None,
    diagnostics: Diagnostics = "off",
    insecure_seed: int | None = None,
    advanced: Callable[[int], None] | None = None,
) -> Trained:
    """A network trained by `plan` on `data`, with DP-SGD (Abadi and others 2016, arXiv 1607.00133) or DP-Adam.

    Each step draws every unit by a coin of probability plan.sampling_rate, sums their gradients clipped to
    plan.max_grad_norm, adds N(0, (noise_multiplier · max_grad_norm)²) to each coordinate of the sum, and divides by the
    public plan.batch, never by what was drawn. An empty batch is a step of noise alone. `advanced` is told the number
    of finished steps, which is public.

    The noise is drawn in floating-point numbers from a generator that the operating system seeded. `insecure_seed`
    makes everything reproducible and, like `diagnostics`, takes the promise away. Raises AssayError "plan" for what
    this engine does not do: samplings other than Poisson, microbatches, rows of a unit clipped apart, adaptive bounds.
    """
    _check(plan)
    how = stepping or Stepping()
    generator = system_generator() if insecure_seed is None else insecure_generator(insecure_seed)
    network = Network(architecture, dtype=data.x.dtype)
    network.start(generator)
    kept = _Watch() if diagnostics == "not private" else None
    noise = GaussianNoise(generator, network.gradient, deviation=plan.noise_multiplier * plan.max_grad_norm)

    def gradient() -> None:
        chosen = poisson_sample(data.units, rate=plan.sampling_rate, generator=generator)
        batch = data.batch(chosen)
        if kept is not None:
            kept.before(network, batch)
        network.sum_clipped(batch.x, batch.y, batch.reach, bound=plan.max_grad_norm, rows_per_unit=data.rows_per_unit)
        np.add(network.gradient, noise.draw(), out=network.gradient)
        np.multiply(network.gradient, 1 / plan.batch, out=network.gradient)

    _descend(network, gradient, how, steps=plan.total_steps, advanced=advanced)
    broken = (*((SEEDED,) if insecure_seed is not None else ()), *((WATCHED,) if kept is not None else ()))
    return Trained(network, plan, broken, kept.seen if kept else {})


def train_without_privacy(
    data: Examples, architecture: Architecture, /, *, batch: int, steps: int, stepping: Stepping, seed: int
) -> Trained:
    """The same training without noise and without clipping, for comparison; nothing is promised."""
    generator = insecure_generator(seed)
    network = Network(architecture, dtype=data.x.dtype)
    network.start(generator)

    def gradient() -> None:
        rows = data.batch(poisson_sample(data.units, rate=min(1, batch / data.units), generator=generator))
        there = slice(None) if data.members is None else rows.reach > 0
        network.sum_gradient(rows.x[there], rows.y[there])
        np.multiply(network.gradient, 1 / batch, out=network.gradient)

    _descend(network, gradient, stepping, steps=steps, advanced=None)
    return Trained(network, None, (NOISELESS,))


def _descend(
    network: Network,
    gradient: Callable[[], None],
    how: Stepping,
    /,
    *,
    steps: int,
    advanced: Callable[[int], None] | None,
) -> None:
    """`steps` steps; the parameters that are left are the mean over the last share of them."""
    optimizer = optimizer_of(how, like=network.theta)
    last = round(how.averaged * steps)
    total: Floats = np.zeros_like(network.theta, dtype=np.float64)
    for step in range(steps):
        gradient()
        optimizer.step(network.theta, network.gradient)
        if step >= steps - last:
            total += network.theta
        if advanced is not None:
            advanced(step + 1)
    if last:
        network.theta[:] = total / last
    network.gradient[:] = 0


@dataclass(eq=False)
class _Watch:
    """What the training saw, without noise."""

    seen: dict[str, list[float]] = field(default_factory=lambda: {"rows": [], "loss": []})

    def before(self, network: Network, batch: Any) -> None:
        """The rows that a batch has, and their mean loss before the step."""
        here = batch.reach > 0
        self.seen["rows"].append(float(here.sum()))
        if here.any():
            self.seen["loss"].append(network.mean_loss(batch.x[here], batch.y[here]))


def _check(plan: Plan) -> None:
    lacking = {
        "only Poisson sampling": plan.sampling is Sampling.POISSON,
        "no microbatches": not plan.microbatched,
        "no adaptive clipping": plan.clip_count_noise is None,
        "units clipped whole (a plan without max_rows)": plan.unit == ROW or plan.max_rows is None,
        "floating-point noise": plan.noise is NoiseSource.FLOATING_POINT,
    }
    for what, fits in lacking.items():
        if not fits:
            raise AssayError(f"This training knows {what}.", code="plan", hint="Change the plan.")
