"""What each additive statistic adds up, a few integers a row, and how much one row changes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from assay.privacy.loss.adjacency import Adjacency
from assay.privacy.queries.ask import Ask
from assay.privacy.queries.bounding.contribution import Contribution
from assay.privacy.queries.bounding.lattice import COARSE_STEPS, STEPS, Bounds, Edges, Lattice, anchored, bins, spread


@dataclass(frozen=True)
class Statistic:
    """A row whose value is the integer v adds `sums(v)`: integers from 0 up whose sum is `size`.

    Only the one integer of a sum may be negative and smaller: from `low` to `high`. `width` is how many integers there
    are for a key; `by_place` says that they are the rows at each place.
    """

    width: int
    size: int
    places: Lattice | Edges | None = None
    sums: Callable[[Any], Sequence[Any]] | None = None
    by_place: bool = False
    low: int = 0
    high: int = 1

    def l1(self, contribution: Contribution, adjacency: Adjacency, /) -> int:
        """The largest L1 distance of the integers of all keys between neighbours."""
        if self.width == 1:
            return contribution.l1_in_one_place(self.low, self.high, adjacency)
        return contribution.l1(self.size, adjacency)

    def l2(self, contribution: Contribution, adjacency: Adjacency, /) -> Fraction:
        """The same for L2, rounded up."""
        if self.width == 1 and contribution.single:
            return Fraction(self.l1(contribution, adjacency))
        return contribution.l2(self.size, adjacency)


def statistic_of(ask: Ask, bounds: Bounds | None, /) -> Statistic:
    """The Statistic of an additive question.

    A mean is two sums, Σv and Σ(M − v), for v on [0, M]: a row adds M in total to the two, wherever its value lies, so
    the noise of one sum of that range is enough for both, and their own sum is M times the count. A variance is three,
    Σ(M − v)², Σ2v(M − v) and Σv², to which a row adds M² in total. (They are the Bernstein polynomials of degree 1 and
    2, which add up to 1.)
    """
    if bounds is None:
        return Statistic(1, 1)
    if ask.statistic == "sum":
        places = anchored(bounds)
        return Statistic(
            1, max(abs(places.first), abs(places.last)), places, lambda v: [v], low=places.first, high=places.last
        )
    if ask.statistic == "mean":
        return Statistic(2, STEPS, spread(bounds, STEPS), lambda v: [v, STEPS - v])
    if ask.statistic == "variance":
        m = COARSE_STEPS
        return Statistic(3, m * m, spread(bounds, m), lambda v: [(m - v) * (m - v), 2 * v * (m - v), v * v])
    found = bins(bounds, ask)
    return Statistic(found.last + 1, 1, found, by_place=True)
