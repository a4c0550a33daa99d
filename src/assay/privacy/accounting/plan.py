"""What a private training does, as far as its privacy depends on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, TypeVar

from assay.core.errors import AssayError, unknown
from assay.privacy.loss.adjacency import Adjacency, required


class Sampling(StrEnum):
    """How the examples of a batch are chosen; the words stand in the statement.

    POISSON: every example enters every batch by a coin of its own with probability batch / examples; the size of a
    batch varies, and it may be empty. EACH_ONCE: an example is in one batch of each epoch, by an order that does not
    depend on the data; nothing is gained from chance. FIXED: each batch is drawn anew, `batch` different examples,
    every such set as likely as another. CUSTOM: any other sampler, as one that weighs examples: no chance is counted
    on, an example is taken to be in every batch.
    """

    POISSON = "poisson"
    EACH_ONCE = "each-once"
    FIXED = "fixed"
    CUSTOM = "custom"


class NoiseSource(StrEnum):
    """What draws the noise: a generator of floating-point numbers, or integers of a lattice from a CSPRNG."""

    FLOATING_POINT = "floating-point noise"
    LATTICE = "noise on an integer lattice"


E = TypeVar("E", bound=StrEnum)

ROW = "row"
"""The unit where each row is protected for itself."""

NOISES = (1e-6, 1e9)
"""Noise between which accountants know numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A training that clips each example's gradient to `max_grad_norm`, adds them, and adds Gaussian noise.

    `examples` is the public number of what is sampled and clipped as one; `batch` the (expected) number of them in a
    step, also public, and what the sum is divided by. The noise has standard deviation `noise_multiplier` ×
    `max_grad_norm` on the sum. One of `epochs` and `steps` says how long it takes: a step takes batch / examples of an
    epoch.

    `unit` is what is protected: "row", or the name of a column whose values are people. `max_rows` is the most rows of
    one unit among the examples, where rows are sampled and clipped; without it, `examples` are whole units, sampled
    and clipped as one (their gradients added before they are clipped).

    `microbatches` is the number of equal parts of a batch whose mean gradients are clipped instead of the examples'; an
    example turns one such mean round, so that sensitivity is doubled (parts are filled independently of the examples).
    `clip_count_noise` is the noise (standard deviation, in examples) on the number of unclipped gradients that an
    adaptive clipping norm follows (Andrew, Thakkar, McMahan & Ramaswamy 2021, arXiv 1905.03871, theorem 1: the count,
    less half for each example, has sensitivity 1/2). `repeats` is the most times that one row may be in one batch of a
    CUSTOM sampler. An impossible plan is an AssayError "plan".
    """

    examples: int
    batch: int
    noise_multiplier: float
    epochs: float | None = None
    steps: int | None = None
    max_grad_norm: float = 1.0
    sampling: Sampling = Sampling.POISSON
    adjacency: Adjacency = Adjacency.ADD_REMOVE
    unit: str = ROW
    max_rows: int | None = None
    microbatches: int | None = None
    clip_count_noise: float | None = None
    repeats: int = 1
    noise: NoiseSource = NoiseSource.FLOATING_POINT

    def __post_init__(self) -> None:
        required(self.adjacency)
        for name in ("examples", "batch", "steps", "max_rows", "microbatches", "repeats"):
            number = getattr(self, name)
            whole = isinstance(number, int) and not isinstance(number, bool) and number >= 1
            _require(whole or (number is None and name in _OPTIONAL), f"{name} must be 1 or more; it is {number!r}.")
        for name in ("noise_multiplier", "max_grad_norm", "epochs", "clip_count_noise"):
            number = getattr(self, name)
            fine = number is not None and math.isfinite(number) and number > 0
            _require(fine or (number is None and name in _OPTIONAL), f"{name} must be above 0; it is {number!r}.")
        for name in ("noise_multiplier", "clip_count_noise"):
            number = getattr(self, name)
            _require(
                number is None or NOISES[0] <= number <= NOISES[1],
                f"{name} must be from {NOISES[0]:g} to {NOISES[1]:g}; it is {number!r}.",
            )
        _require(self.batch <= self.examples, f"A batch of {self.batch} is more than {self.examples} examples.")
        _require((self.epochs is None) != (self.steps is None), "A plan has either epochs or steps.")
        rows_fit = self.max_rows is None or self.unit != ROW
        _require(rows_fit, "max_rows is for a unit column: a row is protected alone.")
        _require(self.repeats == 1 or self.sampling is Sampling.CUSTOM, "Only a custom sampler repeats rows.")
        if self.microbatches is not None:
            _require(self.batch % self.microbatches == 0, f"A batch of {self.batch} has no {self.microbatches} parts.")

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON types, with the total number of steps and the sampling rate that follow from it."""
        found = {name: getattr(value, "value", value) for name, value in asdict(self).items()}
        return found | {"steps": self.total_steps, "sampling_rate": self.sampling_rate}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Plan:
        """The Plan that `to_json` wrote; anything else is an AssayError "plan"."""
        try:
            given = {field.name: data[field.name] for field in fields(cls)}
            kinds = {"sampling": Sampling, "adjacency": Adjacency, "noise": NoiseSource}
            given |= {name: kind(given[name]) for name, kind in kinds.items()}
            if given["epochs"] is not None:
                given["steps"] = None
            _require(isinstance(given["unit"], str), "The unit of a plan is a name.")
            return cls(**given)
        except (KeyError, TypeError, ValueError) as error:
            raise AssayError(
                f"This is no plan of a private training: {type(error).__name__} {error}.",
                code="plan",
                hint="Give what `assay privacy statement --json` prints, or the statement beside a private model.",
            ) from error

    @property
    def sampling_rate(self) -> float:
        """The probability that an example is in a batch, where chance decides: batch / examples."""
        return self.batch / self.examples

    @property
    def total_steps(self) -> int:
        """Steps of the whole training; epochs are rounded up to whole steps."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        # 15 epochs of 60000 / 240 are 3750 steps: a quotient of floats may lie above the whole number by its last bit.
        return max(1, math.ceil(self.epochs * self.examples / self.batch * (1 - 1e-12)))

    @property
    def passes(self) -> int:
        """The most batches that an example is in where each epoch has it once."""
        if self.epochs is not None:
            return max(1, math.ceil(self.epochs))
        assert self.steps is not None
        return math.ceil(self.steps / (self.examples // self.batch))

    @property
    def microbatched(self) -> bool:
        """True where the mean gradient of several examples is clipped as one."""
        return self.microbatches is not None and self.microbatches < self.batch

    @property
    def together(self) -> int:
        """How many gradients of one unit may be in one batch, each clipped by itself."""
        return (self.max_rows or 1) * self.repeats

    @property
    def released_multiplier(self) -> float:
        """The noise multiplier of all that a step gives away: the sum, and the count that adaptive clipping follows.

        Two Gaussian answers with z and 2 σ_b are one with (z⁻² + (2 σ_b)⁻²)^(−1/2).
        """
        if self.clip_count_noise is None:
            return self.noise_multiplier
        return 1 / math.hypot(1 / self.noise_multiplier, 1 / (2 * self.clip_count_noise))


_OPTIONAL = ("steps", "max_rows", "microbatches", "epochs", "clip_count_noise")


def named(kind: type[E], name: str, /) -> E:
    """The member of a StrEnum with this value; an error that lists them otherwise."""
    if name not in set(kind):
        raise unknown(kind.__name__.lower(), name, list(kind), code="usage")
    return kind(name)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise AssayError(message, code="plan", hint="See `assay privacy statement --help` for what a plan says.")
