"""What the columns added to the answers of many rows, a dot a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.explain.attribution import Attributions
from assay.explain.columns import Column, Floats
from assay.explain.drawing.terms import (
    check_rows,
    compared,
    cut_middle,
    decimals_for,
    distinct,
    on_scale,
    others,
    split,
)
from assay.pictures import Chart, Picture
from assay.pictures.axes import Names
from assay.pictures.crowds import dots
from assay.pictures.marks import Frame, Place
from assay.pictures.paint import MUTED, coordinate, marker, shade
from assay.pictures.wording import number_text

BINS, LANES, SHADES = 180, 9, 5
"""Dots of a column stand side by side in so many places, one above the other in so many, in so many shades."""

PITCH = 2.7
"""Units from one lane to the next."""

MISSING, NAMED = SHADES, SHADES + 1
"""Beyond the shades: a dot whose value is missing, and one whose value is a category."""

_COLOURS = (*(shade(0.22 + 0.78 * i / (SHADES - 1)) for i in range(SHADES)), "#d55e00", MUTED)
_LEGEND = ("lowest values", "", "middle", "", "highest values", "missing", "category, or columns together")


def beeswarm(found: Attributions, /, *, most: int = 20, width: int = 720) -> Picture:
    """The picture of many rows: a line for each column, the most important on top, a dot for what it added to a row.

    Dots darken with the value of the column by rank; a missing value is a cross, categories are grey. Where more rows
    fall on one place than there is room for, a dot is several rows (the note says how many at most) with their mean.
    The columns past `most` are one line. Nothing is random: the same rows give the same bytes.
    """
    check_rows(found)
    size = found.importance()
    kept, rest = split(np.argsort(-size, kind="stable"), most)
    added = [found.values[:, i] for i in kept]
    ranks = [_shades(found.columns.columns[i], found.rows[:, i]) for i in kept]
    decimals = decimals_for(size)
    names = [
        f"{cut_middle(found.columns.names[i], 22)} ({number_text(float(size[i]), decimals=decimals)})" for i in kept
    ]
    if len(rest):
        together = found.values[:, rest].sum(axis=1)
        added.append(together)
        ranks.append(np.full(len(found), np.inf))
        names.append(f"{others(len(rest))} ({number_text(float(np.abs(together).mean()), decimals=decimals)})")
    low, high = min(0.0, *(float(v.min()) for v in added)), max(0.0, *(float(v.max()) for v in added))
    swarms = [_swarm(v, r, low, high) for v, r in zip(added, ranks, strict=True)]
    crowd = max(swarm.crowd for swarm in swarms)
    folded = "" if crowd < 2 else f" · a dot is up to {crowd:,} rows"
    chart = Chart(
        f"What each column added to {found.target}: {len(found):,} rows",
        x=f"added to {on_scale(found.target, found.scale)}",
        y="column (mean size of what it added)",
        note=compared(found, errors="sampled") + folded,
        width=width,
        height=150 + 30 * len(names),
    )
    for layer in _layers(swarms, distinct(names)):
        chart.add(layer)
    return chart.picture()


@dataclass(frozen=True, slots=True)
class _Swarm:
    """Dots of one column: where along x, in which lane (0 the middle), of which kind; `crowd` rows in one at most."""

    x: Floats
    lane: Floats
    kind: NDArray[np.int64]
    crowd: int


def _layers(swarms: Sequence[_Swarm], names: tuple[str, ...]) -> Iterator[_Dots]:
    """The dots of all columns, a layer for each kind."""
    for kind, (colour, said) in enumerate(zip(_COLOURS, _LEGEND, strict=True)):
        chosen = [swarm.kind == kind for swarm in swarms]
        if kind < SHADES or any(bool(one.any()) for one in chosen):
            xs = np.concatenate([s.x[c] for s, c in zip(swarms, chosen, strict=True)])
            lanes = np.concatenate([s.lane[c] for s, c in zip(swarms, chosen, strict=True)])
            places = np.repeat(np.arange(len(swarms)), [int(c.sum()) for c in chosen])
            yield _Dots(said, colour, 5 if kind == MISSING else 0, names, xs, lanes, places)


def _shades(column: Column, values: Floats) -> Floats:
    """(rows,) rank by the rows below, the lowest value 0, the highest 1; NaN where missing, infinity for a category."""
    if column.kind == "category":
        return np.where(np.isnan(values), np.nan, np.inf)
    known = np.sort(values[~np.isnan(values)])
    below = np.searchsorted(known, values, side="left")
    return np.where(np.isnan(values), np.nan, below / max(1, below[~np.isnan(values)].max(initial=0)))


def _swarm(values: Floats, ranks: Floats, low: float, high: float) -> _Swarm:
    """The dots of a column. Rows of one place are stacked by rank; the fullest place takes all lanes."""
    bins = np.clip(((values - low) / ((high - low) or 1.0) * BINS).astype(np.int64), 0, BINS - 1)
    order = np.lexsort((np.nan_to_num(ranks, nan=-1.0, posinf=2.0), bins))
    bins, x, rank = bins[order], values[order], ranks[order]
    rows = np.bincount(bins, minlength=BINS)
    fullest = int(rows.max())
    tall = rows if fullest <= LANES else np.ceil(rows * LANES / fullest).astype(np.int64)
    place = np.arange(len(bins)) - (np.cumsum(rows) - rows)[bins]
    lane = place * tall[bins] // rows[bins]
    codes, dot, many = np.unique(bins * LANES + lane, return_inverse=True, return_counts=True)
    known = np.isfinite(rank)
    absent = np.bincount(dot, np.isnan(rank), len(codes)) * 2 > many
    named = np.bincount(dot, np.isinf(rank), len(codes)) > 0
    shown = np.bincount(dot, known, len(codes))
    mean = np.bincount(dot, np.where(known, rank, 0.0), len(codes)) / np.maximum(1, shown)
    kind = np.clip((mean * SHADES).astype(np.int64), 0, SHADES - 1)
    kind = np.where(absent, MISSING, np.where(named, NAMED, kind))
    offset = codes % LANES - (tall[codes // LANES] - 1) / 2
    return _Swarm(np.bincount(dot, x, len(codes)) / many, np.asarray(offset), kind, int(many.max()))


@dataclass(frozen=True, slots=True)
class _Dots:
    """All dots of one kind; `places` say on the line of which name each stands."""

    name: str
    colour: str
    shape: int
    names: tuple[str, ...]
    xs: Floats
    lanes: Floats
    places: NDArray[np.int64]

    def x_values(self) -> Iterable[Place]:
        """Zero, the least and the greatest."""
        return (0.0, float(self.xs.min()), float(self.xs.max())) if len(self.xs) else (0.0,)

    def y_values(self) -> Iterable[Place]:
        """All names."""
        return self.names

    def draw(self, frame: Frame, /) -> Iterator[str]:
        """One element."""
        assert isinstance(frame.y, Names)
        assert not isinstance(frame.x, Names)
        low, high = frame.x.low, frame.x.high
        x = frame.x.start + (self.xs - low) / (high - low) * (frame.x.end - frame.x.start)
        y = frame.y.start + (self.places + 0.5) * frame.y.band - self.lanes * PITCH
        yield dots(x, y, colour=self.colour, shape=self.shape, size=PITCH)

    def key(self, x: float, y: float, /) -> str:
        """A dot, larger than in the picture."""
        if self.shape:
            return marker(x + 12, y, 5, fill=self.colour)
        return f'<circle cx="{coordinate(x + 14)}" cy="{coordinate(y)}" r="5" fill="{self.colour}"/>'
