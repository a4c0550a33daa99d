"""Values as whole numbers between public ends, so that sums over rows are exact and bounded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from assay.core.errors import AssayError
from assay.privacy.loss.amount import Number, exact
from assay.privacy.queries.ask import Ask

STEPS = 1 << 30
"""Steps between the bounds for sums and means: rounding a value moves it by at most a 2^31st of the range."""

COARSE_STEPS = 1 << 15
"""Steps for variances, whose sums hold squares."""

_LARGEST, _SMALLEST = Fraction(10) ** 100, Fraction(1, 10**100)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The public ends of a column: what lies beyond counts as the nearer end."""

    low: Fraction
    high: Fraction

    @property
    def width(self) -> Fraction:
        """high − low."""
        return self.high - self.low

    @property
    def middle(self) -> Fraction:
        """Half way."""
        return (self.low + self.high) / 2


def bounds_of(given: Mapping[str, str | Sequence[Number]], ask: Ask, /) -> Bounds | None:
    """The Bounds of the column asked about, from `low:high` or a pair; None where nothing depends on them.

    Leaving them out is an error: bounds taken from the data would show its extremes.
    """
    extra = sorted(set(given) - ({ask.column} if ask.needs_bounds else set()))
    if extra:
        raise AssayError(
            f"Bounds are given for {extra[0]!r}, which {ask.text()} does not add up.",
            code="bounds",
            hint="Give bounds for the column inside the parentheses only.",
        )
    if not ask.needs_bounds:
        return Bounds(ask.edges[0], ask.edges[-1]) if ask.edges else None
    assert ask.column is not None
    if ask.column not in given:
        raise AssayError(
            f"{ask.text()} needs bounds for {ask.column!r}; they are never taken from the data.",
            code="bounds",
            hint=f"Give what is known without looking, like --bounds {ask.column}=0:200000.",
        )
    written = given[ask.column]
    pair = written.split(":") if isinstance(written, str) else list(written)
    if len(pair) != 2:
        raise AssayError(f"Bounds are two numbers, not {written!r}.", code="bounds", hint="Write 0:200000.")
    low, high = exact(pair[0], name="bound"), exact(pair[1], name="bound")
    if low >= high:
        raise AssayError(
            f"The bounds of {ask.column!r} are reversed: {float(low):g} is not below {float(high):g}.",
            code="bounds",
            hint="Write the lower one first.",
        )
    if max(abs(low), abs(high)) > _LARGEST or high - low < _SMALLEST or float(low) == float(high):
        raise AssayError(
            f"The bounds of {ask.column!r} are too far out or too near to each other.",
            code="bounds",
            hint="Give bounds within 1e100 that a float tells apart.",
        )
    return Bounds(low, high)


@dataclass(frozen=True, slots=True)
class Lattice:
    """Numbers in [low, high] as the integers `first` … `last`: (x − origin) / step, to the nearest, or downward."""

    bounds: Bounds
    origin: Fraction
    step: Fraction
    first: int
    last: int
    downward: bool = False

    def place(self, number: Any, /) -> Any:
        """The Ibis integer of an Ibis number, which is not missing; infinities are clamped like all else."""
        import ibis

        from assay.data.rows.sql.expressions import case, exactly

        low, high = exactly(float(self.bounds.low)), exactly(float(self.bounds.high))
        clamped = case((number < low, low), (number > high, high), otherwise=number)
        scaled = (clamped - exactly(float(self.origin))) * exactly(float(1 / self.step))
        whole = (scaled if self.downward else scaled + exactly(0.5)).floor().cast("int64")
        first, last = ibis.literal(self.first, "int64"), ibis.literal(self.last, "int64")
        return case((whole < first, first), (whole > last, last), otherwise=whole)


@dataclass(frozen=True, slots=True)
class Edges:
    """Numbers as the place of the bin they lie in: [e0, e1), …, the last one closed; beyond the ends the outer bins."""

    bounds: Bounds
    edges: tuple[float, ...]

    @property
    def last(self) -> int:
        """Place of the last bin."""
        return len(self.edges) - 2

    def place(self, number: Any, /) -> Any:
        """The Ibis integer of an Ibis number, which is not missing."""
        return _bin(number, self.edges[1:-1], 0, self.last)


def _bin(number: Any, inner: Sequence[float], low: int, high: int) -> Any:
    """The number of `inner` edges at or below `number`, known to lie in [low, high]: a binary search as cases."""
    import ibis

    from assay.data.rows.sql.expressions import case, exactly

    if low == high:
        return ibis.literal(low, "int64")
    middle = (low + high + 1) // 2
    above, below = _bin(number, inner, middle, high), _bin(number, inner, low, middle - 1)
    return case((number >= exactly(inner[middle - 1]), above), otherwise=below)


def anchored(bounds: Bounds, /) -> Lattice:
    """Multiples of max(|low|, |high|) / 2^30, for sums."""
    step = max(abs(bounds.low), abs(bounds.high)) / STEPS
    return Lattice(bounds, Fraction(), step, round(bounds.low / step), round(bounds.high / step))


def spread(bounds: Bounds, steps: int, /) -> Lattice:
    """`steps` equal steps from low to high."""
    return Lattice(bounds, bounds.low, bounds.width / steps, 0, steps)


def cells(bounds: Bounds, count: int, /) -> Lattice:
    """`count` equal cells from low to high, each open above but the last."""
    return Lattice(bounds, bounds.low, bounds.width / count, 0, count - 1, downward=True)


def bins(bounds: Bounds, ask: Ask, /) -> Edges:
    """The bins of a histogram: given edges, or equal ones between the bounds."""
    if ask.edges:
        edges = ask.edges
    else:
        assert ask.bins is not None
        edges = tuple(bounds.low + bounds.width * i / ask.bins for i in range(ask.bins + 1))
    found = tuple(float(edge) for edge in edges)
    if any(a >= b for a, b in pairwise(found)) or not all(math.isfinite(e) for e in found):
        raise AssayError("The bins of a histogram are too narrow.", code="ask", hint="Ask for fewer bins.")
    return Edges(bounds, found)
