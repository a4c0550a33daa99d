"""Batches in which every unit takes part by a coin of its own, and the generator behind private training."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from assay.privacy.training.clipping import Floats

Places = NDArray[np.intp]
_BURN = 16
_TOGETHER, _PAIRS = 1 << 15, 1 << 12


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
    """Vectors of independent N(0, `deviation`²), each handed out once; short ones are drawn many at a time.

    By Box & Muller (1958): √(−2 ln U) times the cosine and the sine of 2πV, in vector instructions on pieces that stay
    in the cache, more than twice as fast as numpy's normal draws. U has 53 bits, so that draws reach beyond 8 standard
    deviations; V has the bits of the type.
    """

    def __init__(self, generator: np.random.Generator, like: Floats, /, *, deviation: float) -> None:
        self._generator, self._factor = generator, -2.0 * deviation * deviation
        vectors = max(1, _TOGETHER // max(1, like.size))
        pairs = -(-vectors * like.size // (2 * _PAIRS)) * _PAIRS
        self._drawn: Floats = np.empty((pairs // _PAIRS, 2, _PAIRS), like.dtype)
        self._rows: Floats = self._drawn.reshape(-1)[: vectors * like.size].reshape(vectors, like.size)
        self._uniform = np.empty(_PAIRS)
        self._length, self._angle = np.empty(_PAIRS, like.dtype), np.empty(_PAIRS, like.dtype)
        self._used = vectors

    def draw(self) -> Floats:
        """The next vector, valid until the next call."""
        if self._used == len(self._rows):
            for piece in self._drawn:
                self._fill(piece[0], piece[1])
            self._used = 0
        self._used += 1
        found: Floats = self._rows[self._used - 1]
        return found

    def _fill(self, one: Floats, two: Floats) -> None:
        uniform, angle = self._uniform, self._angle
        self._generator.random(out=uniform)
        np.subtract(1.0, uniform, out=uniform)  # in (0, 1], whose logarithm is finite
        np.log(uniform, out=uniform)
        np.multiply(uniform, self._factor, out=uniform)
        np.sqrt(uniform, out=uniform)
        self._length[:] = uniform
        self._generator.random(dtype=angle.dtype.type, out=angle)
        np.multiply(angle, angle.dtype.type(2 * np.pi), out=angle)
        np.cos(angle, out=one)
        np.sin(angle, out=two)
        one *= self._length
        two *= self._length
