"""A training that can be looked into: what its steps release on data whose gradients are known."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.models.trainers import trainer_named
from assay.privacy.accounting.plan import Plan

Floats = NDArray[np.float64]


class Trainee(Protocol):
    """The steps of a private training, asked with gradients of the auditor's choice."""

    def __call__(self, gradients: Floats, /, *, steps: int) -> Floats:
        """(steps, d): what each step releases as the noisy sum of clipped gradients, before the public divisor.

        `gradients` (examples, d) holds the gradient of each example of the whole data set; the training samples,
        clips, adds and draws noise as it always does. Each step is as the first of a training is: its coins and its
        noise are its own. A training that sees no gradients but rows gets them from a loss whose gradient is the row,
        as the output of a linear model without an intercept.
        """


TraineeOf = Callable[[Plan], Trainee]
"""Makes the Trainee that is said to follow a Plan."""


def trainee_named(name: str, /) -> TraineeOf | None:
    """The function that "module:function" names, None for ""; it gets the claimed Plan and gives a Trainee."""
    found: Any = trainer_named(name)
    if found is None:
        return None
    try:
        signature(found).bind("the plan")
    except TypeError as error:
        raise AssayError(
            f"The trainer {name!r} is no function of a plan: {error}.",
            code="trainer",
            hint="Give one that makes, of the claimed Plan, a function of gradients and steps; a trainer of whole "
            "models cannot be asked for its steps.",
        ) from error
    except ValueError:
        pass  # a function that does not say what it takes

    def made(plan: Plan, /) -> Trainee:
        trainee: Trainee = found(plan)
        if callable(trainee):
            return trainee
        raise AssayError(
            f"The trainer {name!r} gave a {type(trainee).__name__}.",
            code="trainer",
            hint="It must give a function of gradients and steps.",
        )

    return made


def released(trainee: Trainee, gradients: Floats, /, *, steps: int) -> Floats:
    """What `steps` steps release; an answer of another shape, or with numbers that are not finite, is an AssayError."""
    found = np.asarray(trainee(gradients, steps=steps), dtype=np.float64)
    expected = (steps, gradients.shape[1])
    if found.shape != expected:
        raise AssayError(
            f"The trainee gave an array {found.shape} for {steps} steps with {expected[1]} parameters.",
            code="trainee",
            hint=f"Give (steps, parameters): {expected}.",
        )
    if not np.isfinite(found).all():
        raise AssayError(
            "The trainee released numbers that are not finite.",
            code="trainee",
            hint="A private step turns gradients that are not finite into zeros; these were finite, but long.",
        )
    return found


def along(direction: Floats, lengths: Floats, /) -> Floats:
    """(examples, d) gradients of these lengths, all in one direction of length 1."""
    found: Floats = np.outer(lengths, direction)
    return found


def dense_direction(size: int, /) -> Floats:
    """A direction of length 1 in which every coordinate takes part, with alternating signs."""
    found: Floats = np.where(np.arange(size) % 2 == 0, 1.0, -1.0) / np.sqrt(size)
    return found
