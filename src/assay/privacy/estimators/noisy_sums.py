"""Exact sums of integers released with noise, some of a promise each: purely private, or with a delta."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.loss.amount import Number, positive, probability
from assay.privacy.loss.event import Event
from assay.privacy.mechanisms.gaussian import gaussian
from assay.privacy.mechanisms.geometric import geometric
from assay.privacy.noise.calibration import rho_for
from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.release import Release


@dataclass(frozen=True)
class Promise:
    """`epsilon`, and with a `delta` the `rho` of zCDP that keeps it; neighbours have one row more or less."""

    epsilon: Fraction
    delta: Fraction | None
    rho: Fraction | None
    source: Entropy

    @classmethod
    def of(cls, epsilon: Number, delta: Number | None, /, *, source: Entropy) -> Promise:
        """The Promise of what a person wrote; an AssayError for what is none."""
        loss = positive(epsilon, name="epsilon")
        if delta is None:
            return cls(loss, None, None, source)
        limit = probability(delta, name="delta")
        return cls(loss, limit, rho_for(loss, limit), source)

    def release(self, sums: Sequence[int], /, *, share: Fraction, l1: int, l2_squared: int) -> Release:
        """`sums` for a `share` of the promise; one row changes them by at most these distances, as a whole.

        Without a delta discrete Laplace noise for the L1 distance, with one discrete Gaussian noise for the L2 distance
        (√l2_squared). Shares add up: epsilons by basic composition, rhos as zCDP composes.
        """
        if self.rho is None:
            return geometric.make(
                sums, sensitivity=l1, epsilon=self.epsilon * share, adjacency=Adjacency.ADD_REMOVE, source=self.source
            )
        return gaussian.make(
            sums,
            sensitivity=_root(l2_squared),
            rho=self.rho * share,
            adjacency=Adjacency.ADD_REMOVE,
            source=self.source,
        )

    def event(self, mechanism: str, /) -> Event:
        """What all shares together did to privacy."""
        return Event(
            mechanism, Adjacency.ADD_REMOVE, epsilon=self.epsilon, delta=self.delta or Fraction(), rho=self.rho
        )


def _root(square: int) -> Fraction:
    """A rational number that is at least the root, within 2^-32 of it."""
    root = math.isqrt(square << 64)
    return Fraction(root if root * root == square << 64 else root + 1, 1 << 32)
