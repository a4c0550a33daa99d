"""Numbers as the range they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal, InvalidOperation

from assay.core.errors import AssayError
from assay.core.part import part
from assay.privacy.deidentification.operator import KIND, Identifier, Operator

NUMBER = "NUMBER"
"""Entity of cells that hold a number."""


@part(
    "bucket",
    kind=KIND,
    title="Numbers as ranges of equal width",
    statement="The range [low, high) stays, where it lies on a fixed grid; rare ranges still tell people.",
)
def bucket(*, width: str, origin: str = "0") -> Operator:
    """Writes [40, 50) for 47 with width 10; `width` and `origin` are decimal numbers, taken exactly."""
    wide, start = _decimal(width), _decimal(origin)
    if wide is None or start is None or wide <= 0:
        raise AssayError("A bucket has a width above 0 and an origin, both decimal numbers.", code="operator")

    def apply(found: Sequence[Identifier]) -> list[str]:
        return [_range(each, wide, start) for each in found]

    return Operator("bucket", apply, frozenset({NUMBER}))


def _range(each: Identifier, width: Decimal, origin: Decimal) -> str:
    number = _decimal(each.text)
    if number is None:
        raise AssayError(f"A value of {each.field!r} is not a number.", code="number")
    low = ((number - origin) / width).to_integral_value(ROUND_FLOOR) * width + origin
    return f"[{low:f}, {low + width:f})"


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 15 else None
