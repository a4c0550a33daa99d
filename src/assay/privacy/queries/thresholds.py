"""Which keys of the data may be shown: those held by so many units that no single one decides it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.loss.event import Event
from assay.privacy.mechanisms.geometric import geometric
from assay.privacy.noise.entropy import Entropy
from assay.privacy.noise.release import Release
from assay.privacy.queries.bounding.contribution import Contribution
from assay.privacy.queries.bounding.keys import Key, key_text

_UP = 1 + 1e-9


@dataclass(frozen=True, slots=True)
class Threshold:
    """A key is shown where its number with discrete Laplace noise reaches `least`.

    One unit adds at most `alone` to a key, and `sensitivity` in total to all keys (twice under REPLACE). Then the list
    of shown keys with their noisy numbers is (epsilon, delta)-private. Proof, for a unit added: a key that others have
    too is in both data sets, its number is epsilon-private, and showing it from a threshold on is post-processing. The
    at most `keys` other keys of the unit never appear without it; with it each appears with probability at most
    P(alone + X ≥ least) = p^k / (1 + p), for k = least − alone ≥ 1 and p = exp(−epsilon / sensitivity), which is at
    most delta / keys; so one of them does with probability at most delta. Replacing a unit removes and adds one: with
    d for this probability, P ≤ e^ε (P' + d) + d, so d is delta / (1 + e^ε).
    """

    least: int
    sensitivity: int
    event: Event

    @classmethod
    def of(
        cls,
        contribution: Contribution,
        /,
        *,
        epsilon: Fraction,
        delta: Fraction,
        adjacency: Adjacency,
        rows: bool,
    ) -> Threshold:
        """The smallest threshold for counts of units, or (`rows`) of bounded rows."""
        alone = contribution.per_key if rows else 1
        sensitivity = contribution.l1(1, adjacency) if rows else contribution.places(adjacency)
        share = float(delta) / contribution.keys / _UP
        if adjacency is Adjacency.REPLACE:
            share /= 1 + math.exp(float(epsilon))
        rate = float(epsilon) / sensitivity
        above = (-math.log(share) - math.log1p(math.exp(-rate))) / rate
        least = alone + max(1, math.ceil(above * _UP))
        event = Event("thresholded geometric", adjacency, epsilon=epsilon, delta=delta)
        return cls(least, sensitivity, event)

    def shown(self, numbers: Mapping[Key, int], /, *, source: Entropy) -> Shown:
        """The keys that may be shown, in the order of their texts, with a Release of their numbers."""
        ordered = sorted(numbers, key=lambda key: [key_text(value) for value in key])
        assert self.event.epsilon is not None
        noisy = geometric.make(
            [numbers[key] for key in ordered],
            sensitivity=self.sensitivity,
            epsilon=self.event.epsilon,
            adjacency=self.event.adjacency,
            source=source,
        )
        kept = [place for place, number in enumerate(noisy.integers) if number >= self.least]
        chosen = Release(
            tuple(noisy.integers[place] for place in kept), noisy.granularity, noisy.noise, self.event, noisy.private
        )
        return Shown(tuple(ordered[place] for place in kept), chosen)


@dataclass(frozen=True, slots=True)
class Shown:
    """The keys that are shown, and their noisy numbers in the same order."""

    keys: tuple[Key, ...]
    release: Release
