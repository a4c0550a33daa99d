"""Batches in which every unit takes part by a coin of its own, and the generator behind private training."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from assay.privacy.training.clipping import Floats

Places = NDArray[np.intp]
_BURN = 16
_TOGETHER = 1 << 14


def system_generator() -> np.random.Generator:
    """A generator whose state comes from the operating system and from no seed; what it was is kept nowhere.

    numpy keeps the entropy of a seed sequence inside of its generators; here the 192 bits of state are set
    themselves. The noise drawn from it has the gaps of floating-point numbers; see the statement of a private model.
    """
    source = np.random.SFC64(0)
    state = source.state
    words = np.frombuffer(os.urandom(24), dtype=np.uint64)
    state["state"]["state"] = np.array([*words, 1], dtype=np.uint64)
    source.state = state
    source.random_raw(_BURN)
    return np.random.Generator(source)


def insecure_generator(seed: int, /) -> np.random.Generator:
    """A reproducible generator for tests and teaching: whoever knows the seed can take the noise away again."""
    return np.random.Generator(np.random.SFC64(seed))


def poisson_sample(units: int, /, *, rate: float, generator: np.random.Generator) -> Places:
    """The places of the units in one batch: each of `units` is in it with probability `rate`, independently.

    A binomial number of distinct places is the same distribution as one coin for each. May be empty.
    """
    size = int(generator.binomial(units, rate))
    return generator.choice(units, size, replace=False, shuffle=False)


class GaussianNoise:
    """Vectors of independent N(0, `deviation`²), each handed out once; short ones are drawn many at a time."""

    def __init__(self, generator: np.random.Generator, like: Floats, /, *, deviation: float) -> None:
        self._generator, self._deviation = generator, like.dtype.type(deviation)
        self._drawn: Floats = np.empty((max(1, _TOGETHER // max(1, like.size)), like.size), like.dtype)
        self._used = len(self._drawn)

    def draw(self) -> Floats:
        """The next vector, valid until the next call."""
        if self._used == len(self._drawn):
            self._generator.standard_normal(dtype=self._drawn.dtype.type, out=self._drawn)
            self._drawn *= self._deviation
            self._used = 0
        self._used += 1
        found: Floats = self._drawn[self._used - 1]
        return found
