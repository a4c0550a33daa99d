"""A quantile by the exponential mechanism over the cells of a public grid, with the two ends of its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.loss.conversion import zcdp_of_bounded_range
from assay.privacy.loss.event import Event
from assay.privacy.mechanisms.exponential import exponential
from assay.privacy.noise.entropy import Entropy
from assay.privacy.queries.bounding.contribution import Contribution
from assay.privacy.queries.bounding.lattice import Lattice
from assay.privacy.queries.estimates.estimate import Estimate

SHARES = (Fraction(1, 2), Fraction(1, 4), Fraction(1, 4))
"""Of the loss of a key: for the quantile, for the lower end of its interval and for the upper."""

Ranks = NDArray[np.object_]


@dataclass(frozen=True)
class QuantilePlan:
    """Each key's quantile costs `per_key` of `epsilon`, so that those of all keys of one unit cost epsilon.

    The score of a cell is how far the rank asked for lies from the ranks of the cell's rows, times −den for the
    quantile num / den: an integer, which one row changes by at most max(num, den − num). Rank and number of rows change
    together, so the number is not asked for apart. Smith (2011), "Privacy-preserving statistical estimation", section
    3.2, on a grid; the exponential mechanism of McSherry & Talwar (2007).
    """

    probability: Fraction
    places: Lattice
    epsilon: Fraction
    contribution: Contribution
    adjacency: Adjacency
    level: float

    @property
    def per_key(self) -> Fraction:
        """What one key may cost when a unit is added or removed."""
        return self.epsilon / self.contribution.places(self.adjacency)

    @property
    def event(self) -> Event:
        """All keys together. A replaced unit may lie in the same key twice, which then costs twice."""
        times = self.contribution.places(self.adjacency) // self.contribution.keys
        rho = sum((zcdp_of_bounded_range(times * share * self.per_key) for share in SHARES), Fraction())
        return Event("exponential", self.adjacency, epsilon=self.epsilon, rho=self.contribution.keys * rho)

    @property
    def sensitivity(self) -> int:
        """How much the rows of one unit in one key change a score."""
        num, den = self.probability.numerator, self.probability.denominator
        return max(num, den - num) * self.contribution.per_key

    def estimate(self, rows: Mapping[int, int], /, *, source: Entropy) -> Estimate:
        """The quantile of one key, of which `rows` tells the rows at each place.

        The value is the middle of the cell chosen. The ends are chosen likewise, for ranks so much lower and higher
        that each misses the quantile of the clamped values with probability at most (1 − level) / 2: a chosen score is
        below the best by t or more with probability at most cells · exp(−ε t / 2Δ). Where so few rows lie beyond, the
        end is the bound: it is one more cell, with no rows.
        """
        n = self.places.last + 1
        counts = [rows.get(place, 0) for place in range(n)]
        ends = np.cumsum(np.array([0, *counts], dtype=object))
        den = self.probability.denominator
        target = self.probability.numerator * int(ends[-1])
        before, through = den * ends[:-1], den * ends[1:]
        middle, low, high = (share * self.per_key for share in SHARES)
        chosen = self._chosen(before, through, target, middle, source)
        shift = math.ceil(2 * self.sensitivity / float(low) * math.log((n + 1) * 2 / (1 - self.level)))
        whole = den * int(ends[-1])
        lower = self._chosen(np.append(before, 0), np.append(through, 0), target - shift, low, source, under=n)
        upper = self._chosen(np.append(before, whole), np.append(through, whole), target + shift, high, source, over=n)
        value = self._edge(chosen) + self.places.step / 2
        bottom = self.places.bounds.low if lower == n else self._edge(lower)
        top = self.places.bounds.high if upper == n else self._edge(upper + 1)
        return Estimate(
            float(value), float(min(bottom, self._edge(chosen))), float(max(top, self._edge(chosen + 1))), None
        )

    def _edge(self, place: int) -> Fraction:
        return self.places.bounds.low + place * self.places.step

    def _chosen(
        self,
        before: Ranks,
        through: Ranks,
        target: int,
        epsilon: Fraction,
        source: Entropy,
        *,
        under: int | None = None,
        over: int | None = None,
    ) -> int:
        """A cell by the exponential mechanism; `under` is the cell below all rows, `over` the one above."""
        off = np.maximum(np.maximum(before - target, target - through), 0)
        if under is not None:
            off[under] = max(target, 0)
        if over is not None:
            off[over] = max(int(through[over]) - target, 0)
        return exponential.make(
            [-int(score) for score in off],
            sensitivity=self.sensitivity,
            epsilon=epsilon,
            adjacency=self.adjacency,
            source=source,
        ).index
