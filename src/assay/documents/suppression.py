"""Which groups are too small to show, and which others must go with them.

A number about very few people is itself personal. A slice is hidden where its denominator is under `min_cell`
(an empty one concerns nobody and is shown). A hidden slice could be worked out again from a total and the other
slices (all rows = women + men), so wherever a total and its parts are known but for one, another part is hidden
too, again and again until nothing can be worked out that way: the smallest part that no comparison is about, else
the smallest. Of a large total the numbers on the page are rounded so far that a few people are lost in the
rounding, and no more is hidden.

What this does not do: it looks at denominators, one measure at a time. Numerators, and differences between
the denominators of two measures, are not protected; a release to the public needs a private mechanism.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.core.finding import Finding
from assay.core.measure import Measure

ROUNDING = 0.001 / 4
"""Shares are shown to three decimals, so a share of n rows says its numerator to within n / 1000 at best; with its
interval beside it, to within about a quarter of that."""

Cell = frozenset[tuple[str, str | None]]
"""A slice as a set of (attribute, group); the empty set is all rows."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Cells under the minimum, and cells hidden to protect them."""

    small: frozenset[Cell] = frozenset()
    complement: frozenset[Cell] = frozenset()

    def __contains__(self, cell: object) -> bool:
        return cell in self.small or cell in self.complement


@dataclass(frozen=True, slots=True)
class GroupRows:
    """A group and how many rows it has."""

    group: str | None
    rows: int


@dataclass
class _Sum:
    """A total, and its parts along one attribute."""

    total: Cell
    parts: list[Cell] = field(default_factory=list)


def cell(slice: Mapping[str, str | None], /) -> Cell:
    """The slice as a Cell."""
    return frozenset(slice.items())


def group_rows(groups: object, /) -> list[GroupRows]:
    """Groups of one attribute with their rows: from records, from pairs, or from a mapping, which cannot say None."""
    if isinstance(groups, Mapping):
        return [GroupRows(str(k), int(v)) for k, v in groups.items()]
    out: list[GroupRows] = []
    for item in groups if isinstance(groups, Sequence) else ():
        group, n = (item.get("group"), item.get("n")) if isinstance(item, Mapping) else item
        out.append(GroupRows(None if group is None else str(group), int(n or 0)))
    return out


def group_cells(facts: Mapping[str, Any], /) -> dict[Cell, int]:
    """Rows of every group that the facts of a Subject list."""
    return {
        cell({name: found.group}): found.rows
        for name, groups in (facts.get("groups") or {}).items()
        for found in group_rows(groups)
    }


def suppress(
    rows: Mapping[Cell, int], /, *, min_cell: int, prefer: Collection[Cell] = (), spare: Collection[Cell] = ()
) -> Suppressed:
    """The cells of `rows` (cell -> denominator) that are not to be shown; all rows together always are.

    Of the cells that would protect a small one, those in `prefer` (hidden elsewhere already) are taken first and
    those in `spare` (which a comparison is about) last.
    """
    small = {c for c, n in rows.items() if 0 < n < min_cell and c}
    if not small:
        return Suppressed()
    hidden = set(small)
    by_cell: dict[Cell, list[_Sum]] = {}
    sums = [s for s in _sums(rows) if rows[s.total] * ROUNDING < min_cell]
    for s in sums:
        for c in (s.total, *s.parts):
            by_cell.setdefault(c, []).append(s)
    queue = [s for c in sorted(small, key=_order) for s in by_cell.get(c, ())]
    while queue:
        s = queue.pop()
        known = [c for c in (*s.parts, s.total) if c not in hidden]
        # An empty part hides nothing, and all rows together are always shown.
        candidates = [c for c in known if c and rows[c] > 0]
        if len(known) == len(s.parts) and candidates:
            chosen = min(candidates, key=lambda c: (c == s.total, c not in prefer, c in spare, rows[c], _order(c)))
            hidden.add(chosen)
            queue.extend(by_cell[chosen])
    return Suppressed(frozenset(small), frozenset(hidden - small))


def _order(cell: Cell) -> list[str]:
    return sorted(map(repr, cell))


def _sums(rows: Mapping[Cell, int]) -> list[_Sum]:
    """Every total whose parts along one attribute add up to it."""
    found: dict[tuple[Cell, str], _Sum] = {}
    for part in rows:
        for pair in part:
            total = part - {pair}
            if total in rows:
                found.setdefault((total, pair[0]), _Sum(total)).parts.append(part)
    return [s for s in found.values() if sum(rows[p] for p in s.parts) == rows[s.total]]


@dataclass(frozen=True, slots=True)
class Hidden:
    """For each Finding in order "" to show it, "small" or "complement" to hide its numbers; and every hidden cell."""

    reasons: tuple[str, ...]
    cells: frozenset[Cell]


def hidden_findings(findings: Iterable[Finding], sizes: Mapping[Cell, int], /, *, min_cell: int) -> Hidden:
    """Which Findings are to be shown without n, value and interval; `sizes` are the rows of whole groups.

    A comparison is hidden where it rests on too few rows or names a group of too few, and where a slice it names
    is hidden in the measure it compares (`tpr` for `tpr_gap`). The same groups are left out of every measure as
    far as that goes, because what one table leaves out another must not show.
    """
    findings = tuple(findings)
    tables: dict[tuple[str, str], list[Measure]] = {}
    for f in findings:
        if not f.measure.over and not f.measure.groups:
            tables.setdefault((f.check, f.measure.name), []).append(f.measure)
    named = {cell({**f.measure.slice, **group}) for f in findings for group in f.measure.groups}
    few = {c for c, n in sizes.items() if c and 0 < n < min_cell}
    cells = set(few)
    found: dict[tuple[str, str], Suppressed] = {}
    for key, measures in tables.items():
        found[key] = suppress(_rows(measures), min_cell=min_cell, prefer=cells, spare=named)
        cells |= found[key].small | found[key].complement
    return Hidden(tuple(_hidden(f, found, few, min_cell) for f in findings), frozenset(cells))


def _rows(measures: Sequence[Measure]) -> dict[Cell, int]:
    """Rows behind each slice: the denominators, or, where the slices are shares of one whole, what they are of it."""
    rows = {cell(m.slice): min(m.rows) for m in measures}
    if len(set(rows.values())) != 1 or len(rows) < 2:
        return rows
    whole = next(iter(rows.values()))
    sums: dict[tuple[str, ...], float] = {}
    for m in measures:
        attributes = tuple(sorted(m.slice))
        sums[attributes] = sums.get(attributes, 0.0) + (m.value or 0.0)
    if not all(abs(total - 1) < 1e-6 for attributes, total in sums.items() if attributes):
        return rows
    return {cell(m.slice): round((m.value or 0.0) * whole) for m in measures if m.slice} | {frozenset(): whole}


def _hidden(f: Finding, found: Mapping[tuple[str, str], Suppressed], few: Collection[Cell], min_cell: int) -> str:
    m = f.measure
    own = cell(m.slice)
    named = [cell({**m.slice, **group}) for group in m.groups]
    if own in few or any(c in few for c in named) or any(0 < n < min_cell for n in m.rows):
        return "small"
    base = found.get((f.check, m.name.rpartition("_")[0]), Suppressed())
    if not m.over and not m.groups:
        tables = [found[f.check, m.name], base]
        return "small" if any(own in t.small for t in tables) else "complement" if any(own in t for t in tables) else ""
    return "complement" if any(c in base for c in named) else ""
