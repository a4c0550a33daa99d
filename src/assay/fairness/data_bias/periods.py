"""When each row happened: as a period of the calendar for people, and in years for a trend."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import unknown

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
PERIODS = ("auto", "year", "quarter", "month")
YEAR = 365.2425
"""Days."""


@dataclass(frozen=True, eq=False)
class Times:
    """(rows,) months since 1970 and years since 1970 with fraction, NaN where missing; `yearly` says that only the year
    is known."""

    months: Floats
    years: Floats
    yearly: bool


@dataclass(frozen=True, eq=False)
class Periods:
    """(rows,) codes into `names`, in the order of the calendar, of rows that have a time; `each` is their length."""

    codes: Codes
    names: tuple[str, ...]
    each: str


def times_of(column: Any, /) -> Times | None:
    """The times of a column of dates, timestamps (in UTC), ISO 8601 text or whole years; None where it holds others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _years(np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), dtype=np.float64))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _texts(column.to_pylist())
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return _stamps(np.asarray(column.cast(pa.timestamp("s"), safe=False).to_numpy()).astype("datetime64[s]"))
    return None


def periods_of(times: Times, known: NDArray[np.bool_], /, *, period: str) -> Periods:
    """The periods of the rows `known`. `auto`: years from four years on, quarters from one, else months."""
    if period not in PERIODS:
        raise unknown("period", period, PERIODS, code="parameter")
    months, years = times.months[known], times.years[known]
    span = float(np.ptp(years)) if len(years) else 0.0
    if times.yearly:
        each = "year"
    elif period == "auto":
        each = "year" if span >= 4 else "quarter" if span >= 1 else "month"
    else:
        each = period
    length = {"year": 12, "quarter": 3, "month": 1}[each]
    numbers, codes = np.unique(np.floor(months / length), return_inverse=True)
    names = tuple(_name(int(number) * length, each) for number in numbers)
    return Periods(codes.reshape(-1).astype(np.int64), names, each)


def _name(month: int, each: str) -> str:
    year, rest = 1970 + month // 12, month % 12
    return {"year": f"{year:04d}", "quarter": f"{year:04d}-Q{rest // 3 + 1}", "month": f"{year:04d}-{rest + 1:02d}"}[
        each
    ]


def _stamps(stamps: NDArray[np.datetime64]) -> Times:
    gone = np.isnat(stamps)
    months = stamps.astype("datetime64[M]").astype(np.int64).astype(np.float64)
    years = stamps.astype(np.int64).astype(np.float64) / (86_400 * YEAR)
    return Times(np.where(gone, np.nan, months), np.where(gone, np.nan, years), False)


def _years(values: Floats) -> Times | None:
    known = values[np.isfinite(values)]
    if not len(known) or (known != np.rint(known)).any() or known.min() < 1000 or known.max() > 9999:
        return None
    years = np.where(np.isfinite(values), values - 1970, np.nan)
    return Times(years * 12, years, True)


def _texts(texts: list[str | None]) -> Times | None:
    """None where a text is no ISO 8601 date or time; one without a zone is taken to be in UTC."""
    found = np.full(len(texts), np.datetime64("NaT", "s"))
    for i, text in enumerate(texts):
        if text is None:
            continue
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        found[i] = np.datetime64(aware.astimezone(UTC).replace(tzinfo=None), "s")
    return _stamps(found)
