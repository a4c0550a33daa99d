"""Hierarchies built from the data, and whatever a person hands over for one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError, unknown
from assay.privacy.anonymity.hierarchies.forms import dates, dictionary, from_csv, intervals, prefixes
from assay.privacy.anonymity.hierarchies.hierarchy import Hierarchy, Ladder, ladder
from assay.privacy.anonymity.table import CodedColumn

FINEST_CELLS = 32
"""Numbers are cut into at most so many intervals at their finest level, and half as many at each further one."""


def built(column: CodedColumn, /) -> Hierarchy:
    """The hierarchy that suits the values of `column`, without anything known of them.

    Numbers: intervals of a round width, doubling; times: month, quarter, year, decade; texts that are all as long and
    have digits (postal codes): one character less at each level; any other text: only `*` above the values, since
    which of them belong together is not in the data.
    """
    if column.kind == "number" and column.values is not None and column.size - column.missing > 1:
        low, high = float(column.positions.min()), float(column.positions.max())
        width = _round_width((high - low) / FINEST_CELLS, whole=bool((column.positions % 1 == 0).all()))
        levels = max(1, math.ceil(math.log2((high - low) / width)))
        return intervals([width * 2**step for step in range(levels)], origin=math.floor(low / width) * width)
    texts = [text for text in column.levels if text is not None]
    if column.kind == "time" and all(dates().steps(text) is not None for text in texts):
        return dates()
    lengths = {len(text) for text in texts}
    if len(lengths) == 1 and all(any(c.isdigit() for c in text) for text in texts) and max(lengths) > 1:
        return prefixes(list(range(max(lengths) - 1, 0, -1)))
    return Hierarchy("of two levels", lambda text: ())


def _round_width(width: float, *, whole: bool) -> float:
    """The next of 1, 2, 5, 10 times a power of ten; from 2 on for whole numbers, whose interval of 1 is a value."""
    power = 10.0 ** math.floor(math.log10(width))
    found = next(power * step for step in (1, 2, 5, 10) if power * step >= width * (1 - 1e-12))
    return max(found, 2.0) if whole else found


def check_given(given: Mapping[str, Any], quasi: Sequence[str], /) -> None:
    """Raise where a hierarchy is given for what is no quasi-identifier."""
    for name in given:
        if name not in quasi:
            raise unknown("quasi-identifier in hierarchies", name, quasi, code="hierarchy")


def ladders(columns: Sequence[CodedColumn], given: Mapping[str, Any], /) -> list[Ladder]:
    """A Ladder for each column: by what is given for it, else built from the data.

    Given may be a Hierarchy, a path to a hierarchy file, or a mapping from values to their coarser forms.
    """
    return [
        ladder(column, _read(given[column.name], column) if column.name in given else built(column))
        for column in columns
    ]


def _read(spec: Any, column: CodedColumn) -> Hierarchy:
    if isinstance(spec, Hierarchy):
        return spec
    if isinstance(spec, str | Path):
        return from_csv(spec)
    if isinstance(spec, Mapping):
        return dictionary(spec)
    raise AssayError(
        f"The hierarchy of column {column.name!r} is {type(spec).__name__}, which is none.",
        code="hierarchy",
        hint="Give a Hierarchy (intervals, prefixes, dates), a path to a CSV file, or a mapping of values.",
    )
