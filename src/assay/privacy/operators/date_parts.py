"""Of a date only the year, or year and month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from assay.core.errors import AssayError, unknown
from assay.core.part import part
from assay.privacy.deidentification.dates import Order, check_order, read_date
from assay.privacy.deidentification.operator import DATES, KIND, Identifier, Operator

Parts = Literal["year", "quarter", "month"]
PARTS = ("year", "quarter", "month")


@part(
    "date-parts",
    kind=KIND,
    title="Of a date only the year, the quarter or the month",
    statement="Everything finer than the stated part is gone.",
)
def date_parts(*, keep: Parts = "year", order: Order = "day-month") -> Operator:
    """Writes 2021, 2021-Q1 or 2021-03; `order` says how 03/04/2020 is read."""
    if keep not in PARTS:
        raise unknown("part of a date", keep, PARTS, code="operator")
    check_order(order)

    def apply(found: Sequence[Identifier]) -> list[str]:
        return [_kept(each, keep, order) for each in found]

    return Operator("date-parts", apply, DATES)


def _kept(each: Identifier, keep: Parts, order: Order) -> str:
    written = read_date(each.text, order=order)
    if written is None:
        raise AssayError(f"A value of {each.field!r} is not a date of the calendar.", code="date")
    day = written.value
    ends = {"year": "", "quarter": f"-Q{(day.month + 2) // 3}", "month": f"-{day.month:02d}"}
    return f"{day.year:04d}{ends[keep]}"
