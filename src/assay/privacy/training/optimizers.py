"""Steps along a noisy gradient: momentum and Adam, in place. Nothing here sees data, so nothing here costs privacy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.privacy.training.clipping import Floats

OptimizerName = Literal["sgd", "adam"]
_BETAS = (0.9, 0.999)
_SMALL = 1e-8


@dataclass(frozen=True, slots=True)
class Stepping:
    """How the parameters move: `optimizer`, its `learning_rate`, and `momentum` of sgd.

    The parameters that are kept are the mean over the last share `averaged` of the steps (Polyak & Juditsky 1992);
    0 keeps the last ones.
    """

    optimizer: OptimizerName = "sgd"
    learning_rate: float = 1.0
    momentum: float = 0.9
    averaged: float = 0.5

    def __post_init__(self) -> None:
        if self.optimizer not in ("sgd", "adam"):
            raise unknown("optimizer", str(self.optimizer), ("sgd", "adam"), code="optimizer")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise AssayError("The learning rate must be above 0.", code="learning-rate", hint="Give for example 0.5.")
        if not (0 <= self.momentum < 1 and 0 <= self.averaged <= 1):
            raise AssayError(
                "momentum lies in [0, 1) and averaged in [0, 1].", code="optimizer", hint="For example 0.9 and 0.5."
            )


class Optimizer(Protocol):
    """Moves the parameters by one mean gradient."""

    def step(self, theta: Floats, gradient: Floats, /) -> None:
        """`theta` has moved; `gradient` may be overwritten."""


class Momentum:
    """Stochastic gradient descent: v ← μv + g, θ ← θ − ηv."""

    def __init__(self, like: Floats, how: Stepping, /) -> None:
        self._velocity, self._rate, self._momentum = np.zeros_like(like), how.learning_rate, how.momentum

    def step(self, theta: Floats, gradient: Floats, /) -> None:
        """`theta` has moved."""
        if self._momentum:
            self._velocity *= self._momentum
            self._velocity += gradient
            np.multiply(self._velocity, self._rate, out=gradient)
        else:
            gradient *= self._rate
        theta -= gradient


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1) on the noisy gradient."""

    def __init__(self, like: Floats, how: Stepping, /) -> None:
        self._first, self._second, self._work = np.zeros_like(like), np.zeros_like(like), np.zeros_like(like)
        self._rate, self._steps = how.learning_rate, 0

    def step(self, theta: Floats, gradient: Floats, /) -> None:
        """`theta` has moved."""
        self._steps += 1
        (one, two), work = _BETAS, self._work
        self._first *= one
        np.multiply(gradient, 1 - one, out=work)
        self._first += work
        self._second *= two
        gradient *= gradient
        gradient *= 1 - two
        self._second += gradient
        np.sqrt(self._second, out=work)
        work *= 1 / math.sqrt(1 - two**self._steps)
        work += _SMALL
        np.divide(self._first, work, out=work)
        work *= self._rate / (1 - one**self._steps)
        theta -= work


def optimizer_of(how: Stepping, /, *, like: Floats) -> Optimizer:
    """The optimizer that `how` names, for parameters like `like`."""
    kinds: dict[str, Any] = {"sgd": Momentum, "adam": Adam}
    made: Optimizer = kinds[how.optimizer](like, how)
    return made
