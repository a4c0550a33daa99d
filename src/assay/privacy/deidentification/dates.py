"""Dates as people write them: read, and written again in the same form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from assay.core.errors import unknown

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_NAMES = "|".join(f"{month[:3]}(?:{month[3:]})?" if len(month) > 3 else month for month in MONTHS)
_EDGE, _END = r"(?<![\w/.-])", r"(?![\w/-]|\.[0-9])"

ISO = _EDGE + r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9/-])"
NUMERIC = _EDGE + r"[0-9]{1,2}([/.-])[0-9]{1,2}\1[0-9]{4}" + _END
DAY_MONTH = _EDGE + rf"[0-9]{{1,2}}(?:st|nd|rd|th)? (?:{_NAMES})\.?,? [0-9]{{4}}(?!\w)"
MONTH_DAY = _EDGE + rf"(?:{_NAMES})\.? [0-9]{{1,2}}(?:st|nd|rd|th)?,? [0-9]{{4}}(?!\w)"

Order = Literal["day-month", "month-day"]
ORDERS = ("day-month", "month-day")


def check_order(order: str, /) -> None:
    """Raise where `order` is not a known one."""
    if order not in ORDERS:
        raise unknown("order of day and month", order, ORDERS, code="operator")


@dataclass(frozen=True, slots=True)
class Written:
    """A date and its form: the text with {year}, {month} and {day} where these stood."""

    value: date
    form: str
    short_month: bool = False

    def rewrite(self, value: date, /) -> str:
        """`value` in the same form."""
        month = f"{value.month:02d}"
        if "{name}" in self.form:
            month = MONTHS[value.month - 1][: 3 if self.short_month else None]
        form = self.form.replace("{name}", month).replace("{month}", month)
        return form.replace("{year}", f"{value.year:04d}").replace("{day}", f"{value.day:02d}")


def read_date(text: str, /, *, order: Order = "day-month") -> Written | None:
    """The date that `text` writes, or None where it is none.

    `order` says how 03/04/2020 is read; where only the other order gives a date of the calendar, that is taken.
    """
    pieces = list(re.finditer(r"[0-9]+|[A-Za-z]{3,}", text))
    numbers = [match for match in pieces if match[0].isdigit()]
    names = [match for match in pieces if not match[0].isdigit()]
    if names:
        month = next((m for m, name in enumerate(MONTHS, 1) if name[:3] == names[0][0][:3]), 0)
        if len(numbers) != 2 or not month:
            return None
        return _written(text, int(numbers[1][0]), month, int(numbers[0][0]), (numbers[1], names[0], numbers[0]))
    if len(numbers) != 3:
        return None
    one, two, three = numbers
    readings = [(three, two, one), (three, one, two)]
    if len(one[0]) == 4:
        readings = [(one, two, three)]
    elif order == "month-day":
        readings.reverse()
    found = (_written(text, int(y[0]), int(m[0]), int(d[0]), (y, m, d)) for y, m, d in readings)
    return next((written for written in found if written), None)


def _written(
    text: str, year: int, month: int, day: int, at: tuple[re.Match[str], re.Match[str], re.Match[str]]
) -> Written | None:
    try:
        value = date(year, month, day)
    except ValueError:
        return None
    named = not at[1][0].isdigit()
    labels = {at[0].span(): "{year}", at[1].span(): "{name}" if named else "{month}", at[2].span(): "{day}"}
    form, last = "", 0
    for (start, end), label in sorted(labels.items()):
        form += text[last:start] + label
        last = end
    form = re.sub(r"(?<=\{day\})(?:st|nd|rd|th)", "", form + text[last:])
    return Written(value, form, short_month=named and len(at[1][0]) == 3)
