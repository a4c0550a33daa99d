"""Which Findings belong together, in which order a reader meets them, and for how many there is room."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from assay.documents.escape import groups_of
from assay.documents.standing import Entry, rank

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Caps:
    """How many rows of one attribute, and of one combination of attributes, the document has room for."""

    single: int
    combined: int


def by(entries: Iterable[Entry], key: Callable[[Entry], K], /) -> list[tuple[K, list[Entry]]]:
    """Entries that share a key, in order of first appearance."""
    found: dict[K, list[Entry]] = {}
    for e in entries:
        found.setdefault(key(e), []).append(e)
    return list(found.items())


def worst_first(entries: Sequence[Entry], /, *, level: float | None, min_n: int) -> list[Entry]:
    """By verdict and margin where anything is judged; else furthest from the value over all rows, small groups last."""
    if any(e.verdict is not None for e in entries):
        return sorted(entries, key=rank)
    values = [e.measure.value for e in entries if e.shown and e.measure.value is not None]
    middle = level if level is not None else median(values) if values else 0.0

    def distance(e: Entry) -> tuple[bool, bool, float]:
        return not e.shown, min(e.measure.rows) < min_n, -abs((e.measure.value or 0.0) - middle)

    return sorted(entries, key=distance)


def readable(entries: Sequence[Entry], /) -> list[Entry]:
    """Groups that begin with numbers (ages, incomes) in that order, all others from the highest value down."""
    starts = {id(e): _number(next(iter(groups_of(e.measure.slice).parts), None)) for e in entries}
    named = [e for e in entries if None not in e.measure.slice.values()]
    if named and all(starts[id(e)] is not None for e in named):
        return sorted(entries, key=lambda e: (starts[id(e)] is None, starts[id(e)] or 0.0))
    return sorted(entries, key=lambda e: (not e.shown, -(e.measure.value or 0.0)))


def _number(label: str | None) -> float | None:
    """The number a label such as `25–34`, `<30` or `≥ 60` begins with; `<30` sorts before `30`."""
    match = re.match(r"\s*([<>≤≥]=?)?\s*(-?\d+(?:\.\d+)?)", label or "")
    if match is None:
        return None
    return float(match[2]) + {"<": -0.5, "≤": -0.5, ">": 0.5}.get((match[1] or " ")[0], 0.0)


def cap(sizes: Iterable[int], /, *, budget: int) -> int:
    """The largest number of rows that every block may have so that all blocks together keep within `budget`."""
    sizes = sorted(sizes)
    for i, size in enumerate(sizes):
        share = budget // (len(sizes) - i)
        if size > share:
            return share
        budget -= size
    return max(sizes, default=0)


def caps(entries: Iterable[Entry], /, *, single: int, combined: int) -> Caps:
    """Caps that keep a whole document within `single` and `combined` rows."""
    blocks = by(entries, lambda e: (e.finding.check, e.measure.name, *block(e)))
    combinations = [len(found) for key, found in blocks if len(key[2]) > 1]
    others = [len(found) for key, found in blocks if len(key[2]) <= 1]
    return Caps(cap(others, budget=single), cap(combinations, budget=combined))


def compares(e: Entry, /) -> bool:
    """True when the Measure compares groups."""
    return bool(e.measure.over or e.measure.groups)


def block(e: Entry, /) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a row varies over, and what it compares; rows with the same stand under one heading."""
    if e.measure.slice:
        return tuple(sorted(e.measure.slice)), e.measure.over
    return (), ("",) if compares(e) else ()
