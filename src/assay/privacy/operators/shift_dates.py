"""Dates moved by as many days as the key says for the subject: the time between two of them stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from assay.core.errors import AssayError
from assay.core.part import part
from assay.privacy.deidentification.dates import Order, check_order, read_date
from assay.privacy.deidentification.operator import DATES, KIND, Identifier, Operator
from assay.seal.tokens import TokenKey


@part(
    "shift-dates",
    kind=KIND,
    title="Dates moved by a secret number of days for each subject",
    statement="Intervals within a subject stay exact; weekday, season and order between subjects do not.",
)
def shift_dates(*, key: TokenKey, most_days: int = 365, order: Order = "day-month") -> Operator:
    """Writes a date 1 to `most_days` days earlier or later in the same form; one number a subject, derived from `key`.

    `order` says how 03/04/2020 is read. Every row needs its subject. A series of dates that is rare in itself still
    tells who it is of.
    """
    if most_days < 1:
        raise AssayError(f"Dates are moved by at least one day, not by {most_days}.", code="operator")
    check_order(order)

    def apply(found: Sequence[Identifier]) -> list[str]:
        return [_shifted(each, _days(each.subject, key, most_days), order) for each in found]

    return Operator("shift-dates", apply, DATES)


def _days(subject: str, key: TokenKey, most_days: int) -> int:
    """Uniform on −most_days … −1, 1 … most_days (up to 2 ** −240)."""
    if not subject:
        raise AssayError(
            "Dates are moved by subject, and a text with a date has none.",
            code="subjects",
            hint="Name the column that says whom each row is about.",
        )
    drawn = int(key.code(subject, "date shift"), 16) % (2 * most_days) - most_days
    return drawn if drawn < 0 else drawn + 1


def _shifted(each: Identifier, days: int, order: Order) -> str:
    written = read_date(each.text, order=order)
    if written is None:
        raise AssayError(f"A value of {each.field!r} is not a date that can be moved.", code="date")
    try:
        return written.rewrite(written.value + timedelta(days=days))
    except OverflowError:
        raise AssayError(
            f"A date of {each.field!r} is at the end of the calendar.",
            code="date",
            hint="Take out first what stands for no date, such as 9999-12-31.",
        ) from None
