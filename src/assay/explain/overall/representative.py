"""Rows that stand for the others: medoids of each decision and protected group, with how many rows each stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, Message
from assay.core.house import Progress
from assay.core.measure import Interval, Share, Slice
from assay.data.rows.columns import column_of, levels_of
from assay.explain.columns import Columns, Floats
from assay.explain.overall.asked import asked
from assay.explain.question import Question
from assay.explain.recourse.constraints import Constraints
from assay.explain.recourse.plausibility import distance_weights, pairwise
from assay.explain.recourse.space import space_of
from assay.explain.target import Scale
from assay.pictures.wording import clean
from assay.stats.rates import wilson

if TYPE_CHECKING:
    from assay.data.case import Case

COUNT = 10
ROWS = 20_000
"""Rows that are decided and sorted into cells."""
CELL = 2000
"""Rows of a cell among which medoids are looked for."""
SWAPS = 200
TASK = "explain.representatives"
ALIKE = Message("rows-alike", "all rows of the cell are alike, so that there is no distance to explain")


@dataclass(frozen=True, eq=False)
class Medoid:
    """A row of the data: its values (columns,), its answer, and the share of the cell's rows that are nearest to it.

    `rows` of the cell's sample are nearest to it, at `mean_distance`. `place` is its place in the data, where known.
    """

    row: Floats
    output: float
    rows: int
    coverage: float
    interval: Interval
    mean_distance: float
    place: int | None = None


@dataclass(frozen=True, eq=False)
class Cell:
    """The medoids of one decision (None for a regression) and group, the one that stands for most rows first.

    `rows` of the cell were read and `sampled` of them looked at. `explained`: how much smaller the summed distance to
    the nearest medoid is than to the best single one, 0 to 1; None with `reason` where all rows are alike.
    """

    decision: str | None
    group: Slice
    rows: int
    sampled: int
    medoids: tuple[Medoid, ...]
    explained: float | None
    reason: Message | None = None

    @property
    def name(self) -> str:
        """The decision and the group, for people."""
        parts = [f"decided {self.decision}"] if self.decision is not None else []
        parts += [f"{name} {'missing' if value is None else value}" for name, value in self.group.items()]
        return ", ".join(parts) or "all rows"


@dataclass(frozen=True, eq=False)
class Representatives:
    """The `cells`, each with its medoids; `rows` of the data were read with `seed`."""

    columns: Columns
    cells: tuple[Cell, ...]
    rows: int
    target: str
    scale: Scale
    level: float
    seed: int

    def text(self) -> str:
        """A table for people, a block a cell; control characters of the data are written out."""
        blocks = []
        for cell in self.cells:
            explained = (
                "" if cell.explained is None else f"; {cell.explained:.0%} of the distance to one medoid explained"
            )
            of = f" of {cell.rows:,}" if cell.sampled < cell.rows else ""
            lines = [f"{clean(cell.name, longest=200)}: {cell.sampled:,}{of} rows{explained}"]
            for medoid in cell.medoids:
                named = zip(self.columns.names, self.columns.show(medoid.row), strict=True)
                place = "" if medoid.place is None else f"row {medoid.place}: "
                shown = ", ".join(f"{clean(name)} {clean(value)}" for name, value in named)
                lines.append(
                    f"  {medoid.coverage:4.0%} [{medoid.interval.low:.0%}, {medoid.interval.high:.0%}]  "
                    f"{clean(self.target)} {medoid.output:.3g}  {place}{shown}"
                )
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return {
            "target": self.target,
            "scale": self.scale,
            "rows": self.rows,
            "level": self.level,
            "seed": self.seed,
            "columns": list(self.columns.names),
            "cells": [self._cell(cell) for cell in self.cells],
        }

    def _cell(self, cell: Cell) -> dict[str, Any]:
        return {
            "decision": cell.decision,
            "group": dict(cell.group),
            "rows": cell.rows,
            "sampled": cell.sampled,
            "explained": cell.explained,
            "reason": None if cell.reason is None else cell.reason.text(),
            "medoids": [
                {
                    "row": one.place,
                    "shown": list(self.columns.show(one.row)),
                    "output": one.output,
                    "rows": one.rows,
                    "coverage": one.coverage,
                    "interval": one.interval.to_json(),
                    "mean_distance": one.mean_distance,
                }
                for one in cell.medoids
            ],
        }


def representatives(
    about: Question | Case,
    /,
    *,
    count: int = COUNT,
    limit: int = ROWS,
    level: float = 0.95,
    seed: int = 0,
    progress: Progress | None = None,
) -> Representatives:
    """The Representatives of the rows: up to `count` for each decision and each combination of protected groups.

    Medoids: real rows that together are nearest to all rows of their cell, by the distance that recourse uses (robust
    standard deviations of numbers, 1 for a category that differs; columns of the model only). Up to `limit` rows are
    read and up to CELL of a cell looked at, drawn with the seed. Found greedily, then improved by swaps until none
    helps: a local optimum, not the best of all. A cell with fewer different rows has fewer medoids.

    Coverage has Wilson's interval over the rows with the medoids as they are; that they were chosen on the same rows
    is left aside. A medoid is a person: show it to those only who may see the data.
    Sources: Kaufman & Rousseeuw (1990), Finding Groups in Data, ch. 2 (PAM); Nemhauser, Wolsey & Fisher (1978),
    Mathematical Programming 14:265 (greedy); Schubert & Rousseeuw (2021), Information Systems 101 (all swaps at once).
    """
    if count < 1:
        raise AssayError(f"{count} representatives are none.", code="count", hint="Give a number from 1.")
    # A Question keeps its rows with their groups; a Case is sampled.
    question = about if isinstance(about, Question) else asked(about, limit=limit, seed=seed)
    space = space_of(Constraints(), question.columns, question.background)
    outputs = question.target(question.rows)
    cells, keys = [], _keys(question)
    if progress is not None:
        progress.started(TASK, total=len(keys))
    for i, key in enumerate(keys):
        chosen = key.rows[np.sort(np.random.default_rng([seed, i]).permutation(len(key.rows))[:CELL])]
        points = question.rows[chosen]
        found = medoids(pairwise(points, points, distance_weights(space), space.nominal), count)
        cells.append(_cell(question, key, chosen, found, outputs, level))
        if progress is not None:
            progress.advanced(TASK, done=i + 1)
    if progress is not None:
        progress.ended(TASK)
    target = question.target
    return Representatives(question.columns, tuple(cells), len(question.rows), target.name, target.scale, level, seed)


@dataclass(frozen=True, eq=False)
class _Key:
    decision: str | None
    group: Slice
    rows: NDArray[np.int64]


def _keys(question: Question) -> list[_Key]:
    """The cells that have rows, by decision and group."""
    if not len(question.rows):
        raise AssayError("No rows were asked about.", code="empty", hint="Ask about at least one row.")
    decisions = _decisions(question)
    names = [] if question.groups is None else list(question.groups.column_names)
    columns = [question.groups.column(name).combine_chunks() for name in names]
    values = [levels_of(c, column_of(name, c.type)) for name, c in zip(names, columns, strict=True)]
    found: dict[tuple[str | None, ...], list[int]] = {}
    for i, key in enumerate(zip(decisions, *values, strict=True)):
        found.setdefault(key, []).append(i)
    order = sorted(found, key=lambda key: tuple((value is None, value or "") for value in key))
    return [_Key(key[0], dict(zip(names, key[1:], strict=True)), np.array(found[key])) for key in order]


def _decisions(question: Question) -> list[str | None]:
    target = question.target
    if target.output is None:
        return [None] * len(question.rows)
    classes = target.model.classes
    other = classes[1 - target.output] if len(classes) == 2 else f"other than {target.label}"
    return [target.label if met else other for met in target.decides(question.rows)]


def _cell(
    question: Question, key: _Key, chosen: NDArray[np.int64], found: Medoids, outputs: Floats, level: float
) -> Cell:
    many = np.bincount(found.nearest, minlength=len(found.rows))
    total = np.bincount(found.nearest, found.distance, minlength=len(found.rows))
    n = len(chosen)
    made = []
    for k in np.argsort(-many, kind="stable"):
        place, rows = int(chosen[found.rows[k]]), int(many[k])
        made.append(
            Medoid(
                question.rows[place],
                float(outputs[place]),
                rows,
                rows / n,
                wilson(Share(rows, n, n, n), level=level),
                float(total[k]) / rows,
                question.places[place] if question.places else None,
            )
        )
    explained = None if found.one <= 0 else 1 - float(found.distance.sum()) / found.one
    return Cell(key.decision, key.group, len(key.rows), n, tuple(made), explained, ALIKE if explained is None else None)


@dataclass(frozen=True, eq=False)
class Medoids:
    """`rows` (medoids,) of a matrix of distances; `nearest` (points,) of them and its `distance` for each point.

    `one` is the summed distance to the best single medoid.
    """

    rows: NDArray[np.int64]
    nearest: NDArray[np.int64]
    distance: Floats
    one: float


def medoids(apart: Floats, count: int, /) -> Medoids:
    """The Medoids of (points, points) distances `apart`, 0 on the diagonal: at most `count`, no two at distance 0.

    Greedy: each next one lowers the summed distance most; then, as long as there is one, the swap of a medoid with
    another point that lowers it most. Ties go to the first point. n² numbers are held a few times.
    """
    near = np.full(len(apart), np.inf)
    chosen: list[int] = []
    one = float(apart.sum(axis=1).min())
    while len(chosen) < min(count, len(apart)) and (not chosen or near.max() > 0):
        best = int(np.argmin(np.minimum(apart, near).sum(axis=1)))
        chosen.append(best)
        near = np.minimum(near, apart[best])
    for _ in range(SWAPS):
        if not _swap(apart, chosen):
            break
    to = apart[:, chosen]
    nearest = np.argmin(to, axis=1)
    return Medoids(np.array(chosen), nearest, to[np.arange(len(apart)), nearest], one)


def _swap(apart: Floats, chosen: list[int]) -> bool:
    """True where the best swap lowered the summed distance; `chosen` then has it."""
    to = apart[:, chosen]
    order = np.argsort(to, axis=1, kind="stable")
    points = np.arange(len(apart))
    first = to[points, order[:, 0]]
    second = to[points, order[:, 1]] if len(chosen) > 1 else np.full(len(apart), np.inf)
    joined = np.minimum(apart, first)
    owner = np.zeros((len(apart), len(chosen)))
    owner[points, order[:, 0]] = 1.0
    if len(chosen) == 1:
        after = apart.sum(axis=1, keepdims=True)
    else:
        after = joined.sum(axis=1, keepdims=True) + (np.minimum(apart, second) - joined) @ owner
    now = float(first.sum())
    candidate, leaves = np.unravel_index(int(np.argmin(after)), after.shape)
    if after[candidate, leaves] >= now - 1e-9 * max(1.0, now):
        return False
    chosen[int(leaves)] = int(candidate)
    return True
