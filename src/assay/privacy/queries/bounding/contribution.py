"""How much one unit can change the sums: what is bounded, and the sensitivity that follows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from assay.core.budget.terms import Bounds
from assay.core.errors import AssayError
from assay.privacy.loss.adjacency import Adjacency


@dataclass(frozen=True, slots=True)
class Contribution:
    """At most `rows` rows a unit, in at most `keys` keys, with at most `per_key` rows in each.

    `single` says that there are no keys, so that a unit is in one place only.
    """

    rows: int
    keys: int
    per_key: int
    single: bool

    @classmethod
    def of(cls, bounds: Bounds, /, *, keys: int | None, grouped: bool) -> Contribution:
        """What `bounds` allow where there are `keys` public keys (None: keys of the data).

        Without a unit column a row is the unit. Bounds that leave rows or keys unlimited are an AssayError: without
        them no noise is enough.
        """
        if bounds.unit_column is None:
            return cls(1, 1, 1, not grouped)
        limits = [n for n in (bounds.max_rows, bounds.max_rows_per_key) if n is not None]
        if not limits:
            raise AssayError(
                "Nothing bounds how many rows one unit has.",
                code="contribution",
                hint="Give --max-rows, or --max-rows-per-key.",
            )
        per_key = min(limits)
        if not grouped:
            return cls(per_key, 1, per_key, True)
        places = [n for n in (bounds.max_keys, bounds.max_rows, keys) if n is not None]
        if not places:
            raise AssayError(
                "Nothing bounds how many keys one unit has.", code="contribution", hint="Give --max-keys or --max-rows."
            )
        places_, rows = min(places), min(places) * per_key
        return cls(min(rows, bounds.max_rows or rows), places_, per_key, False)

    def l1(self, size: int, adjacency: Adjacency, /) -> int:
        """The largest L1 distance of neighbours, for sums in which a row counts up to `size` in total.

        Replacing a unit is removing one and adding another: twice as much.
        """
        return self.rows * size * _times(adjacency)

    def l1_in_one_place(self, low: int, high: int, adjacency: Adjacency, /) -> int:
        """The same for one sum of numbers in [low, high], where a unit adds nothing up to `rows` of them."""
        least, most = min(low, 0), max(high, 0)
        if self.single and adjacency is Adjacency.REPLACE:
            return self.rows * (most - least)
        return self.l1(max(most, -least), adjacency)

    def l2(self, size: int, adjacency: Adjacency, /) -> Fraction:
        """An upper bound of the largest L2 distance: most where as many keys as can be have `per_key` rows.

        The square of the result, rounded down, is the exact square (`lattice.whole_l2_squared`).
        """
        full, rest = divmod(self.rows, self.per_key)
        squared = (full * self.per_key**2 + rest**2) * (size * _times(adjacency)) ** 2
        return Fraction(math.isqrt(squared << 160) + 1, 1 << 80)

    def places(self, adjacency: Adjacency, /) -> int:
        """In how many keys neighbours can differ."""
        return self.keys * _times(adjacency)


def _times(adjacency: Adjacency) -> int:
    return 2 if adjacency is Adjacency.REPLACE else 1
